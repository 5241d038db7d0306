"""Sessions, bills and charges of the books, as operators get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateways.web.correction_wire import CorrectionEntry, CorrectionOut
from gateways.web.operator_wire import PlateIn
from gateways.web.session_wire import (
    AttemptOut,
    BillOut,
    ChargeCountOut,
    ChargeOut,
    FundedOut,
    PrepaymentOut,
    PrepaymentRefundOut,
    ProofLineOut,
    SessionFileOut,
    SessionOut,
)
from parking.plate import Colour, Plate, VehicleClass
from parking.proof import parse_proof
from parking.session import State
from settlement.charge import State as ChargeState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from parking.session import Session
    from settlement.books.charges import ChargeCount
    from settlement.books.views import BillView, ChargeView, SessionFile, SessionView

__all__ = ["charge_counts", "correction_entry", "file_out", "live_out", "oldest_in_doubt", "session_out"]


def session_out(view: SessionView) -> SessionOut:
    """A session as archived."""
    return SessionOut(
        session_id=view.session_id,
        garage_id=view.garage_id,
        plate=PlateIn(number=view.number, colour=Colour(view.colour)),
        state=view.state,
        version=view.version,
        entered_at=view.entered_at,
        entry_lane_id=view.entry_lane_id,
        left_at=view.left_at,
        exit_lane_id=view.exit_lane_id,
        tariff_version_id=view.tariff_version_id,
        account_id=view.account_id,
        archived=True,
    )


def live_out(session: Session) -> SessionOut:
    """The session of a car inside as its gates know it."""
    return SessionOut(
        session_id=session.session_id,
        garage_id=session.garage_id,
        plate=PlateIn(number=session.plate.number, colour=session.plate.colour),
        state=State.INSIDE,
        version=session.version,
        entered_at=session.entered_at,
        entry_lane_id=session.entry_lane_id,
        left_at=None,
        exit_lane_id=None,
        tariff_version_id=session.tariff_version_id,
        account_id=session.account_id,
        archived=False,
    )


def file_out(file: SessionFile) -> SessionFileOut:
    """A session with all that belongs to it."""
    return SessionFileOut(
        session=session_out(file.session),
        bills=[_bill(bill) for bill in file.bills],
        corrections=[CorrectionOut(**_corrected(one)) for one in file.corrections],
        charges=[_charge(charge) for charge in file.charges],
        prepayments=[PrepaymentOut.model_validate(one) for one in file.prepayments],
        prepayment_refunds=[PrepaymentRefundOut.model_validate(one) for one in file.prepayment_refunds],
    )


def correction_entry(one: Mapping[str, Any]) -> CorrectionEntry:
    """A correction among those of many stays."""
    return CorrectionEntry(**_corrected(one))


def charge_counts(counts: Sequence[ChargeCount]) -> list[ChargeCountOut]:
    """Charges by direction, rail and state."""
    return [
        ChargeCountOut(
            direction=one.direction,
            rail=one.rail,
            state=one.state,
            charges=one.charges,
            amount_fen=one.amount_fen,
            oldest_moved_at=one.oldest_moved_at,
            next_at=one.next_at,
        )
        for one in counts
    ]


def oldest_in_doubt(counts: Sequence[ChargeCount]) -> datetime | None:
    """Since when the oldest charge is in doubt."""
    return min((one.oldest_moved_at for one in counts if one.state is ChargeState.IN_DOUBT), default=None)


def _bill(bill: BillView) -> BillOut:
    return BillOut(
        bill_id=bill.bill_id,
        kind=bill.kind,
        credits_bill_id=bill.credits_bill_id,
        version=bill.version,
        correction=bill.correction,
        account_id=bill.account_id,
        plate=PlateIn(number=bill.number, colour=Colour(bill.colour)),
        vehicle_class=_class_of(bill.vehicle_class, bill.number, bill.colour),
        entered_at=bill.entered_at,
        left_at=bill.left_at,
        tariff_version_id=bill.tariff_version_id,
        amount_fen=bill.amount_fen,
        prepaid_fen=bill.prepaid_fen,
        reason=bill.reason,
        raised_at=bill.raised_at,
        funded=[FundedOut.model_validate(one) for one in bill.funded],
        proof=[
            ProofLineOut(
                starts_at=line.starts_at,
                ends_at=line.ends_at,
                quantity=line.quantity,
                unit_price_fen=line.unit_price_fen,
                amount_fen=line.amount_fen,
                rule=line.rule,
                name=line.name,
                funder=line.funder,
                worth_fen=line.worth_fen,
            )
            for line in parse_proof(bill.proof).lines
        ],
    )


def _corrected(one: Mapping[str, Any]) -> dict[str, Any]:
    facts = dict(one)
    number, colour = facts.pop("number"), Colour(facts.pop("colour"))
    facts["vehicle_class"] = _class_of(facts["vehicle_class"], number, colour)
    return facts | {"plate": PlateIn(number=number, colour=colour)}


def _class_of(found: str | None, number: str, colour: str) -> VehicleClass:
    """What a person has found, else what the plate says."""
    if found is not None:
        return VehicleClass(found)
    return Plate(number=number, colour=Colour(colour)).vehicle_class


def _charge(charge: ChargeView) -> ChargeOut:
    return ChargeOut(
        charge_id=charge.charge_id,
        bill_id=charge.bill_id,
        direction=charge.direction,
        rail=charge.rail,
        amount_fen=charge.amount_fen,
        state=charge.state,
        last_code=charge.last_code,
        raised_at=charge.raised_at,
        next_at=charge.next_at,
        moved_at=charge.moved_at,
        attempts=[AttemptOut.model_validate(attempt) for attempt in charge.attempts],
    )
