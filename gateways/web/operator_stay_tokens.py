"""Tokens of cars without a plate: bound to a driver's account, and replaced by an attendant when lost.

A token that is bound is a plate of the account, which vouches for the stay and gets its bill. A lost one is
found by the time of the entry and the picture that the lane took; the attendant's word, kept with a reason,
replaces it by another token of the same stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gateways.web.access import Scope
from gateways.web.operator_accounts import account_id_from
from gateways.web.operator_sessions import session_id_from
from gateways.web.routes import Nothing, Route
from gateways.web.token_stay_wire import (
    AccountTokenIn,
    AccountTokenMade,
    ReplacementIn,
    ReplacementMade,
    TokenStayOut,
    TokenStayQuery,
    TokenStaysOut,
)
from parking.errors import Conflict, InvalidInput, NotFound
from parking.ids import GarageId
from parking.plate import Colour, Plate
from parking.stay_token import draw_token, read_token, replaced_token

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from parking.stay_token import StayToken

__all__ = ["stay_token_routes"]

GONE = "the car is not inside any more"


def stay_token_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = StayTokenDesk(operator)
    return [
        Route(
            method="POST", path="/v1/accounts/{account_id}/stay-tokens", scope=Scope.FULL,
            summary="Give a driver without a plate a token, or bind the one that a lane gave him.",
            statuses={404: "No such account or garage, or no such token is in use there.",
                      409: "The token is bound to another account."},
            body=AccountTokenIn, answer=AccountTokenMade, status=201, handle=desk.bind,
        ),
        Route(
            method="GET", path="/v1/token-stays", scope=Scope.READ,
            summary="Cars without a plate that are inside, by the time of their entry.",
            query=TokenStayQuery, answer=TokenStaysOut, handle=desk.inside,
        ),
        Route(
            method="POST", path="/v1/sessions/{session_id}/stay-tokens", scope=Scope.FULL,
            summary="Replace a lost token: the car leaves by the new one alone.",
            statuses={409: "The car has a plate, or is not inside."},
            body=ReplacementIn, answer=ReplacementMade, status=201, handle=desk.replace,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class StayTokenDesk:
    """The handlers."""

    operator: Operator

    async def bind(self, call: Call[AccountTokenIn, Nothing]) -> AccountTokenMade:
        operator, body = self.operator, call.body
        account_id = account_id_from(call.path["account_id"])
        garage_id = (await operator.garages.one(GarageId(body.garage_id))).garage_id
        now = operator.clock.now()
        expires_at = None
        if body.token is not None:
            token = read_token(body.token)
            await self._check_in_use(garage_id, token)
            await operator.stay_tokens.bind(account_id, token, now)
        else:
            token, expires_at = draw_token(operator.draw_bytes), now + timedelta(minutes=body.valid_minutes)
            await operator.stay_tokens.bind(account_id, token, now)
            await operator.sessions.issue_tokens(garage_id, [token], now=now, until=expires_at)
        await operator.regrant(account_id)
        return AccountTokenMade(token=token.text, name=token.plate.number, expires_at=expires_at)

    async def _check_in_use(self, garage_id: GarageId, token: StayToken) -> None:
        """Whoever binds a token has seen it: its name alone is on every bill."""
        sessions, number = self.operator.sessions, token.plate.number
        inside, issued = await sessions.find(garage_id, number), await sessions.issued(garage_id, number)
        if not (inside.leaves_by(token.digest) or issued.is_of(token.digest)):
            raise NotFound("no such token is in use at this garage")

    async def inside(self, call: Call[Nothing, TokenStayQuery]) -> TokenStaysOut:
        query = call.query
        if query.entered_until < query.entered_from:
            raise InvalidInput("ends before it begins", ("entered_from", "entered_until"))
        stays = await self.operator.stay_tokens.inside(
            GarageId(query.garage_id),
            entered_from=query.entered_from,
            entered_until=query.entered_until,
            limit=query.limit,
        )
        return TokenStaysOut(
            stays=[
                TokenStayOut(
                    session_id=one.session_id,
                    name=one.number,
                    entered_at=one.entered_at,
                    entry_lane_id=one.entry_lane_id,
                    image_reference=one.image_reference,
                    account_id=one.account_id,
                    replaced=one.replaced,
                )
                for one in stays
            ]
        )

    async def replace(self, call: Call[ReplacementIn, Nothing]) -> ReplacementMade:
        operator = self.operator
        view = await operator.views.session(session_id_from(call.path["session_id"]))
        if view is None:
            raise NotFound("there is no such session")
        if not Plate(number=view.number, colour=Colour(view.colour)).is_token:
            raise Conflict("this car has a plate")
        session = (await operator.sessions.find(view.garage_id, view.number)).session
        if session is None or session.session_id != view.session_id:
            raise Conflict(GONE)
        token = replaced_token(view.number, operator.draw_bytes)
        await operator.stay_tokens.record_replacement(
            view.session_id,
            view.garage_id,
            token,
            by=call.who,
            reason=call.body.reason,
            now=operator.clock.now(),
        )
        if not await operator.sessions.replace_token(session, token):
            raise Conflict(GONE)
        return ReplacementMade(session_id=view.session_id, token=token.text)
