"""What a payment reference stands for, read with its charges locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parking.errors import NotFound
from parking.ids import AccountId, BillId, GarageId
from parking.plate import Colour, Plate
from settlement.books.debt_notices import PAYABLE
from settlement.books.statements import sql
from settlement.charge import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import asyncpg

__all__ = ["OwedBill", "Owing", "is_payable", "lock_owed", "owing_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedBill:
    """One bill of a reference, as it is now."""

    bill_id: BillId
    garage_id: GarageId
    amount_fen: int
    state: State
    disputed: bool
    payable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """What a reference stands for; ``owed_fen`` is what its payable bills come to now."""

    reference: str
    plate: Plate
    account_id: AccountId | None
    noticed_at: datetime
    bills: tuple[OwedBill, ...]

    @property
    def owed_fen(self) -> int:
        """What would be paid now."""
        return sum(bill.amount_fen for bill in self.bills if bill.payable)


async def lock_owed(
    held: asyncpg.pool.PoolConnectionProxy, reference: str
) -> tuple[asyncpg.Record, list[asyncpg.Record]]:
    """The notice of a reference and its charges, locked until the transaction ends; :class:`NotFound`."""
    notice = await held.fetchrow(sql("debts/notice"), reference)
    if notice is None:
        raise NotFound("there is no such reference")
    return notice, await held.fetch(sql("debts/lock_charges"), notice["partitions"], notice["bill_ids"])


def is_payable(row: asyncpg.Record) -> bool:
    """Whether its driver can pay a charge himself, as it is now."""
    return State(row["state"]) in PAYABLE and not row["same_attempt"] and not row["disputed"]


def owing_of(notice: asyncpg.Record, rows: Iterable[asyncpg.Record]) -> Owing:
    """What the notice and the charges of a reference say."""
    return Owing(
        reference=notice["reference"],
        plate=Plate(number=notice["number"], colour=Colour(notice["colour"])),
        account_id=notice["account_id"],
        noticed_at=notice["noticed_at"],
        bills=tuple(
            OwedBill(
                bill_id=BillId(row["bill_id"]),
                garage_id=GarageId(row["garage_id"]),
                amount_fen=row["amount_fen"],
                state=State(row["state"]),
                disputed=row["disputed"],
                payable=is_payable(row),
            )
            for row in rows
        ),
    )
