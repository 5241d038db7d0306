"""A correction: what a person found to be true of a stay that was billed otherwise.

The bill in force is credited and another one takes its place, priced by the same tariff from the corrected
facts. Who pays follows the plate: the account that had the corrected one when the car left, as for any exit
whose gate did not know its driver, or nobody, and then the charge waits for a person. The session stays as
its gates saw it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parking.benefits import benefits_text
from parking.clock import to_ms
from parking.errors import Conflict, InvalidInput
from parking.fee import price_of, stay_with
from parking.ids import bill_id_of
from parking.plate import Colour, Plate, VehicleClass
from parking.proof import proof_json
from parking.session import charged_until
from settlement.bill import CORRECTED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.ids import AccountId, TariffVersionId
    from parking.tariff import Tariff
    from settlement.bill import Bill

__all__ = ["Correction", "Paid", "corrected_bill"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What is wrong, with the right facts; what is ``None`` was right.

    The vehicle's class follows its plate until one is named; that stays when the plate is corrected later.
    A price list's rules by colour go on looking at the plate's.
    ``correction_id`` is the caller's: the same one again, with the same content, changes nothing.
    ``benefits`` are what the stay is given in fact, where they make it cheaper.
    """

    correction_id: str
    plate: Plate | None = None
    entered_at: datetime | None = None
    left_at: datetime | None = None
    vehicle_class: VehicleClass | None = None
    benefits: Benefits | None = None
    reason: str
    corrected_by: str

    def __post_init__(self) -> None:
        facts = (self.plate, self.entered_at, self.left_at, self.vehicle_class, self.benefits)
        if all(one is None for one in facts):
            raise InvalidInput("at least one of them", ("plate", "entered_at", "left_at", "vehicle_class"))
        if self.plate is not None and not self.plate.readable:
            raise InvalidInput("a plate that names no vehicle", ("plate",))
        if not self.reason.strip():
            raise InvalidInput("a reason", ("reason",))

    @property
    def request(self) -> str:
        """The content as one text, equal for the same request."""
        said = {
            "number": self.plate.number if self.plate else None,
            "colour": self.plate.colour if self.plate else None,
            "entered_ms": to_ms(self.entered_at) if self.entered_at else None,
            "left_ms": to_ms(self.left_at) if self.left_at else None,
            "reason": self.reason,
        }
        if self.vehicle_class is not None:
            said["vehicle_class"] = self.vehicle_class
        if self.benefits is not None:
            said["benefits"] = benefits_text(self.benefits)
        return json.dumps(said, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What had been paid inside: ``prepaid_fen`` of it was used by the closing's first bill.

    Who paid last at ``prepaid_at`` had until ``prepaid_until`` to leave.
    """

    prepaid_fen: int
    prepaid_at: datetime | None
    prepaid_until: datetime | None


def corrected_bill(
    bill: Bill,
    correction: Correction,
    tariffs: Mapping[TariffVersionId, Tariff],
    *,
    benefits: Benefits,
    paid: Paid,
    bound_to: AccountId | None,
) -> Bill:
    """The bill that takes the place of ``bill``; ``bound_to`` had the corrected plate at the exit.

    ``benefits`` are what the stay is given now. Raises :class:`Conflict` when all is as it was billed, or
    they make it no cheaper, and :class:`InvalidInput` when the exit would lie before the entry.
    """
    was = Plate(number=bill.number, colour=Colour(bill.colour))
    plate = correction.plate or was
    entered_at, left_at = correction.entered_at or bill.stayed_from, correction.left_at or bill.left_at
    vehicle_class = correction.vehicle_class or bill.vehicle_class
    is_class, was_class = vehicle_class or plate.vehicle_class, bill.vehicle_class or was.vehicle_class
    moved = (plate, entered_at, left_at, is_class) != (was, bill.stayed_from, bill.left_at, was_class)
    if not moved and correction.benefits is None:
        raise Conflict("there is nothing to correct: the bill says so already")
    if left_at < entered_at:
        raise InvalidInput("the exit lies before the entry", ("entered_at", "left_at"))
    until = charged_until(entered_at, left_at, prepaid_at=paid.prepaid_at, prepaid_until=paid.prepaid_until)
    stay = stay_with(benefits, bill.earlier, plate, entered_at, until, vehicle_class)
    fee = price_of(stay, bill.tariff_version_id, bill.changes, tariffs)
    if not moved and fee.amount_fen >= bill.amount_fen:
        raise Conflict("what the stay is given makes it no cheaper")
    return replace(
        bill,
        bill_id=bill_id_of(bill.session_id, bill.version, bill.correction + 1),
        correction=bill.correction + 1,
        account_id=bill.account_id if plate == was else bound_to,
        number=plate.number,
        colour=plate.colour,
        stay_from=entered_at,
        left_at=left_at,
        vehicle_class=vehicle_class,
        amount_fen=fee.amount_fen,
        prepaid_fen=min(paid.prepaid_fen, fee.amount_fen),
        reason=CORRECTED,
        proof=proof_json(fee),
        benefits=benefits,
    )
