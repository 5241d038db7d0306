"""Cars for the service under test, and the account of what became of them.

Controllers repeat an event until it is acknowledged; every acknowledged one is remembered, and at the end
has to be exactly once in the archive, with what it cost at most once in the rail's own books.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

from gateways.demo.afterwards import play_out, until_settled
from gateways.demo.controllers import Controllers
from gateways.demo.drivers import Registration, plates
from gateways.demo.office import Office
from gateways.demo.plan import LANES
from gateways.demo.requests import open_requests
from gateways.demo.tally import Tally
from gateways.demo.traffic import DAY
from parking.event import GateEvent, Kind
from parking.garage import Direction
from parking.ids import AccountId, EventId, GarageId
from parking.live.journal import GROUPS, open_journal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from gateways.demo.gates import GateAnswer
    from gateways.demo.requests import Requests
    from parking.plate import Plate
    from tests.faults.service import Service

__all__ = ["PARTITIONS", "STAY", "Account", "Traffic", "open_traffic", "verified"]

PARTITIONS = 64
SENDERS = 16
STAY = timedelta(hours=2)
"""More than the free half hour, and less than a grant allows."""
LEASE = timedelta(minutes=3)
"""After so long a charge that a killed process had sent is asked about."""
BETWEEN_CARS = timedelta(seconds=1)
KNOWN_S = 60.0
LOOK_S = 0.05
LANES_OF = {
    Kind.ENTRY: [lane for lane, direction in LANES.items() if direction is Direction.ENTRY],
    Kind.EXIT: [lane for lane, direction in LANES.items() if direction is Direction.EXIT],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found in the end."""

    lost: tuple[EventId, ...]
    captured: int
    captured_fen: int
    captured_twice: tuple[str, ...]
    verification: Mapping[str, Any]
    verify_status: int
    summary: Mapping[str, Any]

    def charges(self, state: str) -> int:
        """How many collecting charges are in a state."""
        return sum(
            one["charges"]
            for one in self.summary["charges"]
            if (one["direction"], one["state"]) == ("collect", state)
        )

    def assert_right(self) -> None:
        """Nothing lost, nothing charged twice, every rule of the books kept."""
        assert self.lost == ()
        assert self.captured_twice == ()
        assert self.verification["violations"] == []
        assert (self.verify_status, self.verification["clean"]) == (0, True)


@dataclass(slots=True, kw_only=True)
class Traffic:
    """One garage, its registered drivers and its controller."""

    service: Service
    requests: Requests
    office: Office
    controllers: Controllers
    garage_id: GarageId
    token: str
    cars: Sequence[Plate]
    acknowledged: dict[EventId, GateAnswer] = field(default_factory=dict)
    sent: dict[EventId, GateEvent] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def controllers_with(self, requests: Requests) -> Controllers:
        """The same controllers with other manners."""
        return Controllers(requests, self.service.gate_url, {self.garage_id: self.token})

    def event(self, kind: Kind, car: Plate) -> GateEvent:
        """A new event of a car, captured now; every event moves the clock a little."""
        clock, number = self.service.clock, next(self.numbers)
        clock.move_to(clock.now() + BETWEEN_CARS)
        lanes = LANES_OF[kind]
        return GateEvent(
            event_id=EventId(f"{self.garage_id}-{kind.value}-{number}"),
            garage_id=self.garage_id,
            lane_id=lanes[number % len(lanes)],
            kind=kind,
            captured_at=clock.now(),
            plate=car,
            confidence=0.97,
        )

    async def report(self, event: GateEvent) -> GateAnswer:
        """Send one until it is acknowledged."""
        answer = await self.controllers.report(event)
        self.sent[event.event_id] = event
        self.acknowledged[event.event_id] = answer
        return answer

    async def pass_by(self, kind: Kind, cars: Sequence[Plate]) -> list[GateAnswer]:
        """Let all of them come or go, some at a time."""
        waiting, answers = iter(cars), []

        async def send() -> None:
            for car in waiting:
                answers.append(await self.report(self.event(kind, car)))  # noqa: PERF401 - one at a time

        async with asyncio.TaskGroup() as tasks:
            for _ in range(SENDERS):
                tasks.create_task(send())
        return answers

    async def come(self, cars: Sequence[Plate]) -> list[GateAnswer]:
        """Let cars in."""
        return await self.pass_by(Kind.ENTRY, cars)

    async def go(self, cars: Sequence[Plate]) -> list[GateAnswer]:
        """Let cars out."""
        return await self.pass_by(Kind.EXIT, cars)

    def wait(self, span: timedelta = STAY) -> None:
        """Let time pass."""
        self.service.clock.move_to(self.service.clock.now() + span)

    async def settle(self) -> None:
        """Wait until all that the gates did is booked and granted."""
        async with open_journal(
            self.service.valkey_url, partition_count=PARTITIONS, reader="test"
        ) as journal:
            await until_settled(journal, GROUPS)

    async def close(self) -> Account:
        """Settle, let the weeks pass in which charges are tried and asked about, and count."""
        await self.settle()
        self.wait(LEASE)
        summary = await play_out(self.service.clock, self.office, Tally(now=self.service.clock.now()))
        status, verification = await verified(self.service)
        exported = await self.service.command("export", "events")
        archived = Counter(json.loads(line)["event_id"] for line in exported.stdout.splitlines())
        reply = await self.requests.send(
            "GET", f"{self.service.rail_url}/v1/books", token=self.service.rail_secret
        )
        moved = [one for one in map(json.loads, reply.body.splitlines()) if one["kind"] == "charge"]
        captures = Counter(one["order_key"] for one in moved)
        return Account(
            lost=tuple(event_id for event_id in self.acknowledged if archived[event_id] != 1),
            captured=len(moved),
            captured_fen=sum(one["amount_fen"] for one in moved),
            captured_twice=tuple(order_key for order_key, times in captures.items() if times > 1),
            verification=verification,
            verify_status=status,
            summary=summary,
        )


async def verified(service: Service) -> tuple[int, Mapping[str, Any]]:
    """The exit status of ``verify``, and what it found."""
    ran = await service.command("verify", "--json")
    assert ran.stdout, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


@asynccontextmanager
async def open_traffic(service: Service, *, cars: int, garage: str = "G1") -> AsyncIterator[Traffic]:
    """A new garage that the gates know, and accounts for the drivers of all cars."""
    service.clock.move_to(max(service.clock.now(), DAY))
    made = await service.command("token", "add", "operator", "--scope", "full", "--label", "test", "--json")
    assert made.returncode == 0, made.stderr
    garage_id = GarageId(garage)
    numbers = plates(cars, Random(garage))
    async with open_requests() as requests:
        office = Office(requests, operator_url=service.operator_url, token=json.loads(made.stdout)["token"])
        await office.open_garage(garage_id, f"Garage {garage}")
        token = await office.add_controller(garage_id, "controller", LANES)
        await office.open_accounts(
            [_registration(garage, place, plate) for place, plate in enumerate(numbers)]
        )
        controllers = Controllers(requests, service.gate_url, {garage_id: token})
        await controllers.until_known()
        yield Traffic(
            service=service,
            requests=requests,
            office=office,
            controllers=controllers,
            garage_id=garage_id,
            token=token,
            cars=numbers,
        )


def _registration(garage: str, place: int, plate: Plate) -> Registration:
    return Registration(
        account_id=AccountId(uuid5(NAMESPACE_OID, f"{garage} {place}")),
        holder=f"driver {place}",
        plates=(plate,),
        agreement=f"agreement#{garage}-{place}",
        limit_fen=10_000,
        exposure_limit_fen=50_000,
    )
