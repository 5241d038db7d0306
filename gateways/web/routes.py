"""Routes as values: from one table come the handlers and the OpenAPI document.

A route names its models; the body and the query reach its handler parsed, and what the handler returns is
written as JSON. A body of lines is parsed line by line, and a line that is wrong fails alone.
"""

from __future__ import annotations

import asyncio
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from gateways.web.access import Scope
from gateways.web.problems import invalid
from parking.errors import Defect, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from gateways.web.access import Access
    from settlement.merchant import MerchantKey

__all__ = ["BodyForm", "Call", "Nothing", "Route", "add_routes"]

BODY_TIMEOUT_S: Final = 10.0
JSON: Final = "application/json"
TOML: Final = "application/toml"
LINES: Final = "application/x-ndjson"


class Nothing(BaseModel):
    """Of a route without a body, or without a query."""

    model_config = ConfigDict(extra="forbid")


Body = TypeVar("Body", bound=BaseModel)
Query = TypeVar("Query", bound=BaseModel)


@unique
class BodyForm(StrEnum):
    """How a body is written."""

    JSON = "json"
    JSON_OR_TOML = "json_or_toml"
    LINES = "lines"
    """One JSON object a line; answered in the same way, a line for each."""

    @property
    def content_types(self) -> tuple[str, ...]:
        """What the caller may send."""
        return {
            BodyForm.JSON: (JSON,),
            BodyForm.JSON_OR_TOML: (JSON, TOML),
            BodyForm.LINES: (LINES,),
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Body, Query]):
    """One request, parsed; ``who`` is the label of the caller's token, ``merchant`` whose token that is."""

    path: dict[str, str]
    query: Query
    who: str
    merchant: MerchantKey | None
    lines: list[Body | InvalidInput]
    """One element but for a body of lines."""

    @property
    def own(self) -> MerchantKey:
        """The merchant who asks."""
        if self.merchant is None:
            raise Defect("a merchant's route for somebody else")
        return self.merchant

    @property
    def body(self) -> Body:
        """The body."""
        (body,) = self.lines
        if isinstance(body, InvalidInput):
            raise body
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Route(Generic[Body, Query]):
    """One operation; without a ``handle`` it is only described here and served elsewhere."""

    method: str
    path: str
    scope: Scope
    summary: str
    answer: type[BaseModel] | None
    body: type[Body] | None = None
    query: type[Query] | None = None
    body_form: BodyForm = BodyForm.JSON
    lines_max: int = 1
    status: int = 200
    handle: Callable[[Call[Body, Query]], Awaitable[BaseModel | Sequence[BaseModel] | None]] | None = None
    statuses: dict[int, str] = field(default_factory=dict)
    """Further statuses that a caller should expect, and what each means."""


def add_routes(app: web.Application, routes: Iterable[Route[Any, Any]], access: Access) -> None:
    """Serve every route that has a handler."""
    for route in routes:
        if route.handle is not None:
            app.router.add_route(route.method, route.path, _handler(route, access))


def _handler(
    route: Route[Any, Any], access: Access
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    if route.handle is None:
        raise Defect(f"{route.path} is served elsewhere")
    handle = route.handle

    async def answer(request: web.Request) -> web.StreamResponse:
        who, merchant = "", None
        if route.scope is not Scope.PUBLIC:
            caller = await access.caller(request.headers.get("Authorization"), route.scope)
            who, merchant = caller.label, caller.merchant
        call = Call(
            path=dict(request.match_info),
            query=_query(request, route.query or Nothing),
            who=who,
            merchant=merchant,
            lines=await _lines(request, route),
        )
        return _response(route, await handle(call))

    return answer


def _query(request: web.Request, model: type[BaseModel]) -> BaseModel:
    values: dict[str, str] = {}
    for name, value in request.query.items():
        if name in values:
            raise InvalidInput("given twice", (name,))
        values[name] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None


async def _lines(request: web.Request, route: Route[Any, Any]) -> list[BaseModel | InvalidInput]:
    if route.body is None:
        return []
    if request.content_type not in route.body_form.content_types:
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except ConnectionError as error:
        raise Unavailable("the request ended before its body") from error
    if route.body_form is not BodyForm.LINES:
        return [_parsed(body, route.body, toml=request.content_type == TOML)]
    lines = body.splitlines()
    if not 1 <= len(lines) <= route.lines_max:
        raise InvalidInput(f"1 to {route.lines_max} lines", ("body",))
    return [_parsed_line(line, route.body) for line in lines]


def _parsed(body: bytes, model: type[BaseModel], *, toml: bool) -> BaseModel:
    try:
        if toml:
            return model.model_validate(tomllib.loads(body.decode()))
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
    except (ValueError, RecursionError):
        raise InvalidInput("not TOML in UTF-8", ("body",)) from None


def _parsed_line(line: bytes, model: type[BaseModel]) -> BaseModel | InvalidInput:
    try:
        return _parsed(line, model, toml=False)
    except InvalidInput as error:
        return error


def _response(route: Route[Any, Any], answer: BaseModel | Sequence[BaseModel] | None) -> web.Response:
    if answer is None:
        return web.Response(status=204)
    if isinstance(answer, BaseModel):
        return web.Response(text=answer.model_dump_json(), status=route.status, content_type=JSON)
    text = "".join([f"{one.model_dump_json()}\n" for one in answer])
    return web.Response(text=text, status=route.status, content_type=LINES)
