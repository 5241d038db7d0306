"""The whole service on one machine: stores, migrations, gate processes and settlement, supervised.

The gates do not wait for the books: when a configured PostgreSQL cannot be reached, they open all the
same, and settlement catches up when it is there.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from gateways.embedded.stores import embedded_stores
from gateways.process import check_live_store, clock_of
from gateways.settings import environment_of, process_environment
from gateways.supervisor import ChildSpec, Supervisor
from gateways.web.serving import check_port
from parking.errors import DependencyError, InvalidInput, Unavailable
from settlement.books.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateways.embedded.keeper import Log
    from gateways.embedded.stores import EmbeddedStores
    from gateways.settings import Settings

__all__ = ["Addresses", "serve_all"]

READY_PAUSE_S = 0.05
TELL_EVERY_S = 10.0
PORTS_FREE_WITHIN_S = 15.0
"""What was left by a supervisor that was killed drains within this."""
PORTS_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a running service listens."""

    gate_url: str
    operator_url: str
    metrics_urls: tuple[str, ...]
    data_dir: Path


async def serve_all(settings: Settings, *, announce: Callable[[Addresses], None], log: Log) -> int:
    """Run until cancelled; returns an exit status when it gives up by itself."""
    async with embedded_stores(
        settings.data_dir,
        valkey=settings.valkey_url is None,
        postgres=settings.postgres_dsn is None,
        log=log,
    ) as stores:
        variables = dict(environment_of(settings)) | _store_addresses(stores)
        dsn = variables["LEAVE_FIRST_POSTGRES_DSN"]
        await check_live_store(settings)
        await _check_ports(settings, log)
        try:
            await migrate(dsn, partition_count=settings.partition_count, now=clock_of(settings).now())
        except DependencyError as error:
            log.warning("books_away_at_start", error=str(error))
        supervisor = Supervisor(
            _children(settings), environment={**process_environment(), **variables}, log=log
        )
        async with supervisor.running():
            addresses = _addresses(settings)
            await _until_ready(addresses, log)
            announce(addresses)
            await asyncio.Event().wait()
    return 0


async def _check_ports(settings: Settings, log: Log) -> None:
    """Refuse ports of somebody else: gates share theirs, so two installations would share their cars, too."""
    ports = [port for port in (settings.gate_port, settings.operator_port, *_metrics_ports(settings)) if port]
    if len(set(ports)) < len(ports):
        raise InvalidInput("gate_port, operator_port and the ports from metrics_port on must differ")
    clock = asyncio.get_running_loop().time
    patience_ends = clock() + PORTS_FREE_WITHIN_S
    while True:
        try:
            for port in ports:
                await check_port(settings.host, port)
        except Unavailable as error:
            if clock() >= patience_ends:
                raise
            log.warning("port_not_free", error=str(error))
            await asyncio.sleep(PORTS_PAUSE_S)
        else:
            return


def _metrics_ports(settings: Settings) -> list[int]:
    """Of settlement, then of each gate process."""
    return [settings.metrics_port + place for place in range(settings.gate_processes + 1)]


def _store_addresses(stores: EmbeddedStores) -> dict[str, str]:
    embedded = stores.addresses
    found = {
        "LEAVE_FIRST_VALKEY_URL": embedded.valkey_url,
        "LEAVE_FIRST_POSTGRES_DSN": embedded.postgres_dsn,
    }
    return {name: value for name, value in found.items() if value is not None}


def _children(settings: Settings) -> list[ChildSpec]:
    ours = (sys.executable, "-m", "gateways.cli", "serve")
    gates = [
        ChildSpec(name=f"gates-{number}", argv=(*ours, "--role", "gates", "--number", str(number)))
        for number in range(settings.gate_processes)
    ]
    return [*gates, ChildSpec(name="settlement", argv=(*ours, "--role", "settlement"))]


def _addresses(settings: Settings) -> Addresses:
    return Addresses(
        gate_url=f"http://{settings.host}:{settings.gate_port}",
        operator_url=f"http://{settings.host}:{settings.operator_port}",
        metrics_urls=tuple(f"http://{settings.host}:{port}/metrics" for port in _metrics_ports(settings)),
        data_dir=settings.data_dir,
    )


async def _until_ready(addresses: Addresses, log: Log) -> None:
    """Wait until every process answers; that it is alive is enough, readiness is for load balancers."""
    clock = asyncio.get_running_loop().time
    told_at = clock()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session:
        for url in addresses.metrics_urls:
            while not await _is_alive(session, url.replace("/metrics", "/livez")):
                if clock() - told_at >= TELL_EVERY_S:
                    log.warning("still_starting", unanswered=url)
                    told_at = clock()
                await asyncio.sleep(READY_PAUSE_S)


async def _is_alive(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
