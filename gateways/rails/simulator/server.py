"""The simulator's HTTP interface.

::

    POST /v1/charges                 take an amount        200 paid | accepted, 402 declined
    GET  /v1/charges/{attempt_key}   what became of it     200 paid | accepted | declined, 404 not received
    POST /v1/refunds                 give an amount back   as for charges
    GET  /v1/refunds/{attempt_key}                         as for charges
    GET  /v1/books                   every movement, one JSON object a line, in the order of commits
    GET  /v1/books/summary           totals, and how often each fault struck
    GET  /livez                      without a secret

Any other status says nothing about money, except 409: the attempt key was used for something else.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, assert_never

from aiohttp import web
from pydantic import ValidationError

from gateways.rails.simulator.books import Attempt, State
from gateways.rails.simulator.faults import Fault, Kind
from gateways.rails.simulator.teller import Spoilt
from gateways.rails.simulator.wire import (
    AcceptedReply,
    DeclinedReply,
    ErrorReply,
    MovementLine,
    NotReceivedReply,
    OrderBody,
    PaidReply,
    Summary,
)
from parking.clock import from_ms
from parking.errors import Conflict, DependencyError, InvalidInput, LeaveFirstError, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateways.rails.simulator.books import Books
    from gateways.rails.simulator.teller import Notices, Teller
    from gateways.rails.simulator.wire import Body

__all__ = ["RailServer", "gone", "live", "spoilt"]

BODY_MAX_BYTES = 16 * 1024
PAGE = 1_000
PAYMENT_REQUIRED = 402
NOT_FOUND = 404


class RailServer:
    """The routes over one teller and its books."""

    def __init__(
        self, teller: Teller, books: Books, notifier: Notices, *, secrets: Sequence[str], requests_max: int
    ) -> None:
        self._teller = teller
        self._books = books
        self._notifier = notifier
        self._authorizations = [f"Bearer {secret}".encode() for secret in secrets]
        self._requests_max = requests_max
        self._requests = 0

    def application(self) -> web.Application:
        """A fresh application."""
        application = web.Application(client_max_size=BODY_MAX_BYTES, middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/livez", live),
                web.get("/v1/books", self._movements),
                web.get("/v1/books/summary", self._summary),
            ]
        )
        for kind in Kind:
            application.add_routes(
                [
                    web.post(f"/v1/{kind}s", self._taking(kind)),
                    web.get(f"/v1/{kind}s/{{attempt_key}}", self._asking(kind)),
                ]
            )
        return application

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Secret, bound on work, and the one place where errors become statuses."""
        if request.path == "/livez":
            return await handler(request)
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        matches = [hmac.compare_digest(known, given) for known in self._authorizations]
        if not any(matches):
            return _json(ErrorReply(code="not_authenticated", detail="no valid secret"), status=401)
        if self._requests >= self._requests_max:
            return _json(ErrorReply(code="busy", detail="too many requests at once"), status=503)
        self._requests += 1
        try:
            return await handler(request)
        except LeaveFirstError as error:
            return _json(ErrorReply(code=type(error).__name__, detail=str(error)), status=_status(error))
        finally:
            self._requests -= 1

    def _taking(self, kind: Kind) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def take(request: web.Request) -> web.Response:
            order = _order(await request.read())
            taken = await self._teller.take(kind, order, lambda: gone(request))
            match taken:
                case Spoilt():
                    return spoilt(request, taken.fault)
                case Attempt():
                    return _reply(taken, declined_status=PAYMENT_REQUIRED)
                case _:
                    assert_never(taken)

        return take

    def _asking(self, kind: Kind) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def ask(request: web.Request) -> web.Response:
            attempt_key = request.match_info["attempt_key"]
            attempt = await self._books.find(kind, attempt_key)
            if attempt is None:
                return _json(NotReceivedReply(attempt_key=attempt_key), status=NOT_FOUND)
            return _reply(attempt, declined_status=200)

        return ask

    async def _movements(self, request: web.Request) -> web.StreamResponse:
        page = await self._books.movements(0, PAGE)
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        while page:
            lines = [
                MovementLine(
                    kind=one.kind,
                    order_key=one.order_key,
                    attempt_key=one.attempt_key,
                    amount_fen=one.amount_fen,
                    paid_at=from_ms(one.paid_at_ms),
                    rail_reference=one.rail_reference,
                ).model_dump_json()
                for one in page
            ]
            await response.write("".join(f"{line}\n" for line in lines).encode())
            page = await self._books.movements(page[-1].sequence, PAGE)
        await response.write_eof()
        return response

    async def _summary(self, request: web.Request) -> web.Response:
        del request
        totals = await self._books.totals()
        summary = Summary(
            charges=totals.charges,
            charged_fen=totals.charged_fen,
            refunds=totals.refunds,
            refunded_fen=totals.refunded_fen,
            declined=totals.declined,
            pending=totals.pending,
            orders_charged_twice=totals.orders_charged_twice,
            faults=dict(self._teller.faults),
            notices_delivered=self._notifier.delivered,
            notices_failed=self._notifier.failed,
        )
        return _json(summary)


async def live(request: web.Request) -> web.Response:
    """The process serves."""
    del request
    return web.Response(text="ok\n")


def _order(body: bytes) -> OrderBody:
    try:
        return OrderBody.model_validate_json(body)
    except ValidationError as error:
        fields = tuple(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise InvalidInput(f"not an order: {', '.join(fields)}", fields) from None


def _reply(attempt: Attempt, *, declined_status: int) -> web.Response:
    match attempt.state:
        case State.PAID:
            return _json(
                PaidReply(
                    attempt_key=attempt.attempt_key,
                    rail_reference=attempt.rail_reference,
                    amount_fen=attempt.amount_fen,
                    paid_at=from_ms(attempt.paid_at_ms or 0),
                )
            )
        case State.ACCEPTED:
            return _json(
                AcceptedReply(
                    attempt_key=attempt.attempt_key,
                    rail_reference=attempt.rail_reference,
                    amount_fen=attempt.amount_fen,
                )
            )
        case State.DECLINED:
            declined = DeclinedReply(
                attempt_key=attempt.attempt_key, code=attempt.code or "declined", hard=attempt.hard
            )
            return _json(declined, status=declined_status)
        case _:
            assert_never(attempt.state)


def spoilt(request: web.Request, fault: Fault) -> web.Response:
    """A request that ends without a proper answer; one that was left hanging loses its connection."""
    if fault is Fault.RATE_LIMITED:
        return _json(ErrorReply(code="rate_limited", detail="too many requests"), status=429)
    if fault in {Fault.TIMEOUT_BEFORE_CAPTURE, Fault.TIMEOUT_AFTER_CAPTURE} and request.transport is not None:
        request.transport.abort()
    return _json(ErrorReply(code="internal", detail="the rail had a fault"), status=500)


def gone(request: web.Request) -> bool:
    """Whether the client has given up."""
    return request.transport is None or request.transport.is_closing()


def _status(error: LeaveFirstError) -> int:
    match error:
        case InvalidInput():
            return 422
        case Conflict():
            return 409
        case OutcomeUnknown():
            return 500
        case DependencyError():
            return 503
        case _:
            return 500


def _json(body: Body, *, status: int = 200) -> web.Response:
    return web.Response(text=body.model_dump_json(), status=status, content_type="application/json")
