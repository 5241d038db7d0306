"""Prepayments: what drivers pay inside, at a machine or an attendant, before they leave.

Each is booked once by the id that its taker chose, with its ledger entry; so is what is given back of it. Who
passes the total of a session on reads it again afterwards: another prepayment may have been booked meanwhile,
and passed on before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid5

from typing_extensions import override

from parking.errors import Conflict, InvalidInput, NotFound, Unavailable
from parking.ids import partition_of
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.ledger import prepayment_received, prepayment_released
from settlement.unused import PrepaidBooks

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from parking.ids import GarageId, SessionId

__all__ = ["Prepaid", "Prepayment", "PrepaymentRefund", "Prepayments", "Total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepayment:
    """``taken_by`` is the machine's or the attendant's token.

    ``paid_before_fen`` is what the payer saw paid for the stay before; ``None`` where nobody looked.
    ``needless`` when nothing was due: it waits to be given back, and the driver has no longer to leave by it.
    """

    prepayment_id: str
    garage_id: GarageId
    session_id: SessionId
    amount_fen: int
    method: str
    taken_by: str
    paid_before_fen: int | None = None
    needless: bool = False

    def __post_init__(self) -> None:
        if self.amount_fen <= 0:
            raise InvalidInput("an amount above zero", ("amount_fen",))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepaymentRefund:
    """What a person, ``given_by``, gave back, in the way that ``method`` names."""

    refund_id: str
    garage_id: GarageId
    session_id: SessionId
    amount_fen: int
    method: str
    given_by: str

    def __post_init__(self) -> None:
        if self.amount_fen <= 0:
            raise InvalidInput("an amount above zero", ("amount_fen",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What a session has paid inside in all and not been given back, and when it last paid what was due."""

    amount_fen: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepaid:
    """A prepayment is booked; ``fresh`` when this call did it. The total is read after that."""

    fresh: bool
    total: Total


class Prepayments(PrepaidBooks):
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def take(self, prepayment: Prepayment, now: datetime) -> Prepaid:
        """Book it, once.

        Raises :class:`Conflict` when its id was used for another, or somebody else has paid since the payer
        looked: of two who pay for one stay at once, the second is refused.
        """
        partition = partition_of(prepayment.garage_id, self._partition_count)
        (entry,) = prepayment_received(
            prepayment.garage_id,
            uuid5(prepayment.session_id, f"prepayment/{prepayment.prepayment_id}"),
            amount_fen=prepayment.amount_fen,
        )
        async with connection(self._pool) as held, held.transaction():
            if prepayment.paid_before_fen is not None:
                await held.execute(sql("prepayments/lock"), prepayment.session_id)
            fresh = await held.fetchval(
                sql("prepayments/take"),
                partition,
                prepayment.prepayment_id,
                prepayment.garage_id,
                prepayment.session_id,
                prepayment.amount_fen,
                prepayment.method,
                prepayment.taken_by,
                now,
                entry.transaction_id,
                entry.kind,
                entry.debit_account,
                entry.credit_account,
                prepayment.paid_before_fen,
                prepayment.needless,
            )
            recorded = await held.fetchrow(sql("prepayments/find"), partition, prepayment.prepayment_id)
        _check(prepayment, recorded)
        return Prepaid(fresh=fresh, total=await self.total(prepayment.session_id))

    async def total(self, session_id: SessionId) -> Total:
        """What a session has paid inside; raises :class:`NotFound` when that is nothing."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("prepayments/total"), session_id)
        if row is None or row["last_at"] is None:
            raise NotFound("nothing was paid inside for this session")
        return Total(amount_fen=row["total_fen"], last_at=row["last_at"])

    async def refund(self, refund: PrepaymentRefund, now: datetime, *, over_until: datetime) -> bool:
        """Give back what no bill has used, once; whether this call did it.

        Raises :class:`Conflict` when the id was used for another refund, the stay has not ended by
        ``over_until``, or less is left.
        """
        partition = partition_of(refund.garage_id, self._partition_count)
        (entry,) = prepayment_released(
            refund.garage_id,
            uuid5(refund.session_id, f"prepayment-refund/{refund.refund_id}"),
            amount_fen=refund.amount_fen,
        )
        async with connection(self._pool) as held, held.transaction():
            await held.execute(sql("prepayments/lock"), refund.session_id)
            await held.execute(sql("prepayments/lock_stay"), partition, refund.session_id)
            fresh: bool = await held.fetchval(
                sql("prepayments/refund"),
                partition,
                refund.refund_id,
                refund.garage_id,
                refund.session_id,
                refund.amount_fen,
                refund.method,
                refund.given_by,
                now,
                over_until,
                entry.transaction_id,
                entry.kind,
                entry.debit_account,
                entry.credit_account,
            )
            recorded = await held.fetchrow(sql("prepayments/find_refund"), partition, refund.refund_id)
        if recorded is None:
            raise Conflict("the stay is not over for good, or its bills leave less unused")
        if tuple(recorded) != (refund.garage_id, refund.session_id, refund.amount_fen, refund.method):
            raise Conflict("this refund_id was used for another refund")
        return fresh

    async def find(self, garage_id: GarageId, prepayment_id: str) -> bool:
        """Whether a prepayment with this id is booked."""
        partition = partition_of(garage_id, self._partition_count)
        async with connection(self._pool) as held:
            return await held.fetchrow(sql("prepayments/find"), partition, prepayment_id) is not None

    async def report_unused(self, prepayment: Prepayment, now: datetime) -> None:
        """Its car had left before the gates knew of it: let a person give the money back."""
        details = {
            "prepayment_id": prepayment.prepayment_id,
            "session_id": str(prepayment.session_id),
            "amount_fen": prepayment.amount_fen,
            "method": prepayment.method,
        }
        async with connection(self._pool) as held:
            await held.execute(
                sql("prepayments/report_unused"),
                partition_of(prepayment.garage_id, self._partition_count),
                f"prepayment:{prepayment.garage_id}/{prepayment.prepayment_id}",
                prepayment.garage_id,
                json.dumps(details),
                now,
            )

    @override
    async def report_all_unused(
        self, now: datetime, *, paid_from: datetime, over_until: datetime, session_id: SessionId | None = None
    ) -> int:
        async with connection(self._pool) as held:
            reported: int = await held.fetchval(
                sql("prepayments/report_all_unused"), now, paid_from, over_until, session_id
            )
        return reported


def _check(prepayment: Prepayment, recorded: asyncpg.Record | None) -> None:
    if recorded is None and prepayment.paid_before_fen is not None:
        raise Conflict("somebody else has paid for this stay meanwhile: look again at what is due")
    if recorded is None:
        raise Unavailable("somebody else books this prepayment now")
    given = (prepayment.garage_id, prepayment.session_id, prepayment.amount_fen, prepayment.method)
    if tuple(recorded) != given:
        raise Conflict("this prepayment_id was used for another prepayment")
