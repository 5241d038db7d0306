"""Operators connect makers' devices, see which controllers are silent, and have a barrier opened by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from gateways.catalog_document import device_from_json, device_to_json
from gateways.web.access import Scope, token_text
from gateways.web.controller_wire import (
    ControllerIn,
    ControllerMade,
    ControllerOut,
    ControllerQuery,
    ControllersOut,
    ControllerStatus,
    OpenIn,
    OpenOut,
    device_out,
)
from gateways.web.operator_tokens import draw_token
from gateways.web.routes import Nothing, Route
from parking.barrier import BarrierAct, BarrierRecord, GateOutcome
from parking.catalog import secret_digest
from parking.errors import InvalidInput, NotFound
from parking.ids import ControllerId, GarageId, LaneId
from parking.live.heard import Heard
from parking.live.openings import Opening

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.books.tokens import TokenRecord

__all__ = ["controller_routes"]

CLAIMED_WITHIN: Final = timedelta(seconds=5)
"""A camera that asks does so every few seconds; later than this nobody expects a barrier to open."""
ID_BYTES: Final = 12


def controller_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = ControllerDesk(operator)
    return [
        Route(
            method="GET", path="/v1/controllers", scope=Scope.READ,
            summary="The controllers in force: their devices, when each was heard of, and which are silent.",
            query=ControllerQuery, answer=ControllersOut, handle=desk.some,
        ),
        Route(
            method="POST", path="/v1/garages/{garage_id}/controllers", scope=Scope.FULL,
            summary="Connect a maker's device; answers what to type into it, shown this once.",
            body=ControllerIn, answer=ControllerMade, status=201, handle=desk.add,
        ),
        Route(
            method="POST", path="/v1/garages/{garage_id}/lanes/{lane_id}/open", scope=Scope.FULL,
            summary="Have a lane's barrier opened now, for a reason that is recorded; at most once.",
            body=OpenIn, answer=OpenOut, handle=desk.open,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ControllerDesk:
    """The handlers."""

    operator: Operator

    async def some(self, call: Call[Nothing, ControllerQuery]) -> ControllersOut:
        query, now = call.query, self.operator.clock.now()
        known = [one for one in await self._in_force() if query.garage_id in {None, one.garage_id}]
        heard = await self.operator.gates.heard([_key(one) for one in known])
        silent_after = timedelta(seconds=query.silent_after_s)
        listed = [_listed(one, heard.get(_key(one), Heard()), now - silent_after) for one in known]
        return ControllersOut(controllers=[one for one in listed if query.status in {None, one.status}])

    async def add(self, call: Call[ControllerIn, Nothing]) -> ControllerMade:
        operator, body = self.operator, call.body
        token_id, secret = draw_token(operator.draw_bytes)
        device = operator.devices.device(body.device, token_id, secret)
        await operator.tokens.add_controller(
            token_id,
            secret_digest(secret),
            garage_id=GarageId(call.path["garage_id"]),
            controller_id=ControllerId(body.controller_id),
            lane_ids={one.lane_id for one in device.channels.values()},
            label=body.label or body.controller_id,
            now=operator.clock.now(),
            device_text=device_to_json(device),
        )
        await operator.republish()
        token = token_text(token_id, secret)
        url, instructions = operator.devices.setup(device, token_id, secret)
        return ControllerMade(token_id=token_id, token=token, url=url, instructions=instructions)

    async def open(self, call: Call[OpenIn, Nothing]) -> OpenOut:
        operator, body = self.operator, call.body
        controller_id = await self._opener(call.path["garage_id"], call.path["lane_id"], body.controller_id)
        opening = Opening(
            opening_id=f"attendant-{operator.draw_bytes(ID_BYTES).hex()}",
            garage_id=GarageId(call.path["garage_id"]),
            lane_id=LaneId(call.path["lane_id"]),
            controller_id=controller_id,
            reason=f"attendant {call.who}: {body.reason}",
            until=operator.clock.now() + CLAIMED_WITHIN,
        )
        told = await operator.gates.open(opening, claimed_within_s=CLAIMED_WITHIN.total_seconds())
        outcome, said = told or (GateOutcome.UNREACHABLE, "no gate can tell this controller to open")
        if told is None:
            await operator.barriers.add([_unopened(opening, said, operator.clock.now())])
        return OpenOut(event_id=opening.opening_id, controller_id=controller_id, outcome=outcome, said=said)

    async def _opener(self, garage_id: str, lane_id: str, controller_id: str | None) -> ControllerId:
        """Which controller opens a lane; raises :class:`NotFound`, :class:`InvalidInput`."""
        speaking = sorted(
            {
                str(one.controller_id)
                for one in await self._in_force()
                if one.garage_id == garage_id and lane_id in one.lane_ids
            }
        )
        if not speaking or controller_id not in {None, *speaking}:
            raise NotFound("this lane has no such controller")
        if controller_id is None and len(speaking) > 1:
            raise InvalidInput(f"one of {', '.join(speaking)}", ("controller_id",))
        return ControllerId(controller_id or speaking[0])

    async def _in_force(self) -> list[TokenRecord]:
        return [
            one
            for one in await self.operator.tokens.all()
            if one.controller_id is not None and one.revoked_at is None
        ]


def _key(one: TokenRecord) -> tuple[GarageId, ControllerId]:
    return GarageId(one.garage_id or ""), ControllerId(one.controller_id or "")


def _listed(one: TokenRecord, heard: Heard, silent_before: datetime) -> ControllerOut:
    status = ControllerStatus.UNHEARD
    if heard.at is not None:
        gone = heard.gone_at is not None and heard.gone_at >= heard.at
        online = heard.at >= silent_before and not gone
        status = ControllerStatus.ONLINE if online else ControllerStatus.SILENT
    garage_id, controller_id = _key(one)
    return ControllerOut(
        token_id=one.token_id,
        garage_id=garage_id,
        controller_id=controller_id,
        label=one.label,
        lane_ids=list(one.lane_ids),
        status=status,
        heard_at=heard.at,
        heartbeat_at=heard.heartbeat_at,
        clock_skew_s=heard.skew_s,
        device=None if one.device_text is None else device_out(device_from_json(one.device_text)),
    )


def _unopened(opening: Opening, said: str, now: datetime) -> BarrierRecord:
    return BarrierRecord(
        garage_id=opening.garage_id,
        lane_id=opening.lane_id,
        controller_id=opening.controller_id,
        at=now,
        act=BarrierAct.OPEN,
        outcome=GateOutcome.UNREACHABLE,
        event_id=opening.opening_id,
        reason=opening.reason,
        said=said,
    )
