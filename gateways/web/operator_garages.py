"""Operators keep their garages: lanes, policy, price lists, and how full they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.web.access import Scope
from gateways.web.identifiers import new_id
from gateways.web.operator_wire import (
    GarageIn,
    GarageOut,
    GaragesOut,
    OccupancyOut,
    PolicyIn,
    PositionIn,
    TariffIn,
    TariffOut,
)
from gateways.web.routes import BodyForm, Nothing, Route
from parking.errors import NotFound
from parking.ids import GarageId, LaneId
from settlement.books.garages import GarageRecord

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.plausible import Position

__all__ = ["garage_routes"]


def garage_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    garages = GarageDesk(operator)
    path = "/v1/garages/{garage_id}"
    return [
        Route(
            method="GET", path="/v1/garages", scope=Scope.READ, summary="All garages.", answer=GaragesOut,
            handle=garages.all,
        ),
        Route(
            method="PUT", path=path, scope=Scope.FULL,
            summary="Add a garage, or replace its name, spaces, lanes, policy, operator and position.",
            body=GarageIn,
            answer=GarageOut, handle=garages.put,
        ),
        Route(
            method="GET", path=path, scope=Scope.READ, summary="One garage.", answer=GarageOut,
            handle=garages.one,
        ),
        Route(
            method="POST", path=f"{path}/tariffs", scope=Scope.FULL,
            summary="Put a tariff in force from a moment; what is in force from a moment is never replaced.",
            body=TariffIn, body_form=BodyForm.JSON_OR_TOML, answer=TariffOut, status=201,
            statuses={409: "Another tariff is on record from this moment."}, handle=garages.add_tariff,
        ),
        Route(
            method="GET", path=f"{path}/occupancy", scope=Scope.READ, summary="How full a garage is now.",
            answer=OccupancyOut, handle=garages.occupancy,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class GarageDesk:
    """The handlers."""

    operator: Operator

    async def all(self, call: Call[Nothing, Nothing]) -> GaragesOut:
        del call
        return GaragesOut(garages=[_garage(record) for record in await self.operator.garages.all()])

    async def one(self, call: Call[Nothing, Nothing]) -> GarageOut:
        return _garage(await self.operator.garages.one(GarageId(call.path["garage_id"])))

    async def put(self, call: Call[GarageIn, Nothing]) -> GarageOut:
        operator, body = self.operator, call.body
        garage_id = GarageId(new_id(call.path["garage_id"], "garage_id"))
        operator_id, position = await self._kept(garage_id, body)
        record = GarageRecord(
            garage_id=garage_id,
            name=body.name,
            spaces=body.spaces,
            lanes={LaneId(lane_id): direction for lane_id, direction in body.lanes.items()},
            policy=body.policy.policy(),
            operator_id=operator_id,
            position=position,
        )
        await operator.garages.put(record, operator.clock.now())
        await operator.republish()
        return _garage(await operator.garages.one(garage_id))

    async def _kept(self, garage_id: GarageId, body: GarageIn) -> tuple[str, Position | None]:
        """Operator and position, as given or, where they are left out, as they are."""
        operator_id, position = body.operator_id, body.position.position() if body.position else None
        if {"operator_id", "position"} <= body.model_fields_set:
            return operator_id, position
        try:
            known = await self.operator.garages.one(garage_id)
        except NotFound:
            return operator_id, position
        return (
            operator_id if "operator_id" in body.model_fields_set else known.operator_id,
            position if "position" in body.model_fields_set else known.position,
        )

    async def add_tariff(self, call: Call[TariffIn, Nothing]) -> TariffOut:
        operator, version = self.operator, call.body.version()
        await operator.garages.add_tariffs(GarageId(call.path["garage_id"]), [version], operator.clock.now())
        await operator.republish()
        return TariffOut.of(version)

    async def occupancy(self, call: Call[Nothing, Nothing]) -> OccupancyOut:
        garage = await self.operator.garages.one(GarageId(call.path["garage_id"]))
        inside = await self.operator.sessions.occupancy(garage.garage_id)
        return OccupancyOut(inside=inside, spaces=garage.spaces, free=max(0, garage.spaces - inside))


def _garage(record: GarageRecord) -> GarageOut:
    return GarageOut(
        garage_id=record.garage_id,
        name=record.name,
        spaces=record.spaces,
        lanes={str(lane_id): direction for lane_id, direction in record.lanes.items()},
        policy=PolicyIn.of(record.policy),
        operator_id=record.operator_id,
        position=PositionIn.of(record.position) if record.position else None,
        tariffs=[TariffOut.of(version) for version in record.tariffs],
    )
