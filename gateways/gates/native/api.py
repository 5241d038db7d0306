"""The native protocol over HTTP: one event a request, or up to 1,000 in a batch.

The single request is the lane's hot path: read, check, answer; the batch is for backlogs and answers one
line per event, in order, with a few calls to the live store for all of them.
"""

from __future__ import annotations

import json
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web
from pydantic import ValidationError

from gateways.gates.display import display
from gateways.gates.native.sockets import SOCKETS
from gateways.gates.native.stay_tokens import STAY_TOKENS
from gateways.gates.native.wire import EVENT, EVENTS, GateEventIn, answer_text, event_of
from gateways.web.bodies import read_body
from gateways.web.problems import invalid, problem, problem_document, problems_middleware
from gateways.web.ready import ReadyJson
from parking.errors import InvalidInput, LeaveFirstError
from parking.ids import GarageId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.native.handouts import GrantHandouts
    from gateways.gates.native.sockets import Sockets
    from gateways.gates.native.stay_tokens import StayTokens
    from gateways.metrics import GateMetrics
    from parking.desk import Answer
    from parking.event import GateEvent

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

__all__ = ["BATCH_BYTES_MAX", "BATCH_EVENTS_MAX", "EVENT_BYTES_MAX", "NativeGates"]

EVENT_BYTES_MAX = 16 * 1024
BATCH_BYTES_MAX = 1024 * 1024
BATCH_EVENTS_MAX = 1000


class NativeGates:
    """The end points; ``draining`` tells when the process is about to stop."""

    def __init__(
        self,
        gatehouse: Gatehouse,
        metrics: GateMetrics,
        *,
        draining: Callable[[], bool],
        handouts: GrantHandouts,
        stay_tokens: StayTokens,
        sockets: Sockets,
    ) -> None:
        self._gatehouse = gatehouse
        self._handouts = handouts
        self._stay_tokens = stay_tokens
        self._sockets = sockets
        self._metrics = metrics
        self._draining = draining
        self._handlers = {"/v1/gate-events": self.one, "/v1/gate-events/batch": self.many}

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """Every request to the gates' port.

        So few paths need no application's router, which would cost more than a decision does.
        """
        return problems_middleware(request, self._routed)

    def _routed(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        path = request.raw_path.partition("?")[0]
        if path == SOCKETS:
            return self._sockets.handle(request)
        handler = self._handlers.get(path) or self._issuing(path)
        if handler is None:
            return self._handed_out(path, request)
        if request.method != hdrs.METH_POST:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_POST])
        return handler(request)

    def _issuing(self, path: str) -> Handler | None:
        found = STAY_TOKENS.fullmatch(path)
        return partial(self.issue, GarageId(found[1])) if found else None

    def _handed_out(self, path: str, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        handler = self._handouts.handler(path)
        if handler is None:
            raise web.HTTPNotFound
        if request.method != hdrs.METH_GET:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_GET])
        return handler(request)

    async def one(self, request: web.BaseRequest) -> web.Response:
        """``POST /v1/gate-events``."""
        try:
            controller = self._gatehouse.controller(request.headers.get("Authorization"))
            body = await _body(request, EVENT_BYTES_MAX)
            started = perf_counter()
            event = event_of(EVENT.validate_json(body))
            answer = await self._gatehouse.answer(event, controller)
        except ValidationError as error:
            self._metrics.refused()
            return problem(invalid(error))
        except LeaveFirstError as error:
            self._metrics.refused()
            return problem(error)
        self._metrics.answered(answer.decision, replayed=answer.replayed, seconds=perf_counter() - started)
        text = answer_text(answer, display(event.plate, answer.decision))
        response = ReadyJson(text)
        if self._draining():
            response.force_close()
        return response

    async def many(self, request: web.BaseRequest) -> web.Response:
        """``POST /v1/gate-events/batch``: NDJSON or a JSON array; one NDJSON line per event, in order."""
        controller = self._gatehouse.controller(request.headers.get("Authorization"))
        body = await _body(request, BATCH_BYTES_MAX)
        lines = _parsed(body)
        events = [line for line in lines if not isinstance(line, InvalidInput)]
        answers = await self._gatehouse.answer_many(events, controller)
        self._metrics.answered_many(one for one in answers if not isinstance(one, LeaveFirstError))
        waiting = iter(answers)
        texts = [
            self._refusal(line) if isinstance(line, InvalidInput) else self._line(line, next(waiting))
            for line in lines
        ]
        return web.Response(body="\n".join(texts).encode(), content_type="application/x-ndjson")

    async def issue(self, garage_id: GarageId, request: web.BaseRequest) -> web.StreamResponse:
        """``POST /v1/garages/{garage_id}/stay-tokens``."""
        controller = self._gatehouse.controller(request.headers.get("Authorization"))
        body = await _body(request, EVENT_BYTES_MAX)
        return await self._stay_tokens.issue(garage_id, controller, body)

    def _line(self, event: GateEvent, answer: Answer | LeaveFirstError) -> str:
        if isinstance(answer, LeaveFirstError):
            return self._refusal(answer, event.event_id)
        return answer_text(answer, display(event.plate, answer.decision))

    def _refusal(self, error: LeaveFirstError, event_id: str | None = None) -> str:
        self._metrics.refused()
        return json.dumps({"event_id": event_id, "problem": problem_document(error)}, ensure_ascii=False)


async def _body(request: web.BaseRequest, bytes_max: int) -> bytes:
    """The whole body; a larger one is refused before it is read, a slow one after a while."""
    if request.content_type not in {"application/json", "application/x-ndjson"}:
        raise web.HTTPUnsupportedMediaType
    return await read_body(request, bytes_max)


def _parsed(body: bytes) -> list[GateEvent | InvalidInput]:
    """The events of a batch, a bad one as its error."""
    rows = _rows(body)
    if not 0 < len(rows) <= BATCH_EVENTS_MAX:
        raise InvalidInput(f"a batch has 1 to {BATCH_EVENTS_MAX} events", ("body",))
    try:
        wires = EVENTS.validate_json(b"[" + b",".join(rows) + b"]")
    except ValidationError:
        wires = []
    # Lines that are no events one by one can be a list of them together, of another length.
    return [_event(wire) for wire in wires] if len(wires) == len(rows) else [_row(row) for row in rows]


def _rows(body: bytes) -> list[bytes]:
    if not body.lstrip().startswith(b"["):
        return [row for row in body.split(b"\n") if row.strip()]
    try:
        array: list[Any] = json.loads(body)
        return [json.dumps(one).encode() for one in array]
    except (ValueError, RecursionError):
        raise InvalidInput("neither NDJSON nor a JSON array", ("body",)) from None


def _row(row: bytes) -> GateEvent | InvalidInput:
    try:
        return _event(EVENT.validate_json(row))
    except ValidationError as error:
        return invalid(error)


def _event(wire: GateEventIn) -> GateEvent | InvalidInput:
    try:
        return event_of(wire)
    except InvalidInput as error:
        return error
