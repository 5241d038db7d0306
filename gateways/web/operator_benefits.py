"""Operators keep the lists of exempt vehicles, and sell passes; the cars inside hear of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.web.access import Scope
from gateways.web.benefit_wire import (
    ExemptionIn,
    ExemptionOut,
    ExemptionQuery,
    ExemptionsOut,
    PassesOut,
    PassIn,
    PassOut,
)
from gateways.web.operator_wire import PlateIn
from gateways.web.routes import Nothing, Route
from parking.ids import AccountId, GarageId
from parking.plate import parse_plate
from settlement.exemption import Exemption
from settlement.passes import Pass

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from parking.plate import Plate
    from settlement.books.passes import UsedPass

__all__ = ["benefit_routes"]


def benefit_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = BenefitDesk(operator)
    exemption, one_pass = "/v1/exemptions/{exemption_id}", "/v1/garages/{garage_id}/passes/{pass_id}"
    return [
        Route(
            method="PUT", path=exemption, scope=Scope.FULL,
            summary="Put a vehicle, or a class of vehicles, on a list of exemptions; again is fine.",
            statuses={409: "The exemption_id was used for another entry."},
            body=ExemptionIn, answer=None, handle=desk.add_exemption,
        ),
        Route(
            method="DELETE", path=exemption, scope=Scope.FULL,
            summary="End an entry of a list of exemptions.", answer=None, handle=desk.end_exemption,
        ),
        Route(
            method="GET", path="/v1/garages/{garage_id}/exemptions", scope=Scope.READ,
            summary="The lists of exemptions that hold at a garage.",
            query=ExemptionQuery, answer=ExemptionsOut, handle=desk.exemptions,
        ),
        Route(
            method="PUT", path=one_pass, scope=Scope.FULL,
            summary="Have a pass be so: sell, extend or end it, change its plates or places.",
            statuses={409: "The pass is on record with another beginning."},
            body=PassIn, answer=PassOut, handle=desk.put_pass,
        ),
        Route(
            method="GET", path=one_pass, scope=Scope.READ, summary="A pass, and who has its places.",
            answer=PassOut, handle=desk.one_pass,
        ),
        Route(
            method="GET", path="/v1/garages/{garage_id}/passes", scope=Scope.READ,
            summary="The passes of a garage, and who has their places.",
            answer=PassesOut, handle=desk.passes,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class BenefitDesk:
    """The handlers."""

    operator: Operator

    async def add_exemption(self, call: Call[ExemptionIn, Nothing]) -> None:
        operator, body = self.operator, call.body
        plate = None if body.plate is None else parse_plate(body.plate.number, body.plate.colour)
        exemption = Exemption(
            exemption_id=call.path["exemption_id"],
            garage_id=None if body.garage_id is None else GarageId(body.garage_id),
            operator_id=body.operator_id,
            plate=plate,
            vehicle_class=body.vehicle_class,
            cause=body.cause,
            cars_inside=body.cars_inside,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            added_at=operator.clock.now(),
        )
        await operator.exemptions.add(exemption, by=call.who)
        if plate is not None:
            await operator.regrant(unbound_numbers=[plate.number])

    async def end_exemption(self, call: Call[Nothing, Nothing]) -> None:
        operator = self.operator
        number = await operator.exemptions.end(
            call.path["exemption_id"], by=call.who, now=operator.clock.now()
        )
        if number is not None:
            await operator.regrant(unbound_numbers=[number])

    async def exemptions(self, call: Call[Nothing, ExemptionQuery]) -> ExemptionsOut:
        garage = await self.operator.garages.one(GarageId(call.path["garage_id"]))
        found = await self.operator.exemptions.list_of(garage.garage_id, with_ended=call.query.with_ended)
        return ExemptionsOut(exemptions=[_exemption(one) for one in found])

    async def put_pass(self, call: Call[PassIn, Nothing]) -> PassOut:
        operator, body = self.operator, call.body
        garage_id = GarageId(call.path["garage_id"])
        given = Pass(
            pass_id=call.path["pass_id"],
            garage_id=garage_id,
            name=body.name,
            account_id=None if body.account_id is None else AccountId(body.account_id),
            plates=tuple(parse_plate(plate.number, plate.colour) for plate in body.plates),
            places=body.places,
            when_place_frees=body.when_place_frees,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
        )
        lost = await operator.passes.put(given, by=call.who, now=operator.clock.now())
        accounts = [] if given.account_id is None else [given.account_id]
        await operator.regrant(*accounts, unbound_numbers=[*lost, *(plate.number for plate in given.plates)])
        return _pass(await operator.passes.one(garage_id, given.pass_id))

    async def one_pass(self, call: Call[Nothing, Nothing]) -> PassOut:
        garage_id = GarageId(call.path["garage_id"])
        return _pass(await self.operator.passes.one(garage_id, call.path["pass_id"]))

    async def passes(self, call: Call[Nothing, Nothing]) -> PassesOut:
        garage = await self.operator.garages.one(GarageId(call.path["garage_id"]))
        found = await self.operator.passes.list_of(garage.garage_id)
        return PassesOut(passes=[_pass(one) for one in found])


def _exemption(one: Exemption) -> ExemptionOut:
    return ExemptionOut(
        exemption_id=one.exemption_id,
        garage_id=one.garage_id,
        operator_id=one.operator_id,
        plate=None if one.plate is None else _plate(one.plate),
        vehicle_class=one.vehicle_class,
        cause=one.cause,
        cars_inside=one.cars_inside,
        valid_from=one.valid_from,
        valid_until=one.valid_until,
        added_at=one.added_at,
        ended_at=one.ended_at,
    )


def _pass(used: UsedPass) -> PassOut:
    one = used.held
    return PassOut(
        pass_id=one.pass_id,
        garage_id=one.garage_id,
        name=one.name,
        account_id=one.account_id,
        plates=[_plate(plate) for plate in one.plates],
        places=one.places,
        when_place_frees=one.when_place_frees,
        valid_from=one.valid_from,
        valid_until=one.valid_until,
        session_ids=list(used.session_ids),
    )


def _plate(plate: Plate) -> PlateIn:
    return PlateIn(number=plate.number, colour=plate.colour)
