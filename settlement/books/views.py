"""What operators see of the books: sessions with their bills and charges, and an overview."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from parking.errors import Defect, NotFound
from parking.ids import BillId, GarageId, SessionId, partition_of
from parking.session import State
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg

__all__ = [
    "LAST_PLACE",
    "BillView",
    "ChargeView",
    "Overview",
    "SessionFile",
    "SessionPlace",
    "SessionView",
    "Views",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlace:
    """A place in the order of sessions."""

    entered_at: datetime
    session_id: UUID


LAST_PLACE: Final = SessionPlace(entered_at=datetime(9999, 1, 1, tzinfo=UTC), session_id=UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """One session as archived."""

    session_id: SessionId
    garage_id: GarageId
    number: str
    colour: str
    entered_at: datetime
    entry_lane_id: str
    tariff_version_id: str
    account_id: UUID | None
    state: State
    version: int
    left_at: datetime | None
    exit_lane_id: str | None

    @property
    def place(self) -> SessionPlace:
        """Where it stands in the list."""
        return SessionPlace(entered_at=self.entered_at, session_id=self.session_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillView:
    """A bill, or the credit note that takes one back; ``proof`` is the text stored with it.

    ``funded`` are the coupons that it has used, or of a credit note, those that it freed.

    ``entered_at`` is the entry that it charges from, corrected where it was, and ``vehicle_class`` what a
    person has found the vehicle to be, ``None`` what its plate says.
    """

    bill_id: BillId
    kind: str
    credits_bill_id: UUID | None
    version: int
    correction: int
    account_id: UUID | None
    number: str
    colour: str
    entered_at: datetime
    left_at: datetime
    tariff_version_id: str
    vehicle_class: str | None
    amount_fen: int
    prepaid_fen: int
    reason: str
    proof: str
    funded: Sequence[Mapping[str, Any]]
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeView:
    """A charge and its attempts, without what identifies the driver to the rail."""

    charge_id: UUID
    bill_id: UUID
    direction: str
    rail: str | None
    amount_fen: int
    state: str
    last_code: str | None
    raised_at: datetime
    next_at: datetime | None
    moved_at: datetime
    attempts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFile:
    """Everything about one session."""

    session: SessionView
    bills: Sequence[BillView]
    charges: Sequence[ChargeView]
    prepayments: Sequence[Mapping[str, Any]]
    prepayment_refunds: Sequence[Mapping[str, Any]]
    corrections: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """How the installation is doing; events and bills are those since a moment."""

    events: Mapping[str, int]
    sessions_inside: int
    review_items: int
    bills: int
    billed_fen: int
    credit_notes: int
    credited_fen: int


class Views:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def sessions_of_garage(
        self,
        garage_id: GarageId,
        *,
        states: Collection[State],
        entered_from: datetime,
        before: SessionPlace,
        limit: int,
    ) -> list[SessionView]:
        """Sessions of a garage, latest entry first."""
        partition = partition_of(garage_id, self._partition_count)
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("views/sessions_of_garage"),
                partition, garage_id, list(states), entered_from, before.entered_at, before.session_id, limit,
            )  # fmt: skip
        return [_session(row) for row in rows]

    async def sessions_of_plate(
        self,
        number: str,
        *,
        garage_id: str | None,
        states: Collection[State],
        entered_from: datetime,
        before: SessionPlace,
        limit: int,
    ) -> list[SessionView]:
        """Sessions of a plate number in any colour, latest entry first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("views/sessions_of_plate"),
                number, garage_id, list(states), entered_from, before.entered_at, before.session_id, limit,
            )  # fmt: skip
        return [_session(row) for row in rows]

    async def session(self, session_id: SessionId) -> SessionView | None:
        """One session; ``None`` while it is not archived."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("views/session"), session_id)
        return None if row is None else _session(row)

    async def session_file(self, session_id: SessionId) -> SessionFile:
        """One session with all that belongs to it; raises :class:`NotFound`."""
        async with (
            connection(self._pool) as held,
            held.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await held.fetchrow(sql("views/session"), session_id)
            if row is None:
                raise NotFound("there is no such session")
            session = _session(row)
            partition = partition_of(session.garage_id, self._partition_count)
            rows = await held.fetch(sql("views/bills"), partition, session.entered_at, session_id)
            bills = [BillView(**{**row, "funded": json.loads(row["funded"])}) for row in rows]
            charges = await held.fetch(sql("views/charges"), partition, [bill.bill_id for bill in bills])
            prepayments = await held.fetch(sql("views/prepayments"), session_id)
            refunds = await held.fetch(sql("views/prepayment_refunds"), session_id)
            corrections = await held.fetch(sql("corrections/of_session"), partition, session_id)
        return SessionFile(
            session=session,
            bills=bills,
            charges=[ChargeView(**{**row, "attempts": json.loads(row["attempts"])}) for row in charges],
            prepayments=[dict(row) for row in prepayments],
            prepayment_refunds=[dict(row) for row in refunds],
            corrections=[dict(row) for row in corrections],
        )

    async def overview(self, since: datetime) -> Overview:
        """How things stand."""
        async with connection(self._pool) as held:
            events = await held.fetch(sql("views/events_by_result"), since)
            row = await held.fetchrow(sql("views/overview"), since)
        if row is None:
            raise Defect("the overview is no row")
        return Overview(events={one["result"]: one["events"] for one in events}, **row)


def _session(row: asyncpg.Record) -> SessionView:
    return SessionView(**{**row, "state": State(row["state"])})
