"""The native protocol's routes as the OpenAPI document describes them; they are served by ``api.py``."""

from __future__ import annotations

from typing import Any, Final

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
]
