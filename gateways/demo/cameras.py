"""Makers' cameras at the lanes: each sees cars in its maker's way, and has a barrier that opens or does not.

A camera learns no reason and no amount. Whether the barrier opened is seen at the barrier; where it is opened
by commands, a copy of a read opens it no second time. A driver before a shut one asks what he has to pay, as
at a till: the car is looked up in the books. What a camera on a broker delivers from its memory nobody
acknowledges: it is looked for in the archive.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from gateways.demo.gates import GateAnswer, Gates
from parking.decision import Reason, Verdict
from parking.errors import Defect, Unavailable
from parking.event import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gateways.demo.archive import Archive
    from gateways.demo.cars import Cars
    from gateways.devices.camera import Camera
    from parking.clock import Clock
    from parking.event import GateEvent
    from parking.ids import EventId, GarageId, LaneId

__all__ = ["Cameras"]

STRIDE: Final = timedelta(seconds=0.9)
"""With times of whole seconds below what is taken for a wrong clock."""
FRESH: Final = timedelta(minutes=1)
"""What a camera could not send for longer comes from its memory."""
AGAIN_WITHIN: Final = timedelta(minutes=1)
"""A car let through that is read again in its lane is the same passage, and no event of its own."""
GRACE_SECONDS: Final = 0.05
"""Most commands to open come sooner than the books could be asked."""
OPENED_SECONDS: Final = 60.0
KNOWN_SECONDS: Final = 60.0
KNOWN_LOOK_SECONDS: Final = 0.5


class Cameras(Gates):
    """One camera a lane."""

    stride = STRIDE

    def __init__(
        self,
        cameras: Mapping[tuple[GarageId, LaneId], Camera],
        cars: Cars,
        archive: Archive,
        clock: Clock,
    ) -> None:
        self._cameras = cameras
        self._cars = cars
        self._archive = archive
        self._clock = clock
        self._before = {place: asyncio.Lock() for place in cameras}
        """Before a barrier one car stands at a time: what opens it then, opens it for that one."""
        self._reported: set[tuple[GarageId, EventId]] = set()
        self._passed: dict[tuple[GarageId, LaneId, str], datetime] = {}

    @override
    async def until_known(self) -> None:
        async with asyncio.timeout(KNOWN_SECONDS):
            for camera in self._cameras.values():
                await camera.until_heard()
                while camera.maker.by_broker:
                    if await self._cars.is_heard(camera.serial):
                        break
                    await asyncio.sleep(KNOWN_LOOK_SECONDS)
                    await camera.until_heard()

    @override
    def told(self, event: GateEvent) -> GateEvent | None:
        return self._at(event).maker.told(event)

    @override
    async def report(self, event: GateEvent) -> GateAnswer:
        async with self._before[event.garage_id, event.lane_id]:
            return await self._reported_one(event)

    async def _reported_one(self, event: GateEvent) -> GateAnswer:
        camera, copy = self._at(event), (event.garage_id, event.event_id) in self._reported
        again = self._is_repeat(event)
        history = self._clock.now() - event.captured_at > FRESH
        (barrier,) = camera.barriers.values()
        openings = barrier.openings
        seen = await camera.see(replace(event, offline=history and camera.maker.says_kept))
        if seen.heard is None:
            raise Unavailable(f"{camera.serial} gets no answer")
        if history or event.kind is Kind.TURN_BACK or (copy and camera.maker.by_command):
            verdict = Verdict.HOLD
        elif camera.maker.by_command:
            verdict = await self._commanded(event, camera, openings)
        else:
            verdict = Verdict.OPEN if seen.heard.opens else Verdict.HOLD
        if verdict is Verdict.OPEN:
            self._passed[event.garage_id, event.lane_id, event.plate.number] = event.captured_at
        answer = GateAnswer(verdict=verdict, reason=None, replayed=again, seconds=seen.seconds, named=False)
        if history or again or event.kind is not Kind.EXIT or verdict is Verdict.OPEN:
            return replace(answer, reason=Reason.LATE) if history else answer
        found = await self._cars.passage(event)
        return replace(found, seconds=seen.seconds)

    @override
    async def deliver(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        repeats = [self._is_repeat(event) for event in events]
        openings = {camera: camera.openings for camera in map(self._at, events)}
        for event in events:
            self._at(event).keep(event)
        async with asyncio.TaskGroup() as tasks:
            for camera in openings:
                tasks.create_task(camera.deliver())
        await self._archive.until_has([event for event in events if self._at(event).maker.by_broker])
        moved = [camera.serial for camera, before in openings.items() if camera.openings != before]
        if moved:
            raise Defect(f"what was kept has opened the barriers of {', '.join(moved)}")
        return [
            GateAnswer(verdict=Verdict.HOLD, reason=Reason.LATE, replayed=again, named=False)
            for again in repeats
        ]

    def _at(self, event: GateEvent) -> Camera:
        return self._cameras[event.garage_id, event.lane_id]

    def _is_repeat(self, event: GateEvent) -> bool:
        """Whether it adds nothing: the same record again, or the same car in the same passage."""
        key = (event.garage_id, event.event_id)
        passed_at = self._passed.get((event.garage_id, event.lane_id, event.plate.number))
        near = passed_at is not None and timedelta() < event.captured_at - passed_at <= AGAIN_WITHIN
        again = key in self._reported or (near and event.kind is not Kind.TURN_BACK and not event.offline)
        self._reported.add(key)
        return again

    async def _commanded(self, event: GateEvent, camera: Camera, openings: int) -> Verdict:
        """What the barrier does: it is told to open, or the books say that it is not."""
        (barrier,) = camera.barriers.values()
        async with asyncio.TaskGroup() as tasks:
            opened = tasks.create_task(barrier.until_opened(openings))
            held = tasks.create_task(self._until_held(event))
            await asyncio.wait([opened, held], return_when=asyncio.FIRST_COMPLETED)
            verdict = Verdict.OPEN if opened.done() else Verdict.HOLD
            opened.cancel()
            held.cancel()
        return verdict

    async def _until_held(self, event: GateEvent) -> None:
        """Return once the books say that the barrier stays shut."""
        await asyncio.sleep(GRACE_SECONDS)
        found = await self._cars.passage(event)
        if found.verdict is Verdict.OPEN:
            await asyncio.sleep(OPENED_SECONDS)
            raise Defect(f"the barrier of {event.lane_id} was to open, and was not told so")
