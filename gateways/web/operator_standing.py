"""Operators ask why a car was stopped, choose policies, and keep what bears on standing from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.policy_file import policy_of
from gateways.web.access import Scope as AccessScope
from gateways.web.operator_accounts import account_id_from
from gateways.web.operator_sessions import session_id_from
from gateways.web.operator_wire import PlateIn
from gateways.web.routes import BodyForm, Nothing, Route
from gateways.web.standing_wire import (
    BlockIn,
    BlockOut,
    BlocksOut,
    PassageWhyOut,
    PassageWhyQuery,
    PoliciesOut,
    PolicyUseIn,
    PolicyUseOut,
    ScoreIn,
    WhyOut,
)
from gateways.web.why import Recorded
from parking.errors import InvalidInput
from parking.ids import AccountId, GarageId
from parking.plate import Colour, parse_plate
from settlement.books.standings import NewBlock
from settlement.deciding import EVERYWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.web.operating import Operator
    from gateways.web.routes import Call

__all__ = ["standing_routes"]


def standing_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = StandingDesk(operator)
    block = "/v1/blocks/{block_id}"
    return [
        *_read_routes(desk),
        Route(
            method="POST", path="/v1/policies", scope=AccessScope.FULL,
            summary="Put a policy in force from a moment; what is on record is never replaced.",
            statuses={409: "Another policy is on record from this moment."},
            body=PolicyUseIn, body_form=BodyForm.JSON_OR_TOML, answer=PolicyUseOut, status=201,
            handle=desk.add_policy,
        ),
        Route(
            method="PUT", path="/v1/accounts/{account_id}/score", scope=AccessScope.FULL,
            summary="Keep a credit score from outside, as long as it is valid.",
            body=ScoreIn, answer=None, handle=desk.put_score,
        ),
        Route(
            method="PUT", path=block, scope=AccessScope.FULL,
            summary="Keep an account or a plate from leaving first; again is fine.",
            statuses={409: "The block_id was used for another entry."},
            body=BlockIn, answer=None, handle=desk.add_block,
        ),
        Route(
            method="DELETE", path=block, scope=AccessScope.FULL, summary="Take an entry off a block list.",
            answer=None, handle=desk.end_block,
        ),
    ]  # fmt: skip


def _read_routes(desk: StandingDesk) -> list[Route[Any, Any]]:
    return [
        Route(
            method="GET", path="/v1/sessions/{session_id}/why", scope=AccessScope.READ,
            summary="Why the car was stopped, or could leave: decisions with policy and rules, and answers.",
            answer=WhyOut, handle=desk.why,
        ),
        Route(
            method="GET", path="/v1/garages/{garage_id}/why", scope=AccessScope.READ,
            summary="Why a car was stopped, or could pass, by event or plate: also where it has no session.",
            query=PassageWhyQuery, answer=PassageWhyOut, handle=desk.why_passed,
        ),
        Route(
            method="GET", path="/v1/policies", scope=AccessScope.READ,
            summary="The policies on credit that are, were or will be in force.",
            answer=PoliciesOut, handle=desk.policies,
        ),
        Route(
            method="GET", path="/v1/blocks", scope=AccessScope.READ,
            summary="The block lists' entries in force.", answer=BlocksOut, handle=desk.blocks,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class StandingDesk:
    """The handlers."""

    operator: Operator

    async def why(self, call: Call[Nothing, Nothing]) -> WhyOut:
        session_id = session_id_from(call.path["session_id"])
        return await self._recorded().session(session_id, self.operator.clock.now())

    async def why_passed(self, call: Call[Nothing, PassageWhyQuery]) -> PassageWhyOut:
        garage_id = GarageId(call.path["garage_id"])
        return await self._recorded().passage(garage_id, call.query, self.operator.clock.now())

    def _recorded(self) -> Recorded:
        operator = self.operator
        return Recorded(views=operator.views, standings=operator.standings, policies=operator.policies)

    async def policies(self, call: Call[Nothing, Nothing]) -> PoliciesOut:
        del call
        return PoliciesOut(
            policies=[
                PolicyUseOut(
                    operator_id=None if use.operator_id == EVERYWHERE else use.operator_id,
                    in_force_from=use.in_force_from,
                    policy_version_id=use.policy_version_id,
                    name=use.policy.name,
                )
                for use in await self.operator.policies.all()
            ]
        )

    async def add_policy(self, call: Call[PolicyUseIn, Nothing]) -> PolicyUseOut:
        body = call.body
        try:
            policy = policy_of(body.policy)
        except InvalidInput as error:
            raise InvalidInput(str(error), tuple(f"policy.{name}" for name in error.fields)) from None
        version_id = await self.operator.policies.add(
            policy,
            in_force_from=body.in_force_from,
            now=self.operator.clock.now(),
            operator_id=body.operator_id or EVERYWHERE,
        )
        return PolicyUseOut(
            operator_id=body.operator_id,
            in_force_from=body.in_force_from,
            policy_version_id=version_id,
            name=policy.name,
        )

    async def put_score(self, call: Call[ScoreIn, Nothing]) -> None:
        operator, body = self.operator, call.body
        account_id = account_id_from(call.path["account_id"])
        await operator.standings.put_score(
            account_id,
            body.score,
            source=body.source,
            now=operator.clock.now(),
            valid_until=body.valid_until,
        )
        await operator.regrant(account_id)

    async def blocks(self, call: Call[Nothing, Nothing]) -> BlocksOut:
        del call
        rows = await self.operator.standings.blocks(self.operator.clock.now())
        return BlocksOut(blocks=[_block(row) for row in rows])

    async def add_block(self, call: Call[BlockIn, Nothing]) -> None:
        operator, body = self.operator, call.body
        plate = None if body.plate is None else parse_plate(body.plate.number, body.plate.colour)
        block = NewBlock(
            block_id=call.path["block_id"],
            account_id=None if body.account_id is None else AccountId(body.account_id),
            plate=plate,
            scope=body.scope,
            garage_id=GarageId(body.garage_id),
            cause=body.cause,
            valid_until=body.valid_until,
        )
        await operator.standings.add_block(block, by=call.who, now=operator.clock.now())
        await self._tell(block.account_id, plate.number if plate else None)

    async def end_block(self, call: Call[Nothing, Nothing]) -> None:
        await self._tell(
            *await self.operator.standings.end_block(call.path["block_id"], self.operator.clock.now())
        )

    async def _tell(self, account_id: AccountId | None, number: str | None) -> None:
        accounts = [] if account_id is None else [account_id]
        await self.operator.regrant(*accounts, unbound_numbers=[] if number is None else [number])


def _block(row: Mapping[str, Any]) -> BlockOut:
    values = dict(row)
    number, colour = values.pop("number"), values.pop("colour")
    plate = None if number is None else PlateIn(number=number, colour=Colour(colour))
    return BlockOut(plate=plate, **values)
