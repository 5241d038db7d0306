"""The native protocol's routes as the OpenAPI document describes them; they are served by ``api.py``."""

from __future__ import annotations

from typing import Any, Final

from gateways.gates.native.handouts import GrantKeysOut, GrantsOut, GrantsQuery
from gateways.gates.native.stay_tokens import StayTokensIn, StayTokensOut
from gateways.gates.native.wire import GateAnswer, GateEventIn
from gateways.web.access import Scope
from gateways.web.routes import BodyForm, Route

__all__ = ["NATIVE_ROUTES"]

CONFLICT: Final = {409: "The event_id was used for an event with other content; nothing changed."}

NATIVE_ROUTES: Final[list[Route[Any, Any]]] = [
    Route(
        method="POST",
        path="/v1/gate-events",
        scope=Scope.CONTROLLER,
        summary="Report one vehicle seen by one lane; the answer says whether its barrier opens.",
        body=GateEventIn,
        answer=GateAnswer,
        statuses=CONFLICT,
    ),
    Route(
        method="POST",
        path="/v1/gate-events/batch",
        scope=Scope.CONTROLLER,
        summary="Report up to 1,000 events, one a line; each is answered by a line, a wrong one fails alone.",
        body=GateEventIn,
        body_form=BodyForm.LINES,
        lines_max=1000,
        answer=GateAnswer,
    ),
    Route(
        method="POST",
        path="/v1/garages/{garage_id}/stay-tokens",
        scope=Scope.CONTROLLER,
        summary="Issue tokens for cars without a plate, to be shown or printed by a lane.",
        body=StayTokensIn,
        answer=StayTokensOut,
        statuses={403: "The token speaks for another garage.", 503: "Too many are issued and not used."},
    ),
    Route(
        method="GET",
        path="/v1/garages/{garage_id}/grants",
        scope=Scope.CONTROLLER,
        summary="The signed grants of the cars inside, or what changed of them since a place.",
        query=GrantsQuery,
        answer=GrantsOut,
        statuses={403: "The token speaks for another garage."},
    ),
    Route(
        method="GET",
        path="/v1/grant-keys",
        scope=Scope.CONTROLLER,
        summary="The public keys of signed grants, as a JSON Web Key Set.",
        answer=GrantKeysOut,
    ),
]
