"""A gate process, put together: the live store, the desk, the spool and the gate protocols.

It needs no database. Without the live store it still answers, by policy; without a catalog, which it
keeps a copy of on disk, it knows nobody and says so in ``/readyz``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry

from gateways.gate_parts import GateParts
from gateways.gate_wiring import open_gates
from gateways.gates.catalog_keeper import CatalogKeeper
from gateways.gates.gatehouse import Gatehouse, Patience
from gateways.gates.presence import Presence
from gateways.gates.spool import open_spool
from gateways.metrics import GateMetrics, ProcessMetrics
from gateways.process import clock_of, collect_seldom, ended
from gateways.web.health import health_app
from gateways.web.serving import serve
from parking.case import Timeliness
from parking.desk import Desk
from parking.errors import LeaveFirstError
from parking.live.batching import BatchingConnection
from parking.live.journal import library_text
from parking.live.sessions import Kept, Sessions

if TYPE_CHECKING:
    from pathlib import Path

    from gateways.gates.spool import Spool
    from gateways.settings import Settings
    from parking.clock import Clock

__all__ = ["run_gates"]

log = structlog.get_logger()
DRAIN_NOTICE_S = 0.3


async def run_gates(settings: Settings, *, number: int, lifeline_fd: int | None) -> None:
    """Serve gates until a signal or the end of the supervisor; ``settings`` name the live store."""
    registry, folder = CollectorRegistry(), settings.data_dir / "spool" / str(number)
    metrics, clock = GateMetrics(registry), clock_of(settings)
    live = _live(settings, metrics)
    draining = asyncio.Event()
    async with (
        open_spool(folder, events_max=settings.spool_events_max) as spool,
        asyncio.TaskGroup() as tasks,
    ):
        await live.start(tasks)
        catalog = _catalog(settings, live, folder)
        desk = _desk(settings, live, catalog, clock)
        await _adopt_spools(spool, settings, number, clock)
        presence, patience = Presence(live, clock), _patience(settings)
        parts = GateParts(
            number=number,
            settings=settings,
            live=live,
            gatehouse=Gatehouse(
                desk, catalog, spool, clock, patience=patience, metrics=metrics, heard=presence.note
            ),
            catalog=catalog,
            clock=clock,
            metrics=metrics,
            presence=presence,
            draining=draining.is_set,
        )
        loops = _loops(parts, tasks, registry)
        health = health_app(registry, partial(_readiness, draining, live, catalog))
        async with (
            open_gates(parts) as handle,
            serve(health, host=settings.host, port=metrics_port(settings, number)),
            serve(handle, host=settings.host, port=settings.gate_port, reuse_port=True) as port,
        ):
            log.info("gates_open", port=port)
            await _until_ended(lifeline_fd, draining)
        for task in loops:
            task.cancel()
        live.stop()


def _loops(
    parts: GateParts, tasks: asyncio.TaskGroup, registry: CollectorRegistry
) -> list[asyncio.Task[None]]:
    refresh_s = parts.settings.catalog_refresh_ms / 1000
    return [
        tasks.create_task(parts.catalog.follow(refresh_s), name="catalog"),
        tasks.create_task(parts.gatehouse.replay_spool(), name="spool-replay"),
        tasks.create_task(parts.presence.run(), name="presence"),
        tasks.create_task(ProcessMetrics(registry).watch_loop(), name="loop-lag"),
    ]


async def _until_ended(lifeline_fd: int | None, draining: asyncio.Event) -> None:
    """Serve until asked to end, then a moment longer: balancers see /readyz, kept connections close."""
    collect_seldom()
    await ended(lifeline_fd)
    draining.set()
    log.info("gates_draining")
    await asyncio.sleep(DRAIN_NOTICE_S)


async def _adopt_spools(spool: Spool, settings: Settings, number: int, clock: Clock) -> None:
    """The first process takes over what gate processes left that do not run any more."""
    if number != 0:
        return
    spools = await asyncio.to_thread(lambda: sorted((settings.data_dir / "spool").iterdir()))
    for folder in spools:
        if not folder.name.isdigit() or int(folder.name) < settings.gate_processes:
            continue
        try:
            async with open_spool(folder, events_max=settings.spool_events_max) as left:
                taken = left.oldest(len(left))
                for one in taken:
                    await spool.add(one.event, one.decision, clock.now())
                await left.drop(taken)
        except LeaveFirstError as error:
            log.warning("spool_not_adopted", folder=folder.name, error=str(error))


def _catalog(settings: Settings, live: BatchingConnection, folder: Path) -> CatalogKeeper:
    catalog = CatalogKeeper(live, folder / "catalog.json", partition_count=settings.partition_count)
    catalog.load_file()
    return catalog


def _patience(settings: Settings) -> Patience:
    return Patience(store=settings.store_timeout, spool=settings.spool_timeout)


def _live(settings: Settings, metrics: GateMetrics) -> BatchingConnection:
    if settings.valkey_url is None:
        raise ValueError("a gate process needs the address of a live store")
    return BatchingConnection(
        settings.valkey_url.get_secret_value(),
        library=library_text(),
        batch_max=settings.live_batch_max,
        waiting_max=settings.live_waiting_max,
        reply_timeout_s=settings.live_reply_timeout_ms / 1000,
        observe_batch=metrics.batch_sent,
    )


def _desk(settings: Settings, live: BatchingConnection, catalog: CatalogKeeper, clock: Clock) -> Desk:
    return Desk(
        _sessions(settings, live),
        clock,
        timeliness_of(settings),
        grant_keys=lambda: catalog.current.grant_keys,
    )


def _sessions(settings: Settings, live: BatchingConnection) -> Sessions:
    kept = Kept(answers=timedelta(hours=settings.answers_kept_h))
    return Sessions(live, partition_count=settings.partition_count, kept=kept)


def _readiness(draining: asyncio.Event, live: BatchingConnection, catalog: CatalogKeeper) -> dict[str, str]:
    return {
        "draining": "this process is stopping" if draining.is_set() else "",
        "live_store": "" if live.connected else "not connected: deciding by outage policy",
        "catalog": "" if catalog.known else "no catalog was ever received",
    }


def metrics_port(settings: Settings, number: int) -> int:
    """The metrics port of gate process ``number``; 0 stays 0, any free one."""
    return settings.metrics_port and settings.metrics_port + 1 + number


def timeliness_of(settings: Settings) -> Timeliness:
    """The settings about time as the desk wants them."""
    return Timeliness(
        late_after=timedelta(seconds=settings.late_after_s),
        window=timedelta(hours=settings.lateness_window_h),
        ahead=timedelta(seconds=settings.clock_ahead_s),
    )
