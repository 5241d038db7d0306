"""A real simulator for tests: a process of its own, or, where no kill is tried, a task of this one.

Both listen on a free port and are gone when the test is over.
"""

from __future__ import annotations

import asyncio
import json
import select
import signal
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.rails.simulator.client import RailAddress
from gateways.rails.simulator.process import serve_simulator
from gateways.rails.simulator.settings import SimulatorSettings
from settlement.rail import Order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from gateways.rails.simulator.faults import Profile

__all__ = ["SECRET", "RailProcess", "an_order", "rail_process", "rail_task"]

SECRET = "the-secret-of-this-test"  # noqa: S105 - made up, guards nothing
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RailProcess:
    """A simulator that listens."""

    process: subprocess.Popen[str]
    where: RailAddress

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        """Ask it to drain, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)


@contextmanager
def rail_process(
    folder: Path,
    *options: str,
    faults: str = "none",
    listen: str = "127.0.0.1:0",
    secrets: tuple[str, ...] = (SECRET,),
    timeout_s: float = 5.0,
) -> Iterator[RailProcess]:
    """Run a simulator with its books in ``folder``; ``faults`` is a profile's name or its TOML text."""
    folder.mkdir(exist_ok=True)
    secret_file, profile = folder / "secret", folder / "faults.toml"
    secret_file.write_text("\n".join(secrets))
    profile.write_text(faults)
    chosen = faults if faults in {"default", "none"} else str(profile)
    arguments = ["--listen", listen, "--data-dir", str(folder), "--secret-file", str(secret_file)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateways.rails.simulator.command", *arguments, "--faults", chosen, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = _ready(process)
        yield RailProcess(
            process=process,
            where=RailAddress(address=address, secret=secrets[0], timeout_s=timeout_s, connections_max=64),
        )
    finally:
        process.kill()
        process.wait(STOP_TIMEOUT_S)
        if process.stdout is not None:
            process.stdout.close()


@asynccontextmanager
async def rail_task(folder: Path, profile: Profile, *, seed: int = 1) -> AsyncIterator[RailAddress]:
    """Run a simulator in this event loop, over a real socket all the same."""
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()
    settings = SimulatorSettings(
        listen="127.0.0.1:0", data_dir=folder, secrets=(SECRET,), seed=seed, profile=profile
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(serve_simulator(settings, announce=address.set_result, stop=stop))
        try:
            yield RailAddress(address=await address, secret=SECRET)
        finally:
            stop.set()


def an_order(
    key: str, *, agreement: str = "sim:none", order_key: str | None = None, amount_fen: int = 1500
) -> Order:
    """A charge of 15 yuan that goes well, unless told otherwise."""
    return Order(
        order_key=order_key or f"bill-{key}",
        attempt_key=key,
        agreement=agreement,
        amount_fen=amount_fen,
        subject="浙A·12345 停车费",
    )


def _ready(process: subprocess.Popen[str]) -> str:
    if process.stdout is None or not select.select([process.stdout], [], [], START_TIMEOUT_S)[0]:
        raise TimeoutError("the simulator did not start in time")
    line = process.stdout.readline()
    if not line:
        raise ChildProcessError(f"the simulator ended with status {process.wait(STOP_TIMEOUT_S)}")
    return str(json.loads(line)["address"])
