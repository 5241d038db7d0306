"""Operators correct what a bill says: whose car it was, of which class, or when it came and left.

The bill is credited and another one takes its place; both drivers' cars are granted anew by what they owe
then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from gateways.web.access import Scope
from gateways.web.correction_wire import CorrectionIn, CorrectionMade, CorrectionQuery, CorrectionsOut
from gateways.web.cursor import read_cursor, write_cursor
from gateways.web.operator_sessions import session_id_from
from gateways.web.routes import Nothing, Route
from gateways.web.session_views import correction_entry
from parking.clock import from_ms
from parking.errors import InvalidInput, NotFound
from parking.ids import GarageId
from parking.plate import parse_plate
from settlement.books.corrections import BilledStay, CorrectionPlace
from settlement.books.views import LAST_PLACE
from settlement.correction import Correction

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.books.corrections import Corrected

__all__ = ["correction_routes"]

PATH: Final = "/v1/sessions/{session_id}/corrections"


def correction_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = CorrectionDesk(operator)
    return [
        Route(
            method="GET", path="/v1/corrections", scope=Scope.READ,
            summary="What was corrected, by whom and why, with what was billed before and after.",
            query=CorrectionQuery, answer=CorrectionsOut, handle=desk.some,
        ),
        Route(
            method="POST", path=PATH, scope=Scope.FULL,
            summary="Correct plate, class, entry or exit of a billed stay, once by the same correction_id.",
            body=CorrectionIn, answer=CorrectionMade, status=201, handle=desk.correct,
            statuses={409: "No bill stands, nothing is wrong, or the correction_id was used for another."},
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class CorrectionDesk:
    """The handler."""

    operator: Operator

    async def some(self, call: Call[Nothing, CorrectionQuery]) -> CorrectionsOut:
        query = call.query
        found = await self.operator.corrections.some(
            garage_id=None if query.garage_id is None else GarageId(query.garage_id),
            corrected_from=query.corrected_from or from_ms(0),
            before=_before(query.cursor),
            limit=query.limit,
        )
        last = found[-1] if len(found) == query.limit else None
        return CorrectionsOut(
            corrections=[correction_entry(one) for one in found],
            next=None if last is None else write_cursor(last["corrected_at"], str(last["bill_id"])),
        )

    async def correct(self, call: Call[CorrectionIn, Nothing]) -> CorrectionMade:
        operator, body = self.operator, call.body
        session = await operator.views.session(session_id_from(call.path["session_id"]))
        if session is None:
            raise NotFound("there is no such session")
        now = operator.clock.now()
        if body.left_at is not None and body.left_at > now:
            raise InvalidInput("the exit lies in the future", ("left_at",))
        correction = Correction(
            correction_id=body.correction_id,
            plate=parse_plate(body.plate.number, body.plate.colour) if body.plate else None,
            entered_at=body.entered_at,
            left_at=body.left_at,
            vehicle_class=body.vehicle_class,
            reason=body.reason,
            corrected_by=call.who,
        )
        tariffs = await operator.garages.tariffs()
        policy = (await operator.garages.one(session.garage_id)).policy
        stay = BilledStay(
            garage_id=session.garage_id,
            entered_at=session.entered_at,
            session_id=session.session_id,
            exit_within=policy.prepaid_exit_within,
        )
        made = await operator.corrections.correct(stay, correction, tariffs, now)
        owners = {one for one in (made.was_account_id, made.account_id) if one is not None}
        numbers = set(made.free_for)
        if made.was_account_id is None:
            numbers.add(made.was_number)
        if made.account_id is None:
            numbers.add(made.number)
        await operator.regrant(*owners, unbound_numbers=sorted(numbers))
        return _made(correction, stay, made)


def _before(cursor: str | None) -> CorrectionPlace:
    if cursor is None:
        return CorrectionPlace(corrected_at=LAST_PLACE.entered_at, bill_id=LAST_PLACE.session_id)
    corrected_at, bill_id = read_cursor(cursor)
    try:
        return CorrectionPlace(corrected_at=corrected_at, bill_id=UUID(bill_id))
    except ValueError:
        raise InvalidInput("not the cursor of a page", ("cursor",)) from None


def _made(correction: Correction, stay: BilledStay, made: Corrected) -> CorrectionMade:
    return CorrectionMade(
        correction_id=correction.correction_id,
        session_id=stay.session_id,
        correction=made.correction,
        credit_note_id=made.credit_note_id,
        bill_id=made.bill_id,
        account_id=made.account_id,
        amount_fen=made.amount_fen,
        prepaid_fen=made.prepaid_fen,
        replayed=made.replayed,
    )
