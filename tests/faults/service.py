"""The whole service and a rail simulator as real processes, for tests that kill and starve them.

Everything lives below one scratch folder and listens on ports of its own. The clock stands still until a
test moves it. What a test does to a process is asserted here: a kill that hits nobody fails the test.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import psutil

from gateways.demo.traffic import DAY
from gateways.embedded import running_stores, scratch_data_dir
from gateways.settings import process_environment
from parking.clock import FileClock
from tests.faults.program import Program, is_alive, until
from tests.stores import processes_about

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from gateways.embedded import StoreAddresses

__all__ = ["Service", "kept_service", "lay_out", "open_service"]

PORTS = range(10_000, 19_900)
"""Below those that the machine gives to outgoing connections."""
PORTS_NEEDED = 6
CODE = str(Path(__file__).parents[2])
COMMAND_S = 60.0
DEADLINE_MS = "2000"
"""A lane's deadline that a busy machine keeps; the outage of a store is still far longer."""
LAST_WORDS = 3_000


@dataclass(slots=True, kw_only=True)
class Service:
    """``serve`` and its rail; ``folder`` is the data folder."""

    folder: Path
    environment: Mapping[str, str]
    clock: FileClock
    gate_url: str
    operator_url: str
    metrics_url: str
    rail_url: str
    rail_secret: str
    serve: Program
    rail: Program
    killed: list[str] = field(default_factory=list)

    @property
    def valkey_url(self) -> str:
        """Of the live store, whoever runs it."""
        url = self.environment.get("LEAVE_FIRST_VALKEY_URL") or self._stores().valkey_url
        assert url is not None
        return url

    @property
    def postgres_dsn(self) -> str:
        """Of the books, for their owner."""
        dsn = self.environment.get("LEAVE_FIRST_POSTGRES_DSN") or self._stores().postgres_dsn
        assert dsn is not None
        return dsn

    def _stores(self) -> StoreAddresses:
        found = running_stores(self.folder)
        assert found is not None
        return found

    def pids(self) -> dict[str, int]:
        """What runs below ``serve``: gates-0, settlement, valkey, postgres."""
        return {_name_of(words): pid for pid, words in _children(self.serve.pid)}

    def backends(self) -> list[int]:
        """PostgreSQL's processes for the connections of settlement."""
        main = self.pids().get("postgres")
        return [pid for pid, words in _children(main or 0) if "leave_first" in " ".join(words)]

    async def kill(self, name: str) -> None:
        """Kill one process below ``serve``, or one ``backend``, or the ``rail``, and see it gone."""
        if name == "rail":
            await self.rail.kill()
        else:
            struck: list[int] = []
            await until(lambda: self._strike(name, struck))
            await until(lambda: not is_alive(struck[0]))
        self.killed.append(name)

    def _strike(self, name: str, struck: list[int]) -> bool:
        """Kill one of this name, if one runs; its number goes to ``struck``."""
        running = self.backends() if name == "backend" else [self.pids().get(name, 0)]
        for pid in filter(None, running[:1]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                struck.append(pid)
        return bool(struck)

    async def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another ``leave-first`` command on the same data folder."""
        return await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "gateways.cli", *words],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    async def start(self) -> None:
        """Start what does not run and wait until it is ready."""
        for program in (self.serve, self.rail):
            if program.process is None or program.status is not None:
                program.start()
        for program in (self.serve, self.rail):
            await program.until_ready()

    async def end(self) -> None:
        """Stop both and leave nobody behind."""
        for program in (self.serve, self.rail):
            if program.process is not None and program.status is None:
                try:
                    await program.stop()
                except TimeoutError:
                    await program.kill()
                    raise
        await until(lambda: not processes_about(self.folder))


def lay_out(
    scratch: Path, settings: Mapping[str, str] | None = None, *, faults: str = "none", serve: str = ""
) -> Service:
    """A service that does not run yet, all below ``scratch``; ``serve``: more words of its command line."""
    folder, extra = scratch / "state", scratch / "extra"
    extra.mkdir()
    secret, secret_path, clock_path = "the-secret-of-this-test", extra / "secret", extra / "clock"
    secret_path.write_text(secret)
    clock = FileClock(clock_path, start=DAY)
    gate, operator, rail, metrics, *_ = _free_ports(Random(f"{os.getpid()} {folder}"))
    inherited = {
        name: value for name, value in process_environment().items() if not name.startswith("LEAVE_FIRST_")
    }
    inherited["PYTHONPATH"] = CODE
    environment = inherited | {
        "LEAVE_FIRST_ENVIRONMENT": "test",
        "LEAVE_FIRST_TEST_CLOCK": str(clock_path),
        "LEAVE_FIRST_DATA_DIR": str(folder),
        "LEAVE_FIRST_GATE_PORT": str(gate),
        "LEAVE_FIRST_OPERATOR_PORT": str(operator),
        "LEAVE_FIRST_METRICS_PORT": str(metrics),
        "LEAVE_FIRST_LANE_DEADLINE_MS": DEADLINE_MS,
        "LEAVE_FIRST_SIMULATOR_RAIL_URL": f"http://127.0.0.1:{rail}",
        "LEAVE_FIRST_SIMULATOR_RAIL_SECRET_FILE": str(secret_path),
        **(settings or {}),
    }
    options = {
        "--listen": f"127.0.0.1:{rail}",
        "--data-dir": str(extra / "rail"),
        "--secret-file": str(secret_path),
        "--faults": faults,
        "--notice-url": f"http://127.0.0.1:{operator}/v1/rails/simulator/notices",
        "--test-clock": str(clock_path),
    }
    simulator = ("rail-simulator", *(word for option in options.items() for word in option))
    return Service(
        folder=folder,
        environment=environment,
        clock=clock,
        gate_url=f"http://127.0.0.1:{gate}",
        operator_url=f"http://127.0.0.1:{operator}",
        metrics_url=f"http://127.0.0.1:{metrics}",
        rail_url=f"http://127.0.0.1:{rail}",
        rail_secret=secret,
        serve=Program(words=("serve", *serve.split()), environment=environment, log_path=extra / "serve.log"),
        rail=Program(words=simulator, environment=inherited, log_path=extra / "rail.log"),
    )


@asynccontextmanager
async def open_service(
    scratch: Path, settings: Mapping[str, str] | None = None, *, faults: str = "none", serve: str = ""
) -> AsyncIterator[Service]:
    """A service that is ready, and is ended afterwards."""
    service = lay_out(scratch, settings, faults=faults, serve=serve)
    try:
        await service.start()
        yield service
    except Exception as error:
        error.add_note(f"serve said:\n{service.serve.heard()[-LAST_WORDS:]}")
        raise
    finally:
        await service.end()


@contextmanager
def kept_service() -> Iterator[Service]:
    """The same for several tests, each with a loop of its own: those that leave it as they found it."""
    with scratch_data_dir() as scratch:
        service = lay_out(scratch)
        try:
            asyncio.run(service.start())
            yield service
        finally:
            asyncio.run(service.end())


def _free_ports(chance: Random) -> tuple[int, ...]:
    """Adjoining ports that nobody uses now."""
    while True:
        first = chance.choice(PORTS)
        ports = tuple(range(first, first + PORTS_NEEDED))
        if all(map(_is_free, ports)):
            return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _children(pid: int) -> list[tuple[int, list[str]]]:
    """Running children, each with its name and its command line; what ends meanwhile is left out."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children() if pid else ():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                found.append((child.pid, [child.name(), *child.cmdline()]))
    return found


def _name_of(words: list[str]) -> str:
    program = words[0]
    if "--role" in words:
        role = words[words.index("--role") + 1]
        return f"gates-{words[words.index('--number') + 1]}" if role == "gates" else role
    return {"valkey-server": "valkey"}.get(program, program)
