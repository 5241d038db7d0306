"""Cars for simulated gates: each comes in at one lane, stays a while, and leaves at another.

Seeded. The first half of the lanes is for entries; a single lane sees every car once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID, uuid5

from parking.event import GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId
from parking.plate import Colour, parse_plate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from parking.clock import Clock
    from parking.plate import Plate

__all__ = ["Drive", "Lane", "drive", "lane_names"]

EVENTS: Final = UUID("b6d5b2a4-1f0e-5b52-8a5c-5f4e34d9c0aa")
SIGNS: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Lane(Protocol):
    """Where a car can be seen."""

    async def see(self, event: GateEvent) -> str:
        """Report a car; what came of it, in words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """How many cars, how far apart and for how long; ``run`` tells one drive's events from another's."""

    cars: int
    every_s: float
    stay_s: float
    seed: int
    garage_id: GarageId
    run: str


def lane_names(lanes: int) -> list[LaneId]:
    """The entries ``in-1`` and so on, then the exits ``out-1`` and so on."""
    entries = (lanes + 1) // 2
    return [
        LaneId(f"in-{place + 1}" if place < entries else f"out-{place + 1 - entries}")
        for place in range(lanes)
    ]


async def drive(lanes: Sequence[Lane], plan: Drive, clock: Clock, say: Callable[[str], None]) -> None:
    """Let the cars come and go; ``say`` gets a line for each time that one was seen."""
    chance, names = Random(plan.seed), lane_names(len(lanes))  # noqa: S311 - guards no secret
    entries = [place for place, name in enumerate(names) if name.startswith("in-")]
    exits = [place for place, name in enumerate(names) if name.startswith("out-")]

    async def visit(number: int, plate: Plate, entry: int, leaving: int | None) -> None:
        await _seen(number, plate, entry, Kind.ENTRY)
        if leaving is not None:
            await asyncio.sleep(plan.stay_s)
            await _seen(number, plate, leaving, Kind.EXIT)

    async def _seen(number: int, plate: Plate, place: int, kind: Kind) -> None:
        event = GateEvent(
            event_id=EventId(str(uuid5(EVENTS, f"{plan.run}/{number}/{kind}"))),
            garage_id=plan.garage_id,
            lane_id=names[place],
            kind=kind,
            captured_at=clock.now(),
            plate=plate,
            confidence=0.97,
        )
        say(f"lane {place + 1}  {plate.number}  {await lanes[place].see(event)}")

    async with asyncio.TaskGroup() as tasks:
        for number in range(plan.cars):
            plate = parse_plate("浙A" + "".join(chance.choices(SIGNS, k=5)), Colour.BLUE)
            leaving = chance.choice(exits) if exits else None
            tasks.create_task(visit(number, plate, chance.choice(entries), leaving))
            await asyncio.sleep(plan.every_s)
