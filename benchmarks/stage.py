"""What the gate benchmarks load: a gate process on an embedded Valkey, and the bare server beside it.

Each listens on a port of its own and is one process on one core; the load generator and Valkey share what
is left of the machine.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from benchmarks.load import WrongAnswer
from benchmarks.processes import module_process
from benchmarks.traffic import GARAGES, PARTITIONS, catalog, probe
from gateways.catalog_document import catalog_to_json
from gateways.embedded import embedded_stores, scratch_data_dir
from gateways.mqtt.options import MqttVersion
from gateways.settings import Environment, Settings, environment_of, process_environment
from parking.live.batching import BatchingConnection
from parking.live.catalog import publish
from parking.live.journal import library_text
from parking.live.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateways.embedded import EmbeddedStores

__all__ = ["GARAGES", "Servers", "cars_inside", "servers"]

READY_SECONDS = 20.0
RETRY_SECONDS = 0.05
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Ports to load, and processes to measure."""

    gate_port: int
    gate_pid: int
    valkey_pid: int
    valkey_url: str
    bare_port: int
    bare_pid: int


@asynccontextmanager
async def servers(*, mqtt_url: str | None = None) -> AsyncIterator[Servers]:
    """Both servers, ready; they and the store are gone afterwards. ``mqtt_url`` is the gate's broker."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    with scratch_data_dir() as folder, _reserved_port() as gate_port, _reserved_port() as bare_port:
        async with embedded_stores(folder, valkey=True, postgres=False, log=_Quiet()) as stores:
            settings = _settings(stores, gate_port, mqtt_url)
            await _publish_catalog(str(stores.valkey_url))
            environment = {**process_environment(), **environment_of(settings)}
            async with (
                module_process("benchmarks.gate_server", environment=environment) as gate,
                module_process("benchmarks.bare_server", str(bare_port), environment=environment) as bare,
            ):
                await _until_ready(gate_port)
                await _until_ready(bare_port)
                yield Servers(
                    gate_port=gate_port,
                    gate_pid=gate.pid,
                    valkey_pid=int(stores.valkey_pid or 0),
                    valkey_url=str(stores.valkey_url),
                    bare_port=bare_port,
                    bare_pid=bare.pid,
                )


async def cars_inside(both: Servers) -> int:
    """How many cars the live store has inside, in all garages."""
    live = BatchingConnection(both.valkey_url, library=library_text())
    async with asyncio.TaskGroup() as tasks:
        await live.start(tasks)
        sessions = Sessions(live, partition_count=PARTITIONS)
        inside = [await sessions.occupancy(garage_id) for garage_id in catalog().garages]
        live.stop()
    return sum(inside)


class _Quiet:
    """What the stores say matters only when they fail, and then they raise."""

    def info(self, event: str, **fields: object) -> None:
        """Say nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Say nothing."""


def _settings(stores: EmbeddedStores, gate_port: int, mqtt_url: str | None) -> Settings:
    return Settings(
        environment=Environment.TEST,
        data_dir=stores.data_dir,
        valkey_url=SecretStr(str(stores.valkey_url)),
        partition_count=PARTITIONS,
        gate_port=gate_port,
        metrics_port=0,
        mqtt_url=None if mqtt_url is None else SecretStr(mqtt_url),
        mqtt_version=MqttVersion.V311,
        lane_deadline_ms=5_000,  # a machine that is busy with others shall be slow here, not wrong
        late_after_s=DAY_SECONDS,  # a stay of hours fits into a benchmark of seconds
        log_level="WARNING",
    )


async def _publish_catalog(url: str) -> None:
    live = BatchingConnection(url, library=library_text())
    async with asyncio.TaskGroup() as tasks:
        await live.start(tasks)
        await publish(live, 1, catalog_to_json(catalog()))
        live.stop()


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port that nobody else gets; a server that shares ports may listen on it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


async def _until_ready(port: int) -> None:
    """Wait until a real event of a known controller gets its answer."""
    answer = b"nobody listens"
    try:
        async with asyncio.timeout(READY_SECONDS):
            while b" 200 " not in answer.partition(b"\r\n")[0]:
                await asyncio.sleep(RETRY_SECONDS)
                answer = await _answer(port, probe()) or answer
    except TimeoutError:
        raise WrongAnswer(f"a server is not ready: {answer.decode(errors='replace')}") from None


async def _answer(port: int, request: bytes) -> bytes:
    """The answer to a request that closes its connection, empty when nobody listens."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return b""
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer
