"""``leave-first rail-simulator``: the command line of the simulator's process."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
import uvloop

from gateways.rails.simulator.faults import DEFAULT, NONE, Profile
from gateways.rails.simulator.process import serve_simulator
from gateways.rails.simulator.settings import SimulatorSettings, read_profile, read_secrets
from gateways.supervisor import calling_when_asked
from parking.errors import InvalidInput, LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["FILE", "announce_ready", "failures_told", "fault_profile", "rail_simulator", "run_simulator"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("rail-simulator")
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, help="HOST:PORT (port 0: any) or a socket's path."
)
@click.option(
    "--data-dir", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where its books are."
)
@click.option("--secret-file", required=True, type=FILE, help="One secret a line, the current one first.")
@click.option("--seed", default=1, show_default=True, help="Which attempts the faults befall.")
@click.option(
    "--faults", default="default", show_default=True, help="default, none, or a TOML file of rates."
)
@click.option("--notice-url", help="Where to report outcomes; without it, nowhere.")
@click.option("--test-clock", type=FILE, help="A clock file that a test or a demo moves.")
@click.option("--lifeline-fd", type=int, hidden=True)
def rail_simulator(  # noqa: PLR0913 - one parameter an option
    *,
    listen: str,
    data_dir: Path,
    secret_file: Path,
    seed: int,
    faults: str,
    notice_url: str | None,
    test_clock: Path | None,
    lifeline_fd: int | None,
) -> None:
    """Run a payment rail to test against; prints its address as one line of JSON when it is ready."""
    with failures_told():
        settings = SimulatorSettings(
            listen=listen,
            data_dir=data_dir,
            secrets=read_secrets(secret_file.read_text("utf-8")),
            seed=seed,
            profile=fault_profile(faults),
            notice_url=notice_url,
            test_clock=test_clock,
        )
        run_simulator(lambda stop: serve_simulator(settings, announce=announce_ready, stop=stop), lifeline_fd)


@contextmanager
def failures_told() -> Iterator[None]:
    """What keeps a simulator from starting is a sentence on the command line."""
    failures: list[Exception] = []
    try:
        yield
    except* (LeaveFirstError, OSError) as group:
        failures.extend(group.exceptions)
    if failures:
        raise click.ClickException("; ".join(map(str, failures)))


def run_simulator(serve: Callable[[asyncio.Event], Awaitable[None]], lifeline_fd: int | None) -> None:
    """Serve until a signal, or until whoever handed us the reading end of a pipe is gone."""

    async def until_told() -> None:
        stop = asyncio.Event()
        with calling_when_asked(stop.set, lifeline_fd):
            await serve(stop)

    uvloop.run(until_told())


def fault_profile(faults: str) -> Profile:
    """The profile that an option names, or that the file has which it names."""
    if faults in {"default", "none"}:
        return DEFAULT if faults == "default" else NONE
    try:
        return read_profile(Path(faults).read_text("utf-8"))
    except (InvalidInput, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--faults") from error


def announce_ready(address: str) -> None:
    """Say, as one line of JSON, where the simulator listens."""
    sys.stdout.write(json.dumps({"ready": True, "address": address}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    rail_simulator()
