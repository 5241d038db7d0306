"""``leave-first demo``: one day, from starting the stores to the proof."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click
import uvloop
from rich.console import Console

from gateways.demo.day import Wanted, play_day
from gateways.demo.gate_kinds import GateChoice
from gateways.demo.parameters import GateNames, Span, Speed
from gateways.demo.screen import Screen
from gateways.demo.summary import show
from gateways.demo.traffic import SPACES
from gateways.devices.makers import GATES, NATIVE_HTTP, NATIVE_MQTT
from gateways.embedded import scratch_data_dir
from gateways.failures import said_of
from gateways.logs import configure_logs
from gateways.mqtt.options import MqttVersion
from gateways.supervisor import run_until_signal
from parking.errors import InvalidInput, LeaveFirstError

__all__ = ["demo"]

INTERRUPTED: Final = 130


@click.command("demo")
@click.option("--vehicles", type=click.IntRange(20, 200_000), default=10_000, show_default=True)
@click.option("--garages", type=click.IntRange(1, 50), default=1, show_default=True)
@click.option(
    "--spaces", type=click.IntRange(1, 20_000), default=SPACES, show_default=True, help="Of each garage."
)
@click.option("--seed", default=1, show_default=True, help="Another seed is another day.")
@click.option("--speed", type=Speed(), default="max", show_default=True, help="60: an hour in a minute.")
@click.option(
    "--gates",
    type=GateNames(),
    default=NATIVE_HTTP,
    show_default=True,
    help=f"What the lanes have, in turn: {', '.join(GATES)}.",
)
@click.option("--mqtt-url", help=f"mqtt://host:port, the broker of {NATIVE_MQTT}.")
@click.option(
    "--mqtt-version",
    type=click.Choice([one.value for one in MqttVersion]),
    default=MqttVersion.V5.value,
    show_default=True,
)
@click.option(
    "--outage",
    type=Span(),
    help="For so long the first garage's uplink is down, until half past six in the evening.",
)
@click.option("--bills", type=click.Path(dir_okay=False, path_type=Path), help="Write the day's bills there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep everything here afterwards."
)
def demo(*, data_dir: Path | None, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - options, from click
    """Play a day at a shopping complex through the real service, settle it, and verify it.

    The exit status is 0 only when nothing is lost, nothing is charged twice, and the books are right.
    """
    try:
        wanted = _wanted(asked)
    except InvalidInput as error:
        raise click.UsageError(str(error)) from None
    configure_logs("WARNING")
    ended: list[bool] = []
    with ExitStack() as opened:
        where = data_dir.resolve() if data_dir else opened.enter_context(scratch_data_dir())
        try:
            status = uvloop.run(run_until_signal(_main(wanted, where, ended, as_json=as_json)))
        except LeaveFirstError as error:
            raise click.ClickException(str(error)) from None
        except BaseExceptionGroup as group:
            known, others = group.split(LeaveFirstError)
            if known is None or others is not None:
                raise
            raise click.ClickException(said_of(known)) from None
    if not ended:
        click.echo("Stopped before the end of the day: nothing is proven.", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(status)


def _wanted(asked: dict[str, Any]) -> Wanted:
    gates = GateChoice(
        names=asked["gates"], broker=asked["mqtt_url"], mqtt_version=MqttVersion(asked["mqtt_version"])
    )
    if asked["outage"] is not None:
        gates.check_outage()
    return Wanted(
        vehicles=asked["vehicles"],
        garages=asked["garages"],
        spaces=asked["spaces"],
        seed=asked["seed"],
        speed=asked["speed"],
        gates=gates,
        outage=asked["outage"],
        bills=asked["bills"],
    )


async def _main(wanted: Wanted, data_dir: Path, ended: list[bool], *, as_json: bool) -> int:
    """The exit status; ``ended`` gets an element when the day came to its end."""
    console = Console(stderr=as_json, highlight=False)
    console.print(
        f"[bold]One day at a shopping complex:[/bold] {wanted.vehicles:,} cars,"
        f" {wanted.spaces * wanted.garages:,} spaces. The service, its stores and the payment rail are real"
        " processes; only the clock is hurried."
    )
    with Screen(console) as screen:
        outcome = await play_day(wanted, data_dir, screen, watch_money=not as_json)
    if as_json:
        sys.stdout.write(outcome.as_json() + "\n")
    else:
        show(outcome, console)
    ended.append(True)
    return 0 if outcome.proven else 1
