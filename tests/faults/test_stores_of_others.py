"""The service on stores that it did not start: several gate processes, roles of their own, a cut cable."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import aiohttp
import pytest

from gateways.embedded import embedded_stores
from parking.decision import Reason
from tests.faults.program import PATIENCE_S, Program, until
from tests.faults.service import open_service
from tests.faults.traffic import open_traffic
from tests.stores import RecordingLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateways.embedded import EmbeddedStores
    from tests.faults.service import Service

CARS = 40
GATES = 2
SOCKET = ".s.PGSQL.5432"
CUTS = 12
CUT_RATE = 0.5
EXECUTE = b"E\x00\x00\x00\x09"
"""The message that lets a prepared statement run; its transaction is committed before the answer."""
CHUNK = 65_536
LOOK_S = 0.05


@pytest.fixture
async def stores(data_dir: Path) -> AsyncIterator[EmbeddedStores]:
    """A Valkey and a PostgreSQL that belong to somebody else."""
    async with embedded_stores(data_dir / "others", valkey=True, postgres=True, log=RecordingLog()) as opened:
        yield opened


def settings_of(stores: EmbeddedStores) -> dict[str, str]:
    assert stores.valkey_url is not None
    assert stores.postgres_dsn is not None
    return {"LEAVE_FIRST_VALKEY_URL": stores.valkey_url, "LEAVE_FIRST_POSTGRES_DSN": stores.postgres_dsn}


async def test_two_gate_processes_share_a_port_and_each_role_runs_alone(
    data_dir: Path, stores: EmbeddedStores
) -> None:
    settings = settings_of(stores)
    async with (
        open_service(data_dir, settings, serve=f"--gate-processes {GATES}") as service,
        open_traffic(service, cars=CARS) as traffic,
    ):
        assert sorted(service.pids()) == ["gates-0", "gates-1", "settlement"]
        assert not (service.folder / "postgres").exists()
        await until(lambda: len(newest_catalogs(service)) == 1)
        await traffic.come(traffic.cars)
        await traffic.settle()
        assert min([await answered(service, 1 + number) for number in range(GATES)]) > 0
        assert await service.serve.stop() == 0
        traffic.wait()
        async with role(service, "gates", port=1), role(service, "settlement", port=0):
            left = await traffic.go(traffic.cars)
            assert {one.reason for one in left} == {Reason.GRANTED}
            (await traffic.close()).assert_right()


async def test_an_answer_that_is_cut_off_after_a_commit_books_nothing_twice(
    data_dir: Path, stores: EmbeddedStores
) -> None:
    settings = settings_of(stores)
    async with open_cable(data_dir, settings["LEAVE_FIRST_POSTGRES_DSN"]) as cable:
        settings |= {"LEAVE_FIRST_POSTGRES_DSN": cable.dsn, "LEAVE_FIRST_COLLECT_DELAY_S": "0"}
        async with open_service(data_dir, settings) as service, open_traffic(service, cars=CARS) as traffic:
            cable.cuts_left = CUTS
            await traffic.come(traffic.cars)
            await traffic.settle()
            traffic.wait()
            await traffic.go(traffic.cars)
            await traffic.settle()
            cable.cuts_left = 0
            account = await traffic.close()
            assert cable.cuts >= CUTS / 4
            account.assert_right()
            assert account.captured == account.charges("paid") == account.summary["bills"] == CARS


def newest_catalogs(service: Service) -> set[int]:
    """The revisions of the catalog that the gate processes have."""
    known: dict[str, int] = {}
    for line in service.serve.heard().splitlines():
        if '"catalog_changed"' in line:
            said = json.loads(line)
            known[said["process"]] = said["revision"]
    return set(known.values()) if len(known) == GATES else set()


async def answered(service: Service, number: int) -> int:
    """Events that one process has answered."""
    url = urlsplit(service.metrics_url)
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{(url.port or 0) + number}/metrics") as response,
    ):
        lines = (await response.text()).splitlines()
    wanted = 'leave_first_gate_events_total{result="answered"} '
    return sum(int(float(line.removeprefix(wanted))) for line in lines if line.startswith(wanted))


@asynccontextmanager
async def role(service: Service, name: str, *, port: int) -> AsyncIterator[None]:
    """One role alone; its metrics are on that port after the first."""
    program = Program(
        words=("serve", "--role", name),
        environment=service.environment,
        log_path=service.serve.log_path.with_name(f"{name}.log"),
    )
    program.start()
    try:
        url = f"http://127.0.0.1:{(urlsplit(service.metrics_url).port or 0) + port}/readyz"
        async with aiohttp.ClientSession() as session, asyncio.timeout(PATIENCE_S):
            while True:
                if await is_ready(session, url):
                    break
                assert program.status is None, program.heard()
                await asyncio.sleep(LOOK_S)
        yield
    finally:
        assert await program.stop() == 0


async def is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with session.get(url) as response:
            return response.ok
    return False


@dataclass(slots=True, kw_only=True)
class Cable:
    """Carries bytes to PostgreSQL; may lose the answer to a statement that was carried out, and break."""

    real: str
    dsn: str
    chance: Random
    cuts_left: int = 0
    cuts: int = 0
    links: int = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, as long as it lasts."""
        self.links += 1
        broken = asyncio.Event()
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self.real)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._there(reader, far_writer, broken))
                tasks.create_task(self._back(far_reader, writer, broken))
        except OSError:
            writer.close()
        finally:
            self.links -= 1

    async def _there(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.cuts_left and EXECUTE in chunk and self.chance.random() < CUT_RATE:
                    self.cuts_left -= 1
                    broken.set()
                writer.write(chunk)
                await writer.drain()
        writer.close()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if broken.is_set():
                    self.cuts += 1
                    break
                writer.write(chunk)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def open_cable(folder: Path, dsn: str) -> AsyncIterator[Cable]:
    """A socket in ``folder`` that leads to the server of ``dsn``."""
    near, far = folder / "cable", parse_qs(urlsplit(dsn).query)["host"][0]
    near.mkdir()
    cable = Cable(
        real=f"{far}/{SOCKET}",
        dsn=urlsplit(dsn)._replace(query=f"host={quote(str(near), safe='/')}").geturl(),
        chance=Random(1),
    )
    async with await asyncio.start_unix_server(cable.carry, near / SOCKET):
        yield cable
        await until(lambda: not cable.links)
