"""Tokens of cars without a plate, in the books: whose they are, which were lost, and what replaced them.

The books never see a token, only its name, as a plate number, and its digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from parking.errors import Conflict
from parking.ids import SessionId, partition_of
from settlement.books.accounts import bind
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from parking.ids import AccountId, GarageId
    from parking.stay_token import StayToken

__all__ = ["StayTokens", "TokenStay"]

USELESS_AFTER: Final = timedelta(days=3)
"""A token is valid for a day at most, and its entry may be reported two days late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenStay:
    """A car without a plate that is inside; ``replaced`` counts the tokens that were lost.

    ``image_reference`` is ``None`` where the controller named no picture.
    """

    session_id: SessionId
    number: str
    entered_at: datetime
    entry_lane_id: str
    image_reference: str | None
    account_id: UUID | None
    replaced: int


class StayTokens:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def bind(self, account_id: AccountId, token: StayToken, now: datetime) -> None:
        """Give a token to an account, like a plate, and let go of its old ones; again is fine.

        Raises :class:`NotFound` or :class:`Conflict`, as for a plate.
        """
        async with connection(self._pool) as held, held.transaction():
            await bind(held, account_id, token.plate, now, by="token")
            await held.execute(sql("stay_tokens/let_go"), account_id, now - USELESS_AFTER, now)

    async def inside(
        self, garage_id: GarageId, *, entered_from: datetime, entered_until: datetime, limit: int
    ) -> list[TokenStay]:
        """The cars without a plate that came in within a span and are still there."""
        partition = partition_of(garage_id, self._partition_count)
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("stay_tokens/inside"), partition, garage_id, entered_from, entered_until, limit
            )
        return [TokenStay(**{**row, "session_id": SessionId(row["session_id"])}) for row in rows]

    async def record_replacement(
        self,
        session_id: SessionId,
        garage_id: GarageId,
        token: StayToken,
        *,
        by: str,
        reason: str,
        now: datetime,
    ) -> None:
        """Keep that a stay gets another token, before its gate is told; :class:`Conflict` within a moment."""
        partition, number = partition_of(garage_id, self._partition_count), token.plate.number
        async with connection(self._pool) as held:
            recorded = await held.fetchval(
                sql("stay_tokens/replace"),
                partition,
                session_id,
                now,
                garage_id,
                number,
                token.digest,
                by,
                reason,
            )
        if recorded is None:
            raise Conflict("somebody else replaces this token now")
