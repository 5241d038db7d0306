"""``leave-first simulate``: makers' cameras and native controllers on the command line, to try gates with."""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import click
import uvloop

from gateways.devices.driving import Drive
from gateways.devices.makers import GATES
from gateways.devices.simulation import USERNAME, Simulation, simulate
from gateways.failures import said_of
from gateways.logs import configure_logs
from gateways.mqtt.options import MqttVersion
from gateways.supervisor import run_until_signal
from parking.errors import InvalidInput, LeaveFirstError
from parking.ids import GarageId

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["simulate_command"]

FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
LANES_MAX: Final = 64
INTERRUPTED: Final = 130


@click.command("simulate")
@click.argument("protocol", type=click.Choice(GATES))
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@click.option("--lanes", type=click.IntRange(1, LANES_MAX), default=2, show_default=True)
@click.option("--cars", type=click.IntRange(1, 100_000), default=10, show_default=True)
@click.option("--every", type=click.FloatRange(0, 3_600), default=1.0, show_default=True, help="Seconds.")
@click.option("--stay", type=click.FloatRange(0, 86_400), default=5.0, show_default=True, help="Seconds.")
@click.option("--seed", default=1, show_default=True, help="Another seed is other cars.")
@click.option("--serial", default="simulated", show_default=True, help="Of the camera; with several, -1 …")
@click.option("--backup", "backups", multiple=True, help="A server for when the first does not answer.")
@click.option("--cut", help="FROM-UNTIL, seconds: when a camera's line is down and it keeps what it sees.")
@click.option(
    "--resends", type=click.IntRange(0, 100), default=4, show_default=True, help="Before it keeps a read."
)
@click.option("--listen", default="127.0.0.1:8090", show_default=True, help="Where a camera takes commands.")
@click.option("--password-file", type=FILE, help=f"Of those commands; the user is {USERNAME}.")
@click.option("--comet", is_flag=True, help="The camera asks for commands by comet polling.")
@click.option("--token-file", type=FILE, help="Of a native controller.")
@click.option("--garage", default="", help="Of a native controller; its lanes are in-1 …, out-1 …")
@click.option("--controller", default="", help="Its name, on a broker.")
@click.option(
    "--mqtt-version",
    type=click.Choice([one.value for one in MqttVersion]),
    default=MqttVersion.V5.value,
    show_default=True,
)
@click.option("--anywhere", is_flag=True, help="Call and listen beyond this machine.")
def simulate_command(*, anywhere: bool, **given: Any) -> None:  # noqa: ANN401 - options, as click hands them over
    """Let simulated gates see cars, and tell of them as gates of that protocol do.

    ADDRESS is what "leave-first controller add" printed: one for each lane, or one for all, whose camera has
    its lanes as channels. The first half of the lanes is for entries. Of a native controller it is the
    service's address, or the broker's. It ends when the last car has left and no camera keeps anything.
    """
    try:
        wanted = _wanted(given)
        if not anywhere:
            _check_local((*wanted.addresses, *wanted.backups, f"http://{given['listen']}"))
    except InvalidInput as error:
        raise click.UsageError(str(error)) from None
    configure_logs("WARNING")
    ended: list[bool] = []
    try:
        uvloop.run(run_until_signal(_main(wanted, ended)))
    except* (LeaveFirstError, OSError) as group:
        raise click.ClickException(said_of(group)) from None
    if not ended:
        raise SystemExit(INTERRUPTED)


async def _main(wanted: Simulation, ended: list[bool]) -> int:
    await simulate(wanted, click.echo)
    ended.append(True)
    return 0


def _wanted(given: dict[str, Any]) -> Simulation:
    return Simulation(
        protocol=given["protocol"],
        addresses=tuple(address.rstrip("/") for address in given["addresses"]),
        backups=tuple(address.rstrip("/") for address in given["backups"]),
        lanes=given["lanes"],
        drive=Drive(
            cars=given["cars"],
            every_s=given["every"],
            stay_s=given["stay"],
            seed=given["seed"],
            garage_id=GarageId(given["garage"]),
            run=secrets.token_hex(8),
        ),
        serial=given["serial"],
        cut=_cut(given["cut"]),
        resends=given["resends"],
        listen=_listen(given["listen"]),
        password=_first_line(given["password_file"]),
        token=_first_line(given["token_file"]),
        controller=given["controller"],
        polls=given["comet"],
        mqtt_version=MqttVersion(given["mqtt_version"]),
    )


def _cut(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    begins, _, ends = text.partition("-")
    if not begins.isdecimal() or not ends.isdecimal() or int(begins) >= int(ends):
        raise InvalidInput("FROM-UNTIL in whole seconds", ("cut",))
    return int(begins), int(ends)


def _listen(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidInput("HOST:PORT", ("listen",))
    return host, int(port)


def _first_line(path: Path | None) -> str:
    return "" if path is None else path.read_text("utf-8").partition("\n")[0].strip()


def _check_local(addresses: Iterable[str]) -> None:
    """Simulated cars are for this machine's service, unless somebody says otherwise."""
    for address in addresses:
        host = urlsplit(address).hostname or ""
        if host != "localhost" and not _is_loopback(host):
            raise InvalidInput("not on this machine: --anywhere", ("addresses",))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
