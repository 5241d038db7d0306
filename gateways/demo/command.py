"""``leave-first demo``: one day, from starting the stores to the proof."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import click
import uvloop
from rich.console import Console
from typing_extensions import override

from gateways.demo.afterwards import play_out, until_settled
from gateways.demo.controllers import Controllers
from gateways.demo.office import Office
from gateways.demo.outcome import Played, examine
from gateways.demo.plan import plan_day
from gateways.demo.player import Player, Scene
from gateways.demo.requests import open_requests
from gateways.demo.screen import Screen
from gateways.demo.stack import open_stack
from gateways.demo.summary import show
from gateways.demo.tally import Tally
from gateways.demo.traffic import OPENING, SPACES
from gateways.embedded import running_stores, scratch_data_dir
from gateways.supervisor import run_until_signal
from parking.errors import LeaveFirstError, Unavailable
from parking.live.journal import GROUPS, open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from gateways.demo.outcome import Outcome
    from gateways.demo.plan import Plan
    from gateways.demo.requests import Requests
    from gateways.demo.stack import Stack
    from parking.ids import GarageId

__all__ = ["demo"]

PARTITIONS: Final = 64
KNOWN_SECONDS: Final = 30.0
LOOK_EVERY_SECONDS: Final = 0.05
COLLECTED_EVERY_SECONDS: Final = 1.0
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for; ``speed`` None is as fast as the service answers."""

    vehicles: int
    garages: int
    seed: int
    speed: float | None
    as_json: bool


