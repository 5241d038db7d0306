"""The city's part of the settlement process, put together: only where a connection is configured."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Never

from gateways.hangzhou.client import open_client
from gateways.hangzhou.connection import RAIL, load_connection
from gateways.hangzhou.liaison import Liaison
from gateways.hangzhou.metrics import CityMetrics
from gateways.hangzhou.orders import Orders, topics_of
from gateways.hangzhou.quotes import Quotes
from gateways.hangzhou.rail import HangzhouRail
from gateways.hangzhou.reporter import Reporter
from gateways.hangzhou.sender import Sender
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, MqttVersion, mqtt_server
from gateways.pictures.opening import picture_store
from parking.errors import LeaveFirstError
from settlement.books.reporting import PostgresReportBooks
from settlement.books.vouchers import Vouchers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

    from gateways.hangzhou.client import CityClient
    from gateways.hangzhou.connection import Connection
    from gateways.settlement_wiring import Parts
    from gateways.web.operating import Regrant
    from settlement.notices import NoticeDesk
    from settlement.rail import Rail

__all__ = ["City", "open_city"]

EVERY_S: Final = 1.0
"""How often the books are asked and reports are sent; a grant comes that much later."""
SWEEP_EVERY_S: Final = 60.0
HEARTBEAT_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The connections that are open, none or one: their rails, and what has to run."""

    rails: Mapping[str, Rail] = field(default_factory=dict)
    loops: Callable[[NoticeDesk, Regrant], Sequence[Coroutine[Any, Any, Never]]] = lambda _desk, _regrant: ()


@asynccontextmanager
async def open_city(parts: Parts, file: Path | None) -> AsyncIterator[City]:
    """Read the connection, if there is one; raises :class:`InvalidInput` for a file that is none."""
    if file is None:
        yield City()
        return
    connection = load_connection(file)
    books = PostgresReportBooks(parts.pool, recipient=RAIL, partition_count=parts.settings.partition_count)
    async with open_client(connection) as client:

        def loops(desk: NoticeDesk, regrant: Regrant) -> Sequence[Coroutine[Any, Any, Never]]:
            return _loops(parts, connection, client, books, desk=desk, regrant=regrant)

        yield City(rails={RAIL: HangzhouRail(client, books, connection)}, loops=loops)


def _loops(
    parts: Parts,
    connection: Connection,
    client: CityClient,
    books: PostgresReportBooks,
    *,
    desk: NoticeDesk,
    regrant: Regrant,
) -> Sequence[Coroutine[Any, Any, Never]]:
    clock, garages, metrics = parts.clock, parts.garages, CityMetrics(parts.metrics.registry)
    settings = parts.settings
    vouchers = Vouchers(
        parts.pool, partition_count=settings.partition_count, collect_delay=settings.collect_delay
    )
    reporter = Reporter(connection=connection, books=books, garages=garages, vouchers=vouchers, clock=clock)
    quotes = Quotes(connection=connection, sessions=parts.sessions, garages=garages, books=books, clock=clock)
    orders = Orders(
        connection=connection, client=client, vouchers=vouchers, notices=desk, books=books, quotes=quotes,
        regrant=regrant, clock=clock, metrics=metrics,
    )  # fmt: skip
    liaison = Liaison(
        connection=connection, client=client, reporter=reporter, orders=orders, clock=clock, metrics=metrics
    )
    sender = Sender(
        client=client, books=books, clock=clock, metrics=metrics, pictures=picture_store(settings)
    )

    broker = [] if connection.mqtt_url is None else [_broker(connection, liaison, metrics).run(orders.take)]
    return [
        _keep(parts, SWEEP_EVERY_S, reporter.sweep),
        _keep(parts, EVERY_S, reporter.step),
        _keep(parts, EVERY_S, sender.step),
        _keep(parts, EVERY_S, liaison.catch_up),
        _keep(parts, HEARTBEAT_S, liaison.beat),
        *broker,
    ]


async def _keep(parts: Parts, every_s: float, step: Callable[[], Awaitable[object]]) -> Never:
    """Books that are away are asked again, and never kept busy by this for more than a fifth of the time."""
    clock = asyncio.get_running_loop().time
    while True:
        began_s = clock()
        try:
            await step()
        except LeaveFirstError as error:
            parts.metrics.loop_held_up(loop=RAIL, error=error, retry_in_s=every_s)
        await asyncio.sleep(max(every_s, 4 * (clock() - began_s)))


def _broker(connection: Connection, liaison: Liaison, metrics: CityMetrics) -> MqttConnection:
    server = replace(
        mqtt_server(connection.mqtt_url or ""),
        username=connection.access_id,
        password=connection.mqtt_password,
    )
    options = MqttOptions(
        client_id=connection.access_id,
        subscriptions=topics_of(connection),
        version=MqttVersion.V311,
    )
    return MqttConnection(server, options, observe=metrics.connected, on_connected=liaison.line_is_back)
