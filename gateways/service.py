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
from parking.errors import DependencyError
from settlement.books.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateways.embedded.keeper import Log
    from gateways.embedded.stores import EmbeddedStores
    from gateways.settings import Settings

__all__ = ["Addresses", "serve_all"]

READY_PAUSE_S = 0.05


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
        try:
            await migrate(dsn, partition_count=settings.partition_count, now=clock_of(settings).now())
        except DependencyError as error:
            log.warning("books_away_at_start", error=str(error))
        supervisor = Supervisor(
            _children(settings), environment={**process_environment(), **variables}, log=log
        )
        async with supervisor.running():
            addresses = _addresses(settings)
            await _until_ready(addresses)
            announce(addresses)
            await asyncio.Event().wait()
    return 0


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
    ports = [settings.metrics_port + place for place in range(settings.gate_processes + 1)]
    return Addresses(
        gate_url=f"http://{settings.host}:{settings.gate_port}",
        operator_url=f"http://{settings.host}:{settings.operator_port}",
        metrics_urls=tuple(f"http://{settings.host}:{port}/metrics" for port in ports),
        data_dir=settings.data_dir,
    )


async def _until_ready(addresses: Addresses) -> None:
    """Wait until every process answers; that it is alive is enough, readiness is for load balancers."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as session:
        for url in addresses.metrics_urls:
            while True:
                try:
                    async with session.get(url.replace("/metrics", "/livez")) as response:
                        if response.ok:
                            break
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(READY_PAUSE_S)