class Speed(click.ParamType[float | None]):
    """``max`` or how many times as fast as life."""

    name = "max|NUMBER"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """None for ``max``."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed <= 100_000:  # noqa: PLR2004 - beyond it, "max" is meant
            self.fail("max, or how many times as fast as life", param, ctx)
        return speed


@click.command("demo")
@click.option("--vehicles", type=click.IntRange(20, 200_000), default=10_000, show_default=True)
@click.option(
    "--garages", type=click.IntRange(1, 50), default=1, show_default=True, help="Of 1,300 spaces each."
)
@click.option("--seed", default=1, show_default=True, help="Another seed is another day.")
@click.option("--speed", type=Speed(), default="max", show_default=True, help="60: an hour in a minute.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@click.option(
    "--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Keep everything here afterwards."
)
def demo(
    *, vehicles: int, garages: int, seed: int, speed: float | None, as_json: bool, data_dir: Path | None
) -> None:
    """Play a day at a shopping complex through the real service, settle it, and verify it.

    The exit status is 0 only when nothing is lost, nothing is charged twice, and the books are right.
    """
    options = Options(vehicles=vehicles, garages=garages, seed=seed, speed=speed, as_json=as_json)
    ended: list[bool] = []
    with ExitStack() as opened:
        where = data_dir.resolve() if data_dir else opened.enter_context(scratch_data_dir())
        try:
            status = uvloop.run(run_until_signal(_main(options, where, ended)))
        except LeaveFirstError as error:
            raise click.ClickException(str(error)) from None
        except BaseExceptionGroup as group:
            known, others = group.split(LeaveFirstError)
            if known is None or others is not None:
                raise
            raise click.ClickException("; ".join(map(str, _leaves(known)))) from None
    if not ended:
        click.echo("Stopped before the end of the day: nothing is proven.", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(status)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for one in group.exceptions:
        found += _leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return found


async def _main(options: Options, data_dir: Path, ended: list[bool]) -> int:
    """The exit status; ``ended`` gets an element when the day came to its end."""
    console = Console(stderr=options.as_json, highlight=False)
    console.print(
        f"[bold]One day at a shopping complex:[/bold] {options.vehicles:,} cars,"
        f" {SPACES * options.garages:,} spaces. The service, its stores and the payment rail are real"
        " processes; only the clock is hurried."
    )
    with Screen(console) as screen:
        outcome = await _day(options, data_dir, screen)
    if options.as_json:
        sys.stdout.write(outcome.as_json() + "\n")
    else:
        show(outcome, console)
    ended.append(True)
    return 0 if outcome.proven else 1


async def _day(options: Options, data_dir: Path, screen: Screen) -> Outcome:
    time = asyncio.get_running_loop().time
    began = time()
    plan = plan_day(vehicles=options.vehicles, garages=options.garages, chance=Random(options.seed))  # noqa: S311
    screen.phase("starting Valkey, PostgreSQL, the service and the payment rail")
    async with open_stack(data_dir, seed=options.seed) as stack, open_requests() as requests:
        office = await _office(stack, requests)
        screen.phase(f"registering {len(plan.registrations):,} drivers")
        controllers = Controllers(requests, stack.gate_url, await _laid_out(plan, office))
        await _until_known(controllers, plan)
        tally = Tally(now=OPENING)
        async with _settlement_watch(data_dir) as until_settled_now:
            scene = Scene(
                clock=stack.clock,
                controllers=controllers,
                office=office,
                tally=tally,
                until_settled=until_settled_now,
            )
            screen.phase("the day")
            screen.watch(tally, garages=options.garages)
            play_began = time()
            await _play(scene, plan, options, screen)
            play_s = time() - play_began
            screen.phase("the weeks after it: payments are tried again, doubts are asked about")
            await scene.until_settled()
            summary = await play_out(stack.clock, office, tally)
        screen.phase("verifying the books against the archive and the rail")
        played = Played(
            plan=plan, tally=tally, play_s=play_s, repeated=requests.repeated, restarts=stack.restarts
        )
        outcome = await examine(stack, requests, office, summary, played)
        return replace(outcome, wall_s=time() - began)


@asynccontextmanager
async def _settlement_watch(data_dir: Path) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """How to wait until settlement has caught up with the gates: exactly, so asked of the journal itself."""
    stores = running_stores(data_dir)
    if stores is None or stores.valkey_url is None:
        raise Unavailable("the live store is not running")
    async with open_journal(stores.valkey_url, partition_count=PARTITIONS, reader="demo") as journal:
        yield lambda: until_settled(journal, GROUPS)


async def _office(stack: Stack, requests: Requests) -> Office:
    _, said = await stack.command("token", "add", "operator", "--scope", "full", "--label", "demo", "--json")
    return Office(requests, operator_url=stack.operator_url, token=json.loads(said)["token"])


async def _laid_out(plan: Plan, office: Office) -> Mapping[GarageId, str]:
    """Garages and accounts, in the books; the controllers' tokens."""
    tokens = {
        garage_id: await office.open_garage(garage_id, f"Shopping complex {number}")
        for number, garage_id in enumerate(plan.garages, start=1)
    }
    await office.open_accounts(plan.registrations)
    return tokens


async def _until_known(controllers: Controllers, plan: Plan) -> None:
    """The gates read their catalog anew every second."""
    async with asyncio.timeout(KNOWN_SECONDS):
        for garage_id in plan.garages:
            while True:
                if await controllers.known(garage_id):
                    break
                await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _play(scene: Scene, plan: Plan, options: Options, screen: Screen) -> None:
    async with asyncio.TaskGroup() as tasks:
        watching = None
        if not options.as_json:
            watching = tasks.create_task(_watch_money(scene.office, screen))
        await Player(scene, speed=options.speed).play(plan.steps)
        if watching is not None:
            watching.cancel()


async def _watch_money(office: Office, screen: Screen) -> None:
    """Show what is collected, until cancelled."""
    while True:
        summary = await office.summary(OPENING.isoformat())
        paid = [one for one in summary["charges"] if (one["direction"], one["state"]) == ("collect", "paid")]
        screen.collected(sum(one["charges"] for one in paid), sum(one["amount_fen"] for one in paid))
        await asyncio.sleep(COLLECTED_EVERY_SECONDS)
