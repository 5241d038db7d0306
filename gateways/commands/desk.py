"""The operator API's own operations, from the command line.

A command that changes what people keep in the books takes the handler that serves the same operation over
HTTP, on connections of its own. So it knows no rule that the API does not know, and the gates are told too.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from gateways.commands.options import postgres_dsn, valkey_url
from gateways.process import clock_of
from gateways.publisher import Publisher
from gateways.readiness import Readiness
from gateways.settlement_metrics import SettlementMetrics
from gateways.settlement_wiring import debtors_of, granter_of, operator_of, parts_of, regrant_with
from gateways.web.operator import operator_routes
from gateways.web.problems import invalid
from gateways.web.routes import Call, Nothing
from parking.live.batching import BatchingConnection
from parking.live.journal import library_text, open_journal
from settlement.books.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from pydantic import BaseModel

    from gateways.settings import Settings
    from gateways.web.operating import Operator
    from gateways.web.routes import Route

__all__ = ["asked"]

POOL_SIZE = 2


def asked(
    settings: Settings,
    operation: str,
    path: Mapping[str, str] | None = None,
    *,
    body: Mapping[str, object] | None = None,
    query: Mapping[str, object] | None = None,
    who: str = "",
) -> Any:  # noqa: ANN401 - the answer's model is the route's
    """What an operation, as ``GET /v1/sessions/{session_id}``, answers, or raises.

    ``who`` is recorded with what it does.
    """

    async def main() -> BaseModel | Sequence[BaseModel] | None:
        async with _open_operator(settings) as operator:
            route = _route(operator, operation)
            call = _call(route, path or {}, body or {}, query or {}, who)
            return None if route.handle is None else await route.handle(call)

    return asyncio.run(main())


def _route(operator: Operator, operation: str) -> Route[Any, Any]:
    (route,) = (one for one in operator_routes(operator) if f"{one.method} {one.path}" == operation)
    return route


def _call(
    route: Route[Any, Any],
    path: Mapping[str, str],
    body: Mapping[str, object],
    query: Mapping[str, object],
    who: str,
) -> Call[Any, Any]:
    try:
        lines = [] if route.body is None else [route.body.model_validate(body)]
        parsed = (route.query or Nothing).model_validate(query)
    except ValidationError as error:
        raise invalid(error) from None
    return Call(path=dict(path), query=parsed, who=who, merchant=None, lines=lines)


@asynccontextmanager
async def _open_operator(settings: Settings) -> AsyncIterator[Operator]:
    dsn, url, clock = postgres_dsn(settings), valkey_url(settings), clock_of(settings)
    live = BatchingConnection(url, library=library_text())
    async with (
        open_pool(dsn, size=POOL_SIZE, application_name="leave-first command") as pool,
        open_journal(url, partition_count=settings.partition_count, reader="command") as journal,
        asyncio.TaskGroup() as tasks,
    ):
        await live.start(tasks)
        try:
            metrics = SettlementMetrics(CollectorRegistry(), clock)
            parts = parts_of(settings, clock, live, metrics, Readiness(live), pool)
            granter = granter_of(parts, journal)
            regrant = partial(regrant_with, granter, debtors_of(parts))
            yield operator_of(parts, regrant, granter.tell, Publisher(parts.garages, live), rails=())
        finally:
            live.stop()
