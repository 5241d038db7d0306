"""``leave-first hangzhou-simulator``: the command line of the simulated city."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
from pydantic import Field

from gateways.hangzhou.simulator.broker import open_broker
from gateways.hangzhou.simulator.city import Driver
from gateways.hangzhou.simulator.process import CitySettings, serve_city
from gateways.rails.simulator.command import FILE, announce_ready, failures_told, fault_profile, run_simulator
from gateways.rails.simulator.settings import read_secrets
from gateways.toml_file import Table, reading

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["hangzhou_simulator"]


class DriverTable(Table):
    """A driver who is registered with the city."""

    limit_fen: Annotated[int, Field(gt=0)]
    script: str = ""


class DriversFile(Table):
    """``[driver."浙A12345"]`` with ``limit_fen`` and, to force faults, ``script = "sim:accepted"``."""

    driver: dict[str, DriverTable]


@click.command("hangzhou-simulator")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, show_default=True, help="0: any.")
@click.option(
    "--data-dir",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where its books and keys are; the keys are made at the first start.",
)
@click.option("--secret-file", required=True, type=FILE, help="For reading its books: one secret a line.")
@click.option("--access-id", required=True, help="The accessID of the one operator whom it knows.")
@click.option("--mqtt", help="mqtt://user:password@host:port; without it, the city answers questions only.")
@click.option("--drivers", type=FILE, help="A TOML file of drivers for whom it vouches.")
@click.option("--topic-prefix", default="hzcity/v2", show_default=True)
@click.option("--seed", default=1, show_default=True, help="Which messages and bills the faults befall.")
@click.option(
    "--faults", default="default", show_default=True, help="default, none, or a TOML file of rates."
)
@click.option("--test-clock", type=FILE, help="A clock file that a test or a demo moves.")
@click.option("--lifeline-fd", type=int, hidden=True)
def hangzhou_simulator(  # noqa: PLR0913 - one parameter an option
    *,
    host: str,
    port: int,
    data_dir: Path,
    secret_file: Path,
    access_id: str,
    mqtt: str | None,
    drivers: Path | None,
    topic_prefix: str,
    seed: int,
    faults: str,
    test_clock: Path | None,
    lifeline_fd: int | None,
) -> None:
    """Run the city's side to test against; prints its address as one line of JSON when it is ready."""
    with failures_told():
        settings = CitySettings(
            host=host,
            port=port,
            data_dir=data_dir,
            secrets=read_secrets(secret_file.read_text("utf-8")),
            access_id=access_id,
            drivers=_drivers(drivers) if drivers else {},
            seed=seed,
            profile=fault_profile(faults),
            topic_prefix=topic_prefix,
            test_clock=test_clock,
        )
        run_simulator(
            lambda stop: serve_city(settings, open_broker(mqtt), announce=announce_ready, stop=stop),
            lifeline_fd,
        )


def _drivers(path: Path) -> Mapping[str, Driver]:
    with reading(path) as content:
        file = DriversFile.model_validate(content)
    return {
        plate_no: Driver(limit_fen=one.limit_fen, script=one.script) for plate_no, one in file.driver.items()
    }


if __name__ == "__main__":
    hangzhou_simulator()
