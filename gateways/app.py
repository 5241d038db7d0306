"""The settlement process, put together.

It holds the connection to the books. Everything that moves money or grants runs here, so that nothing of
it can delay a lane. While the books are away it waits, says so in ``/readyz``, and loses nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import CollectorRegistry

from gateways.barrier_keeper import keep_barrier_records
from gateways.gates.native.routes import NATIVE_ROUTES
from gateways.hangzhou_wiring import open_city
from gateways.matching import matcher_of, reorderer_of
from gateways.metrics import ProcessMetrics
from gateways.month_keeper import keep_months
from gateways.process import clock_of, collect_seldom, ended
from gateways.publisher import Publisher
from gateways.rail_wiring import add_notice_routes, open_rails
from gateways.readiness import Readiness
from gateways.settlement_metrics import SettlementMetrics
from gateways.settlement_wiring import (
    biller_of,
    collector_of,
    debtors_of,
    granter_of,
    late_giver_of,
    operator_of,
    parts_of,
    prepayments_of,
    regrant_with,
    sealer_of,
)
from gateways.web.health import health_app
from gateways.web.operator import operator_app
from gateways.web.serving import serve
from parking.errors import DependencyError, LeaveFirstError
from parking.live.batching import BatchingConnection
from parking.live.journal import library_text, open_journal
from settlement.books.ledger_totals import LedgerTotals
from settlement.books.migrate import migrate
from settlement.books.pool import open_pool, until_answered
from settlement.notices import notice_desk
from settlement.policy import STANDARD as STANDARD_POLICY
from settlement.unused import watch_prepayments

if TYPE_CHECKING:
    from aiohttp import web

    from gateways.settings import Settings
    from gateways.settlement_wiring import Parts
    from gateways.web.operating import Operator
    from parking.clock import Clock
    from parking.live.journal import LiveJournal
    from settlement.books.pool import Pool
    from settlement.notices import NoticeDesk

__all__ = ["run_settlement"]

log = structlog.get_logger()
BOOKS_RETRY_S: Final = 1.0
BOOKS_ASK_S: Final = 1.0


async def run_settlement(settings: Settings, *, lifeline_fd: int | None) -> None:
    """Settle until a signal or the end of the supervisor."""
    if settings.valkey_url is None or settings.postgres_dsn is None:
        raise ValueError("settlement needs the addresses of both stores")
    registry, clock = CollectorRegistry(), clock_of(settings)
    live = BatchingConnection(settings.valkey_url.get_secret_value(), library=library_text())
    readiness = Readiness(live)
    stop = asyncio.Event()
    health = health_app(registry, readiness.checks)
    async with (
        serve(health, host=settings.host, port=settings.metrics_port),
        asyncio.TaskGroup() as tasks,
    ):
        await live.start(tasks)
        watch = tasks.create_task(ProcessMetrics(registry).watch_loop(), name="loop-lag")
        metrics = SettlementMetrics(registry, clock)
        work = tasks.create_task(_settle(settings, clock, live, metrics, readiness, stop), name="settle")
        collect_seldom()
        await ended(lifeline_fd)
        readiness.draining = "this process is stopping"
        log.info("settlement_draining")
        stop.set()
        if readiness.books:
            work.cancel()
        await asyncio.wait([work])
        watch.cancel()
        live.stop()


async def _settle(
    settings: Settings,
    clock: Clock,
    live: BatchingConnection,
    metrics: SettlementMetrics,
    readiness: Readiness,
    stop: asyncio.Event,
) -> None:
    async with AsyncExitStack() as opened:
        pool = await _open_books(settings, _dsn(settings), clock, readiness, opened)
        parts = parts_of(settings, clock, live, metrics, readiness, pool)
        await parts.policies.begin_with(STANDARD_POLICY, clock.now())
        await _run_loops(parts, opened, stop)


async def _open_books(
    settings: Settings, dsn: str, clock: Clock, readiness: Readiness, opened: AsyncExitStack
) -> Pool:
    """Migrate and connect, however long the books are away; a refusal ends this process."""
    while True:
        try:
            await migrate(dsn, partition_count=settings.partition_count, now=clock.now())
            pool = await opened.enter_async_context(
                open_pool(dsn, size=settings.postgres_pool_size, application_name="leave-first settlement")
            )
        except DependencyError as error:
            readiness.books = str(error)
            log.warning("books_away", error=str(error))
            await asyncio.sleep(BOOKS_RETRY_S)
        else:
            readiness.books, readiness.books_answered_s = "", asyncio.get_running_loop().time()
            return pool


async def _watch_books(pool: Pool, readiness: Readiness) -> None:
    """Note for ever when the books answer; frozen ones give no error, they only stay silent."""
    while True:
        with suppress(LeaveFirstError):
            await until_answered(pool)
            readiness.books_answered_s = asyncio.get_running_loop().time()
        await asyncio.sleep(BOOKS_ASK_S)


async def _run_loops(parts: Parts, opened: AsyncExitStack, stop: asyncio.Event) -> None:
    settings, charges = parts.settings, parts.charges
    journal = await opened.enter_async_context(
        open_journal(_url(settings), partition_count=settings.partition_count, reader="settlement")
    )
    publisher = Publisher(parts.garages, parts.live)
    granter, debtors = granter_of(parts, journal), debtors_of(parts)
    regrant = partial(regrant_with, granter, debtors)
    city = await opened.enter_async_context(open_city(parts, settings.hangzhou_file))
    rails = await open_rails(settings, opened) | dict(city.rails)
    operator = operator_of(parts, regrant, granter.tell, publisher, rails=rails)
    app = operator_app(operator, version=version("leave-first"), described=NATIVE_ROUTES)
    desk = await _notice_desk(parts, opened, app)
    async with (
        asyncio.TaskGroup() as tasks,
        serve(app, host=settings.host, port=settings.operator_port) as port,
    ):
        sample = parts.metrics.sample(journal, charges, parts.pool, LedgerTotals(parts.pool))
        loops = [
            tasks.create_task(parts.regranting.run(regrant, parts.metrics), name="regranting"),
            tasks.create_task(parts.billed.run(granter.regrant, parts.metrics), name="billed"),
            tasks.create_task(debtors.run(granter.regrant), name="debtors"),
            tasks.create_task(
                watch_prepayments(prepayments_of(parts), parts.clock, parts.metrics), name="prepayments"
            ),
            tasks.create_task(publisher.run(settings.catalog_refresh_ms / 1000), name="publisher"),
            tasks.create_task(granter.run(), name="granter"),
            tasks.create_task(biller_of(parts, journal).run(), name="biller"),
            *_hindsight(parts, operator, journal, tasks),
            tasks.create_task(sample, name="sampler"),
            *_upkeep(parts, operator, tasks),
            *(tasks.create_task(one, name="city") for one in city.loops(desk, regrant)),
        ]
        collecting = tasks.create_task(collector_of(parts, rails).run(stop), name="collector")
        log.info("settlement_open", port=port)
        await stop.wait()
        await asyncio.wait([collecting])
        for loop in loops:
            loop.cancel()


def _hindsight(
    parts: Parts, operator: Operator, journal: LiveJournal, tasks: asyncio.TaskGroup
) -> list[asyncio.Task[None]]:
    """What finds out afterwards whose passages they were, and what their stays are given."""
    known = (parts.settings, operator, parts.pool, journal, parts.metrics)
    return [
        tasks.create_task(matcher_of(*known).run(), name="matcher"),
        tasks.create_task(reorderer_of(*known).run(), name="reorderer"),
        tasks.create_task(late_giver_of(parts, journal).run(), name="late-giving"),
    ]


def _upkeep(parts: Parts, operator: Operator, tasks: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
    """What looks after the books themselves."""
    kept = parts.settings.barrier_records_kept
    return [
        tasks.create_task(_watch_books(parts.pool, parts.readiness), name="books-watch"),
        tasks.create_task(_keep_months(parts), name="months"),
        tasks.create_task(sealer_of(parts).run(), name="sealer"),
        tasks.create_task(
            keep_barrier_records(parts.live, operator.barriers, parts.clock, kept=kept),
            name="barrier-records",
        ),
    ]


async def _notice_desk(parts: Parts, opened: AsyncExitStack, app: web.Application) -> NoticeDesk:
    """Open until nobody is served any more; rails that report by HTTP find it in ``app``."""
    books, schedule, clock = parts.charges, parts.schedule, parts.clock
    desk = await opened.enter_async_context(notice_desk(books=books, schedule=schedule, clock=clock))
    add_notice_routes(app, parts.settings, desk=desk, clock=clock)
    return desk


async def _keep_months(parts: Parts) -> None:
    settings = parts.settings
    await keep_months(_dsn(settings), parts.clock, archive_months=settings.archive_kept_months)


def _dsn(settings: Settings) -> str:
    return settings.postgres_dsn.get_secret_value() if settings.postgres_dsn else ""


def _url(settings: Settings) -> str:
    return settings.valkey_url.get_secret_value() if settings.valkey_url else ""
