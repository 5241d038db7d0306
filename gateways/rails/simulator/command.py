"""``leave-first rail-simulator``: the command line of the simulator's process."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click
import uvloop

from gateways.rails.simulator.faults import DEFAULT, NONE, Profile
from gateways.rails.simulator.process import serve_simulator
from gateways.rails.simulator.settings import SimulatorSettings, read_profile, read_secrets
from gateways.supervisor import calling_when_asked
from parking.errors import InvalidInput, LeaveFirstError

__all__ = ["rail_simulator"]

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
    failures: list[Exception] = []
    try:
        settings = SimulatorSettings(
            listen=listen,
            data_dir=data_dir,
            secrets=read_secrets(secret_file.read_text("utf-8")),
            seed=seed,
            profile=_profile(faults),
            notice_url=notice_url,
            test_clock=test_clock,
        )
        uvloop.run(_serve(settings, lifeline_fd))
    except* (LeaveFirstError, OSError) as group:
        failures.extend(group.exceptions)
    if failures:
        raise click.ClickException("; ".join(map(str, failures)))


def _profile(faults: str) -> Profile:
    if faults in {"default", "none"}:
        return DEFAULT if faults == "default" else NONE
    try:
        return read_profile(Path(faults).read_text("utf-8"))
    except (InvalidInput, OSError) as error:
        raise click.BadParameter(str(error), param_hint="--faults") from error


async def _serve(settings: SimulatorSettings, lifeline_fd: int | None) -> None:
    """Until a signal, or until whoever handed us the reading end of a pipe is gone."""
    stop = asyncio.Event()
    with calling_when_asked(stop.set, lifeline_fd):
        await serve_simulator(settings, announce=_announce, stop=stop)


def _announce(address: str) -> None:
    sys.stdout.write(json.dumps({"ready": True, "address": address}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    rail_simulator()
