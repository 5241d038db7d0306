"""A day from the first process to the last check: started, laid out, played, settled, examined."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Final

from gateways.demo.afterwards import play_out, until_settled
from gateways.demo.gate_setup import open_gates
from gateways.demo.office import Office
from gateways.demo.outage import delivered_later, with_outage
from gateways.demo.outcome import Played, examine
from gateways.demo.plan import LANES, plan_day
from gateways.demo.player import Player, Scene
from gateways.demo.requests import open_requests
from gateways.demo.stack import open_stack
from gateways.demo.tally import Tally
from gateways.demo.traffic import OPENING
from gateways.embedded import running_stores
from parking.errors import Unavailable
from parking.live.journal import GROUPS, open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import timedelta
    from pathlib import Path

    from gateways.demo.gate_kinds import GateChoice
    from gateways.demo.outcome import Outcome
    from gateways.demo.plan import Plan
    from gateways.demo.requests import Requests
    from gateways.demo.screen import Screen
    from gateways.demo.stack import Stack

__all__ = ["Wanted", "play_day"]

PARTITIONS: Final = 64
COLLECTED_EVERY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for; ``speed`` None is as fast as the service answers, ``bills`` where to write them."""

    vehicles: int
    garages: int
    spaces: int
    seed: int
    speed: float | None
    gates: GateChoice
    outage: timedelta | None
    bills: Path | None


async def play_day(wanted: Wanted, data_dir: Path, screen: Screen, *, watch_money: bool) -> Outcome:
    """The whole of it; ``watch_money`` shows what is collected meanwhile."""
    time = asyncio.get_running_loop().time
    began = time()
    plan = _plan(wanted)
    screen.phase("starting Valkey, PostgreSQL, the service and the payment rail")
    async with (
        open_stack(data_dir, seed=wanted.seed, more=wanted.gates.settings) as stack,
        open_requests() as requests,
    ):
        office = await _office(stack, requests)
        screen.phase(f"registering {len(plan.registrations):,} drivers, connecting the gates")
        await _lay_out(plan, office, wanted.spaces)
        tally = Tally(now=OPENING)
        async with (
            open_gates(wanted.gates, plan.garages, stack, office, requests) as gates,
            _settlement_watch(data_dir) as until_settled_now,
        ):
            scene = Scene(
                clock=stack.clock, gates=gates, office=office, tally=tally, until_settled=until_settled_now
            )
            screen.phase("the day")
            screen.watch(tally, spaces=wanted.garages * wanted.spaces)
            play_began = time()
            await _play(scene, plan, wanted.speed, screen if watch_money else None)
            play_s = time() - play_began
            screen.phase("the weeks after it: payments are tried again, doubts are asked about")
            await scene.until_settled()
            summary = await play_out(stack.clock, office, tally)
        screen.phase("verifying the books against the archive and the rail")
        played = Played(
            plan=plan, tally=tally, play_s=play_s, repeated=requests.repeated, restarts=stack.restarts
        )
        outcome = await examine(stack, requests, office, summary, played)
        if wanted.bills is not None:
            _, bills = await stack.command("export", "bills")
            await asyncio.to_thread(wanted.bills.write_text, bills, "utf-8")
        return replace(outcome, wall_s=time() - began)


def _plan(wanted: Wanted) -> Plan:
    """What happens, as far as the gates that were asked for decide that."""
    chance = Random(wanted.seed)  # noqa: S311 - guards no secret
    plan = plan_day(vehicles=wanted.vehicles, garages=wanted.garages, spaces=wanted.spaces, chance=chance)
    plan = delivered_later(plan, wanted.gates.mute_lanes(list(LANES)))
    if wanted.outage:
        plan = with_outage(plan, wanted.outage, chance)
    return plan


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


async def _lay_out(plan: Plan, office: Office, spaces: int) -> None:
    """Garages and accounts, in the books."""
    for number, garage_id in enumerate(plan.garages, start=1):
        await office.open_garage(garage_id, f"Shopping complex {number}", spaces)
    await office.open_accounts(plan.registrations)
    await office.open_benefits(plan)


async def _play(scene: Scene, plan: Plan, speed: float | None, screen: Screen | None) -> None:
    async with asyncio.TaskGroup() as tasks:
        watching = None if screen is None else tasks.create_task(_watch_money(scene.office, screen))
        await Player(scene, speed=speed).play(plan.steps)
        if watching is not None:
            watching.cancel()


async def _watch_money(office: Office, screen: Screen) -> None:
    """Show what is collected, until cancelled."""
    while True:
        summary = await office.summary(OPENING.isoformat())
        paid = [one for one in summary["charges"] if (one["direction"], one["state"]) == ("collect", "paid")]
        screen.collected(sum(one["charges"] for one in paid), sum(one["amount_fen"] for one in paid))
        await asyncio.sleep(COLLECTED_EVERY_SECONDS)
