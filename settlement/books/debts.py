"""Debts in the books: what lanes were told, who paid what where, and what is disputed.

A payment at a garage pays all that a reference names and that is still open, or nothing. It is booked once by
the id that its taker chose. A payment by a rail is the charge itself, sent once more: it is paid or declined
as ever. A charge that a rail is being asked about cannot be paid beside it, and one that is paid is not sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.errors import Conflict, NotFound
from parking.ids import AccountId, BillId, GarageId, Partition, SessionId, partition_of
from settlement.books.owing import is_payable, lock_owed, owing_of
from settlement.books.pool import connection
from settlement.books.posting import take_back
from settlement.books.statements import sql
from settlement.debt_ledger import debt_collected

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from parking.plate import Plate
    from settlement.books.owing import Owing
    from settlement.ledger import Entry

__all__ = ["UPHELD", "DebtPayment", "Debts", "DisputeEnd", "Disputed", "Received"]

UPHELD = "dispute_upheld"
"""Why a bill was credited that its driver had disputed with reason."""


@unique
class DisputeEnd(StrEnum):
    """How a person ended the dispute of a bill."""

    REJECTED = "rejected"
    """The bill stands, and counts again."""
    UPHELD = "upheld"
    """The bill is credited; what was paid for it is given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtPayment:
    """What a garage took of a debtor; ``taken_by`` is the machine's or the attendant's token."""

    payment_id: str
    reference: str
    collected_at: GarageId
    amount_fen: int
    method: str
    taken_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A payment is booked; ``fresh`` when this call did it."""

    owing: Owing
    fresh: bool


class Debts:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def owing(self, reference: str) -> Owing:
        """What a reference stands for now; raises :class:`NotFound`."""
        async with connection(self._pool) as held, held.transaction():
            return owing_of(*await lock_owed(held, reference))

    async def pay(self, payment: DebtPayment, now: datetime) -> Received:
        """Book a payment, once.

        Raises :class:`NotFound`, or :class:`Conflict` when another sum is owed, or the id was used before.
        """
        async with connection(self._pool) as held, held.transaction():
            notice, rows = await lock_owed(held, payment.reference)
            recorded = await held.fetchrow(sql("debts/payment"), payment.payment_id)
            if recorded is not None:
                _check(payment, recorded)
                return Received(owing=owing_of(notice, rows), fresh=False)
            payable = [row for row in rows if is_payable(row)]
            owed_fen = sum(row["amount_fen"] for row in payable)
            if payment.amount_fen != owed_fen or not owed_fen:
                raise Conflict(f"{owed_fen} fen can be paid by this reference now")
            await self._collect(held, payment, payable, now)
            return Received(owing=owing_of(*await lock_owed(held, payment.reference)), fresh=True)

    async def _collect(
        self,
        held: asyncpg.pool.PoolConnectionProxy,
        payment: DebtPayment,
        payable: Sequence[asyncpg.Record],
        now: datetime,
    ) -> None:
        entries = [
            entry
            for row in payable
            for entry in debt_collected(
                GarageId(row["garage_id"]),
                BillId(row["bill_id"]),
                row["charge_id"],
                collector_id=payment.collected_at,
                amount_fen=row["amount_fen"],
            )
        ]
        charges = [(row["partition"], row["charge_id"]) for row in payable]
        await held.execute(
            sql("debts/collect"),
            *map(list, zip(*charges, strict=True)),
            *map(list, zip(*(self._columns(entry) for entry in entries), strict=True)),
            payment.payment_id,
            payment.reference,
            payment.collected_at,
            payment.method,
            payment.taken_by,
            now,
        )

    def _columns(self, entry: Entry) -> tuple[object, ...]:
        return (
            partition_of(entry.garage_id, self._partition_count),
            entry.transaction_id,
            entry.line,
            entry.kind,
            entry.debit_account,
            entry.credit_account,
            entry.amount_fen,
            entry.garage_id,
            entry.bill_id,
            entry.charge_id,
        )

    async def send(self, reference: str, account_id: AccountId, now: datetime) -> Owing:
        """Have what can be paid by a reference sent to the rail of an account's agreement, at once.

        What is with a rail already, or paid, stays as it is: repeating it does no harm. Raises
        :class:`NotFound`, or :class:`Conflict` when it is not this account's debt, or there is no agreement.
        """
        async with connection(self._pool) as held, held.transaction():
            notice, rows = await lock_owed(held, reference)
            if notice["account_id"] != account_id or any(row["account_id"] is None for row in rows):
                raise Conflict("not a debt of that account alone: it can be paid at a garage")
            payable = [(row["partition"], row["charge_id"]) for row in rows if is_payable(row)]
            if payable:
                sent = await held.fetch(
                    sql("debts/send"), *map(list, zip(*payable, strict=True)), account_id, now
                )
                if len(sent) < len(payable):
                    raise Conflict("the account has no agreement in force by which all of it can be paid")
            return owing_of(*await lock_owed(held, reference))

    async def waive(
        self, garage_id: GarageId, plate: Plate, *, by: str, note: str, now: datetime, until: datetime
    ) -> None:
        """An attendant lets a debtor pass; raises :class:`NotFound` when there is no such garage."""
        async with connection(self._pool) as held:
            waived = await held.fetchval(
                sql("debts/waive"), garage_id, plate.number, plate.colour, now, by, note, until
            )
        if waived is None:
            raise NotFound("there is no such garage")

    async def dispute(self, bill_id: BillId, *, by: str, note: str, now: datetime) -> Disputed:
        """Take a bill out of all counting; raises :class:`NotFound`, or :class:`Conflict` the second time."""
        async with connection(self._pool) as held:
            row = await _bill(held, bill_id)
            opened = await held.fetchval(sql("debts/dispute"), row["partition"], bill_id, now, by, note)
        if opened is None:
            raise Conflict("this bill was disputed before")
        return _disputed(row)

    async def end_dispute(self, bill_id: BillId, end: DisputeEnd, *, by: str, now: datetime) -> Disputed:
        """End it, and credit the bill where the driver is right; raises as :meth:`dispute` does."""
        async with connection(self._pool) as held, held.transaction():
            row = await _bill(held, bill_id)
            partition, session_id = Partition(row["partition"]), SessionId(row["session_id"])
            ended = await held.fetchval(sql("debts/resolve_dispute"), partition, bill_id, end, now, by)
            if ended is None:
                raise Conflict("no dispute of this bill is open")
            if end is DisputeEnd.UPHELD:
                place = partition, row["entered_at"], session_id, bill_id
                await take_back(held, place, reason=UPHELD, now=now, unasked_only=False)
        return _disputed(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """Whose bill it is."""

    bill_id: BillId
    account_id: AccountId | None
    number: str


async def _bill(held: asyncpg.pool.PoolConnectionProxy, bill_id: BillId) -> asyncpg.Record:
    row = await held.fetchrow(sql("debts/find_charge"), bill_id)
    if row is None:
        raise NotFound("there is no such bill, or nothing of it was to be collected")
    return row


def _check(payment: DebtPayment, recorded: asyncpg.Record) -> None:
    given = (payment.reference, payment.collected_at, payment.method, payment.amount_fen)
    if tuple(recorded) != given:
        raise Conflict("this payment_id was used for another payment")


def _disputed(row: asyncpg.Record) -> Disputed:
    return Disputed(bill_id=BillId(row["bill_id"]), account_id=row["account_id"], number=row["number"])
