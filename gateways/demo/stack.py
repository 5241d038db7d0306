"""The service and the rail simulator as child processes, on a test clock, in one folder.

Both are started as an operator would start them, and spoken to over the network. One that dies is
started again on the same ports, so that a day goes on when somebody pulls a plug. Nothing here reads
the settings of a real installation: a demo must not find its way into real books. Each child holds the
reading end of a pipe and ends when we do, also when somebody kills us.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from gateways.demo.traffic import OPENING
from gateways.embedded.backoff import Backoff
from gateways.embedded.process import Child, Command, describe_status, last_lines, run_to_end
from gateways.settings import process_environment
from parking.clock import FileClock
from parking.errors import Conflict, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["Stack", "open_stack"]

START_SECONDS: Final = 90.0
START_DEATHS: Final = 3
STOP_SECONDS: Final = 45.0
COMMAND_SECONDS: Final = 180.0
LOOK_EVERY_SECONDS: Final = 0.05
PORTS: Final = range(20_000, 30_000)
"""Below the ports that this machine gives to outgoing connections, one of which could take ours away."""
PORTS_NEEDED: Final = 5
LANE_DEADLINE_MS: Final = 1_000
"""Above the default: the day is hurried a thousandfold, and a busy machine must not look like an outage."""
PREFIX: Final = "LEAVE_FIRST_"
FAULTS: Final = Path(__file__).with_name("faults.toml")


@dataclass(slots=True, kw_only=True)
class Service:
    """One child process that is kept running; ``restarts`` counts its deaths."""

    name: str
    command: Command
    child: Child | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The running service and its rail."""

    data_dir: Path
    environment: Mapping[str, str]
    clock: FileClock
    gate_url: str
    operator_url: str
    rail_url: str
    rail_secret: str
    services: tuple[Service, ...] = field(default=())

    @property
    def restarts(self) -> int:
        """How often a process had to be started again."""
        return sum(service.restarts for service in self.services)

    async def command(self, *arguments: str, said: str = "") -> tuple[int, str]:
        """Run ``leave-first …`` on this stack's data folder: its exit status and standard output.

        ``said`` is what is typed in when it asks.
        """
        command = Command(argv=_ours(*arguments), environment=self.environment)
        done = await asyncio.to_thread(run_to_end, command, within_seconds=COMMAND_SECONDS, said=said)
        if done.returncode and not done.stdout:
            raise Unavailable(f"leave-first {' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
        return done.returncode, done.stdout


@asynccontextmanager
async def open_stack(
    data_dir: Path, *, seed: int, faults: str = str(FAULTS), more: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """Run both below ``data_dir``; raises :class:`Conflict` when another day was played there.

    ``more`` are further settings of the service.
    """
    folder = data_dir / "demo"
    lifeline, end_of_ours = os.pipe()
    try:
        stack = _laid_out(data_dir, folder, seed=seed, faults=faults, lifeline=lifeline, more=more or {})
        async with _kept_running(stack):
            yield stack
    finally:
        os.close(lifeline)
        os.close(end_of_ours)


@asynccontextmanager
async def _kept_running(stack: Stack) -> AsyncIterator[None]:
    try:
        for service in stack.services:
            service.child = Child(service.command)
        async with asyncio.TaskGroup() as tasks:
            keepers = [tasks.create_task(_keep(service)) for service in stack.services]
            try:
                for service in stack.services:
                    await _until_ready(service)
                yield
            finally:
                for keeper in keepers:
                    keeper.cancel()
    finally:
        for service in stack.services:
            if service.child is not None:
                await service.child.stop(signal.SIGTERM, patience_seconds=STOP_SECONDS)


def _laid_out(
    data_dir: Path, folder: Path, *, seed: int, faults: str, lifeline: int, more: Mapping[str, str]
) -> Stack:
    """Folders, clock, secret, ports and both command lines; nothing runs yet."""
    try:
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise Conflict(f"a day was played in {data_dir} already: name another folder") from None
    clock_path, secret_path, secret = folder / "clock", folder / "rail-secret", secrets.token_urlsafe(32)
    secret_path.write_text(f"{secret}\n")
    secret_path.chmod(0o600)
    gate, operator, rail, metrics, *_ = _free_ports()
    gate_url, operator_url, rail_url = (f"http://127.0.0.1:{port}" for port in (gate, operator, rail))
    inherited = {name: value for name, value in process_environment().items() if not name.startswith(PREFIX)}
    settings = {
        "ENVIRONMENT": "demo",
        "DATA_DIR": data_dir,
        "TEST_CLOCK": clock_path,
        "LANE_DEADLINE_MS": LANE_DEADLINE_MS,
        "GATE_PORT": gate,
        "OPERATOR_PORT": operator,
        "METRICS_PORT": metrics,
        "SIMULATOR_RAIL_URL": rail_url,
        "SIMULATOR_RAIL_SECRET_FILE": secret_path,
        **more,
    }
    environment = inherited | {f"{PREFIX}{name}": str(value) for name, value in settings.items()}
    simulator = _ours(
        "rail-simulator", "--listen", f"127.0.0.1:{rail}", "--data-dir", str(folder / "rail"),
        "--secret-file", str(secret_path), "--seed", str(seed), "--faults", faults,
        "--notice-url", f"{operator_url}/v1/rails/simulator/notices", "--test-clock", str(clock_path),
    )  # fmt: skip
    serve = _bound(_ours("serve"), environment, folder / "serve.log", lifeline)
    simulate = _bound(simulator, inherited, folder / "rail.log", lifeline)
    services = (Service(name="service", command=serve), Service(name="rail simulator", command=simulate))
    return Stack(
        data_dir=data_dir, environment=environment, clock=FileClock(clock_path, start=OPENING),
        gate_url=gate_url, operator_url=operator_url, rail_url=rail_url, rail_secret=secret,
        services=services,
    )  # fmt: skip


def _ours(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "gateways.cli", *arguments)


def _bound(argv: tuple[str, ...], environment: Mapping[str, str], log_path: Path, lifeline: int) -> Command:
    """A command whose process ends when we do."""
    return Command(
        argv=(*argv, "--lifeline-fd", str(lifeline)),
        environment=environment,
        log_path=log_path,
        inherited_fds=(lifeline,),
    )


def _free_ports() -> tuple[int, ...]:
    """Adjoining ports that nobody uses now; two demos at once begin to look in different places."""
    places = Random(os.getpid())  # noqa: S311 - guards no secret
    while True:
        first = places.choice(PORTS)
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


async def _until_ready(service: Service) -> None:
    """Wait for the line of JSON that a process prints when it is ready."""
    give_up_at = asyncio.get_running_loop().time() + START_SECONDS
    while not await asyncio.to_thread(_said_ready, service.command.log_path):
        if service.restarts >= START_DEATHS or asyncio.get_running_loop().time() > give_up_at:
            path = service.command.log_path
            raise Unavailable(f"the {service.name} does not start: {last_lines(path) if path else ''}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _said_ready(log_path: Path | None) -> bool:
    if log_path is None or not log_path.exists():
        return False
    return any(_is_ready_line(line) for line in log_path.read_text(errors="replace").splitlines())


def _is_ready_line(line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return "gate_url" in said or said.get("ready") is True


async def _keep(service: Service) -> None:
    """Start it again whenever it dies, for ever."""
    backoff = Backoff()
    loop = asyncio.get_running_loop()
    while True:
        if service.child is None:
            raise Unavailable(f"the {service.name} was never started")
        started = loop.time()
        status = await service.child.exited()
        service.restarts += 1
        with (service.command.log_path or Path(os.devnull)).open("a") as log:
            log.write(f"the {service.name} {describe_status(status)}; it is started again\n")
        await asyncio.sleep(backoff.delay_after(loop.time() - started))
        service.child = Child(service.command)
