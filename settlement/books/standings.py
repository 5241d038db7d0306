"""What bears on standing from outside, kept in the books: credit scores and block lists; and why it was so.

Each decision about a session was recorded when it was made. Read back beside what the gates were asked and
answered, it says why a car was stopped, or could leave.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from parking.errors import Conflict, InvalidInput, NotFound
from parking.ids import AccountId, partition_of
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from parking.ids import GarageId, SessionId
    from parking.plate import Plate
    from settlement.books.views import SessionView
    from settlement.policy import Scope

__all__ = ["EntryNotice", "LastPassage", "NewBlock", "Passage", "Standings", "Told"]

AFTERWARDS: Final = timedelta(days=1)
"""How long after a car has left its gates are still looked at: it may turn back, or be reported late."""
LOOK_BACK: Final = timedelta(days=7)
"""How long ago a passage may be that is asked about without its session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the gates were told of a session at a moment; ``rules`` and ``debt`` as they were recorded."""

    decided_at: datetime
    account_id: AccountId | None
    allowed: bool
    limit_fen: int
    reason: str
    expires_at: datetime
    policy_version_id: str
    rules: Sequence[Mapping[str, Any]]
    debt: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What a gate was asked about the car, and what it answered."""

    captured_at: datetime
    received_at: datetime
    event_id: str
    lane_id: str
    kind: str
    offline: bool
    verdict: str
    reason: str
    amount_fen: int
    limit_fen: int
    result: str
    prepaid_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPassage(Passage):
    """With the plate that was read, the session that it belongs to, and the debt that was told."""

    number: str
    colour: str
    session_id: SessionId | None
    debt_reference: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryNotice:
    """By what the entries of a garage had been told of a debt; ``rules`` as they were recorded."""

    policy_version_id: str
    rules: Sequence[Mapping[str, Any]]
    owed_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlock:
    """An account, or else a plate, to keep from leaving first, as far as ``scope`` reaches from a garage."""

    block_id: str
    account_id: AccountId | None
    plate: Plate | None
    scope: Scope
    garage_id: GarageId
    cause: str
    valid_until: datetime

    def __post_init__(self) -> None:
        if (self.account_id is None) == (self.plate is None):
            raise InvalidInput("either an account or a plate", ("account_id", "plate"))


class Standings:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def told(self, session: SessionView) -> list[Told]:
        """What the gates were told of a session, oldest first."""
        partition = partition_of(session.garage_id, self._partition_count)
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("standing/decisions_of"), partition, session.entered_at, session.session_id
            )
        return [
            Told(
                **{
                    **row,
                    "rules": json.loads(row["rules"]),
                    "debt": None if row["debt"] is None else json.loads(row["debt"]),
                }
            )
            for row in rows
        ]

    async def passages(self, session: SessionView, now: datetime) -> list[Passage]:
        """What the garage's gates were asked and answered about the car during its stay."""
        until = (session.left_at or now) + AFTERWARDS
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("standing/events_of"),
                partition_of(session.garage_id, self._partition_count),
                session.garage_id,
                session.session_id,
                session.number,
                session.entered_at,
                until,
            )
        return [Passage(**row) for row in rows]

    async def last_passage(
        self, garage_id: GarageId, *, event_id: str | None, number: str | None, at: datetime
    ) -> LastPassage:
        """The last of an event or a plate, or of both, in the week before ``at``; :class:`NotFound`."""
        partition = partition_of(garage_id, self._partition_count)
        async with connection(self._pool) as held:
            row = await held.fetchrow(
                sql("standing/last_event"), partition, garage_id, at - LOOK_BACK, at, event_id, number
            )
        if row is None:
            raise NotFound(f"this garage's gates were not asked about it in the week before {at.isoformat()}")
        return LastPassage(**row)

    async def entry_notice(self, passage: LastPassage, garage_id: GarageId) -> EntryNotice | None:
        """By what an entry held, or told, a debtor; ``None`` where no debt was told."""
        if passage.debt_reference is None:
            return None
        async with connection(self._pool) as held:
            row = await held.fetchrow(
                sql("standing/entry_notice"), passage.debt_reference, garage_id, passage.received_at
            )
        return None if row is None else EntryNotice(**{**row, "rules": json.loads(row["rules"])})

    async def put_score(
        self, account_id: AccountId, score: int, *, source: str, now: datetime, valid_until: datetime
    ) -> None:
        """Keep a credit score; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            kept = await held.fetchval(sql("standing/put_score"), account_id, score, source, now, valid_until)
        if kept is None:
            raise NotFound("there is no such account")

    async def add_block(self, block: NewBlock, *, by: str, now: datetime) -> None:
        """Put it on the list; again is fine. Raises :class:`Conflict`, or :class:`NotFound`."""
        plate = block.plate
        content = (
            block.account_id,
            plate.number if plate else None,
            plate.colour if plate else None,
            block.scope,
            block.garage_id,
            block.cause,
        )
        async with connection(self._pool) as held:
            recorded = await held.fetchrow(
                sql("standing/add_block"), block.block_id, *content, by, now, block.valid_until
            )
        if recorded is None or tuple(recorded) != (*content, block.valid_until):
            raise Conflict("this block_id was used for another entry")

    async def end_block(self, block_id: str, now: datetime) -> tuple[AccountId | None, str | None]:
        """Take it off; the account or the plate number. Raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("standing/end_block"), block_id, now)
        if row is None:
            raise NotFound("there is no such entry in force")
        return row["account_id"], row["number"]

    async def blocks(self, now: datetime) -> list[Mapping[str, Any]]:
        """The entries in force, latest first, at most a thousand."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("standing/blocks"), now)
        return [dict(row) for row in rows]
