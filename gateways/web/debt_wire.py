"""What operators send and get about debts: what a reference stands for, payments, waivers and disputes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from gateways.web.operator_wire import Label, Name, PlateIn, Wire
from settlement.books.debts import DisputeEnd

__all__ = [
    "CollectionIn",
    "DebtOut",
    "DebtPaid",
    "DebtPaymentIn",
    "DisputeEndIn",
    "DisputeIn",
    "DisputeOut",
    "OwedBillOut",
    "WaiverIn",
    "WaiverOut",
]


class OwedBillOut(Wire):
    """One bill; ``payable`` unless it is paid, disputed, or its rail is being asked about it."""

    bill_id: UUID
    garage_id: str
    amount_fen: int
    state: str
    disputed: bool
    payable: bool


class DebtOut(Wire):
    """What a payment reference stands for; ``owed_fen`` is what can be paid by it now."""

    reference: str
    plate: PlateIn
    noticed_at: datetime
    owed_fen: int
    bills: list[OwedBillOut]


class DebtPaymentIn(Wire):
    """What a garage took of a debtor: all that is owed by the reference now, or it is refused."""

    payment_id: Name
    garage_id: Annotated[Name, Field(description="Where the money is, whosever bills they are.")]
    amount_fen: Annotated[int, Field(gt=0, le=10**12)]
    method: Name


class DebtPaid(Wire):
    """The payment is booked, and every lane knows."""

    payment_id: str
    replayed: bool
    debt: DebtOut


class CollectionIn(Wire):
    """A driver pays by his app, with the account that owes."""

    account_id: UUID


class WaiverIn(Wire):
    """An attendant lets a debtor pass at a garage for a while; what is owed stays owed."""

    plate: PlateIn
    garage_id: Name
    minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    note: Label


class WaiverOut(Wire):
    """Until when nothing holds the car there."""

    until: datetime


class DisputeIn(Wire):
    """Why the driver says that the bill is wrong."""

    note: Label


class DisputeEndIn(Wire):
    """How the dispute ends."""

    end: DisputeEnd


class DisputeOut(Wire):
    """The bill, and how its dispute stands."""

    bill_id: UUID
    account_id: UUID | None
    state: str
