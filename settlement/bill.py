"""A bill: what one closing of a session costs, fixed for ever.

The gate named an amount when the car left. Here the stay is priced a second time, from the record alone,
and a bill exists only when both agree: a difference means that a tariff or a message is not what it
seems, and nobody is charged on a doubt.

A bill that turns out to be wrong is not changed. A credit note takes the whole of it back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final
from uuid import uuid5

from parking.benefits import NO_BENEFITS
from parking.decision import Reason
from parking.errors import Defect
from parking.fee import price_of, stay_of
from parking.ids import BillId, bill_id_of
from parking.proof import proof_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.ids import AccountId, GarageId, Partition, SessionId, TariffVersionId
    from parking.journal import Record
    from parking.plate import VehicleClass
    from parking.price_facts import PriceChange
    from parking.pricing import Visit
    from parking.tariff import Tariff

__all__ = ["CORRECTED", "Bill", "BillKind", "bill_of", "credit_note_of"]

CORRECTED: Final = "corrected"
"""Why a bill was credited that was of another car or stay, and why the one in its place was raised."""


@unique
class BillKind(StrEnum):
    """What the paper says at its top."""

    BILL = "bill"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """``amount_fen`` is the whole fee; ``prepaid_fen`` of it had been paid inside.

    A credit note carries the amounts of the bill that it takes back, and its id in ``credits_bill_id``.
    ``correction`` counts how often the bill of this closing was corrected before. ``entered_at`` is the
    entry as the gates saw it, beside which the bill is kept; where that was wrong, ``stay_from`` is when it
    was; ``vehicle_class`` is what a person has found the vehicle to be, ``None`` what its plate says.
    ``benefits``, ``earlier`` and ``changes`` are those of the session, which it was priced with.
    """

    partition: Partition
    bill_id: BillId
    garage_id: GarageId
    session_id: SessionId
    version: int
    account_id: AccountId | None
    number: str
    colour: str
    entered_at: datetime
    left_at: datetime
    tariff_version_id: TariffVersionId
    amount_fen: int
    prepaid_fen: int
    reason: str
    proof: str
    kind: BillKind = BillKind.BILL
    credits_bill_id: BillId | None = None
    correction: int = 0
    stay_from: datetime | None = None
    vehicle_class: VehicleClass | None = None
    benefits: Benefits = NO_BENEFITS
    earlier: tuple[Visit, ...] = ()
    changes: tuple[PriceChange, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.prepaid_fen <= self.amount_fen:
            raise Defect("more of a bill is prepaid than it asks for")

    @property
    def due_fen(self) -> int:
        """What is left to collect."""
        return self.amount_fen - self.prepaid_fen

    @property
    def stayed_from(self) -> datetime:
        """The entry that is charged from."""
        return self.stay_from or self.entered_at

    @property
    def collectable(self) -> bool:
        """Whether the driver may be charged without a person looking at the exit first."""
        return self.reason not in {Reason.LOW_CONFIDENCE, Reason.GRANT_REFUSED}


def bill_of(record: Record, tariffs: Mapping[TariffVersionId, Tariff]) -> Bill:
    """The bill of the exit in ``record``; :class:`Defect` when the gate named another amount."""
    session, decision = record.session, record.decision
    if session is None or session.left_at is None:
        raise Defect("an exit without a closed session")
    left_at = session.left_at
    fee = price_of(stay_of(session, left_at), session.tariff_version_id, session.changes, tariffs)
    if decision.amount_fen != fee.amount_fen:
        raise Defect(f"the gate named {decision.amount_fen} fen, and the stay costs {fee.amount_fen} fen")
    return Bill(
        partition=record.partition,
        bill_id=bill_id_of(session.session_id, session.version),
        garage_id=session.garage_id,
        session_id=session.session_id,
        version=session.version,
        account_id=session.account_id,
        number=session.plate.number,
        colour=session.plate.colour,
        entered_at=session.entered_at,
        left_at=left_at,
        tariff_version_id=session.tariff_version_id,
        amount_fen=fee.amount_fen,
        prepaid_fen=min(session.prepaid_fen, fee.amount_fen),
        reason=decision.reason,
        proof=proof_json(fee),
        benefits=session.benefits or NO_BENEFITS,
        earlier=session.earlier,
        changes=session.changes,
    )


def credit_note_of(bill: Bill, reason: str) -> Bill:
    """What takes ``bill`` back."""
    return replace(
        bill,
        bill_id=BillId(uuid5(bill.bill_id, BillKind.CREDIT_NOTE)),
        kind=BillKind.CREDIT_NOTE,
        credits_bill_id=bill.bill_id,
        reason=reason,
    )
