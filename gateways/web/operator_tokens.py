"""Operators let controllers speak for their garages, and stop them, and merchants."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateways.web.access import Scope, token_text
from gateways.web.operator_wire import TokenIn, TokenMade, TokenOut, TokensOut
from gateways.web.routes import Nothing, Route
from parking.catalog import secret_digest
from parking.ids import ControllerId, GarageId, LaneId

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.web.operating import Operator
    from gateways.web.routes import Call

__all__ = ["draw_token", "token_routes"]

ID_BYTES: Final = 6
SECRET_BYTES: Final = 32


def draw_token(draw_bytes: Callable[[int], bytes]) -> tuple[str, str]:
    """A new token id and a secret of 256 random bits."""
    secret = base64.urlsafe_b64encode(draw_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    return draw_bytes(ID_BYTES).hex(), secret


def token_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    tokens = TokenDesk(operator)
    return [
        Route(
            method="GET", path="/v1/tokens", scope=Scope.READ,
            summary="All tokens, without their secrets.", answer=TokensOut, handle=tokens.all,
        ),
        Route(
            method="POST", path="/v1/tokens", scope=Scope.FULL,
            summary="Make a token for a controller; it is shown this once.", body=TokenIn,
            answer=TokenMade, status=201, handle=tokens.add,
        ),
        Route(
            method="POST", path="/v1/tokens/{token_id}/revoke", scope=Scope.FULL,
            summary="End a token; within seconds it is refused everywhere.", answer=None,
            handle=tokens.revoke,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """The handlers."""

    operator: Operator

    async def all(self, call: Call[Nothing, Nothing]) -> TokensOut:
        del call
        return TokensOut(
            tokens=[
                TokenOut(
                    token_id=record.token_id,
                    kind=record.kind,
                    label=record.label,
                    added_at=record.added_at,
                    revoked_at=record.revoked_at,
                    garage_id=record.garage_id,
                    controller_id=record.controller_id,
                    lane_ids=list(record.lane_ids),
                    merchant_id=record.merchant_id,
                )
                for record in await self.operator.tokens.all()
            ]
        )

    async def add(self, call: Call[TokenIn, Nothing]) -> TokenMade:
        operator, body = self.operator, call.body
        token_id, secret = draw_token(operator.draw_bytes)
        await operator.tokens.add_controller(
            token_id,
            secret_digest(secret),
            garage_id=GarageId(body.garage_id),
            controller_id=ControllerId(body.controller_id),
            lane_ids=[LaneId(lane_id) for lane_id in body.lane_ids],
            label=body.label,
            now=operator.clock.now(),
        )
        await operator.republish()
        return TokenMade(token_id=token_id, token=token_text(token_id, secret))

    async def revoke(self, call: Call[Nothing, Nothing]) -> None:
        await self.operator.tokens.revoke(call.path["token_id"], self.operator.clock.now())
        await self.operator.republish()
