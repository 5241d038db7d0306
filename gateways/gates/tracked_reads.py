"""Cars that are read several times as they come: when one is decided on, and what a better read changes.

* **At an entry** the first number opens at once: whoever it is may come in, and a better read puts his name
  right afterwards.
* **At an exit** a number decides who pays, and what: it waits until two reads agree, or for ``settle_ms``. A
  car that is held is decided anew by each better read.
* **Once the camera has lost the car**, or has said nothing new of it for half a minute, a car that was let
  through and then read more surely as another is put right: the passage of the first number is undone, as by
  a turn-back, and the other's is booked as history. At an exit only where that other is inside: a car that
  was found inside by its first number has more for it than a surer read of a number that is not.
* **Lost without having been decided on** it passed no barrier of ours, and nothing follows. Lanes without a
  barrier (``free_flow=yes``) are decided then, and only then.

A read that waits is in memory alone; if the process ends just then, the camera's next message of the same car
begins a new track. What is remembered is bounded: beyond that the oldest are forgotten.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Final

import structlog

from gateways.gates.protocol import Answered, Read
from gateways.gates.questions import nobody_gone
from gateways.gates.tracks import Track
from parking.errors import LeaveFirstError
from parking.garage import Direction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Never

    from gateways.gates.device_intake import DeviceIntake
    from gateways.gates.protocol import Message
    from parking.catalog import Controller
    from parking.device import Device
    from parking.ids import GarageId

    Key = tuple[GarageId, str, str, str]
    """A garage, a controller, its channel and the camera's mark of the track."""

__all__ = ["TrackedReads"]

log = structlog.get_logger()
TRACKS_MAX: Final = 2_000
SILENT_S: Final = 30.0
FORGET_S: Final = 600.0
"""A held car may stand there for long, and be lost only then."""
LOOK_EVERY_S: Final = 0.1
MOMENT: Final = timedelta(milliseconds=1)
SETTLE_MS: Final = "1500"


@dataclass(slots=True)
class Followed:
    """A track and whose it is."""

    track: Track
    controller: Controller
    device: Device


class TrackedReads:
    """Before the intake; ``is_inside`` tells whether a number is that of a car inside."""

    def __init__(self, intake: DeviceIntake, is_inside: Callable[[GarageId, str], Awaitable[bool]]) -> None:
        self._intake = intake
        self._is_inside = is_inside
        self._followed: OrderedDict[Key, Followed] = OrderedDict()
        self._added = asyncio.Event()
        self._time = asyncio.get_running_loop().time

    async def take(
        self, message: Message, controller: Controller, device: Device, gone: Callable[[], bool] = nobody_gone
    ) -> Answered:
        """What becomes of a message; raises what :meth:`DeviceIntake.take` raises."""
        if not isinstance(message, Read) or not message.track:
            return await self._intake.take(message, controller, device, gone)
        direction = self._intake.direction(message, controller, device)
        key = (*controller.key, message.channel, message.track)
        if message.ends_track and key not in self._followed and not _is_free_flow(device):
            return Answered(message=message)
        followed = self._follow(key, message, controller, device)
        track, answered = followed.track, Answered(message=message)
        if track.busy:
            return answered
        if message.ends_track:
            await self._settle(followed)
            self._followed.pop(key, None)
        elif not _is_free_flow(device):
            at_once = track.agreed or (direction is Direction.ENTRY and bool(track.best.number))
            if (track.decided is None and at_once) or track.held_as_another:
                answered = await self._decide(followed)
        return answered

    async def run(self) -> Never:
        """Decide and end what is due, for ever."""
        while True:
            if not self._followed:
                self._added.clear()
                await self._added.wait()
            await asyncio.sleep(LOOK_EVERY_S)
            for key, followed in list(self._followed.items()):
                try:
                    await self._look(key, followed)
                except LeaveFirstError as error:
                    log.warning("track_waits", controller=followed.controller.controller_id, error=str(error))

    def _follow(self, key: Key, read: Read, controller: Controller, device: Device) -> Followed:
        now = self._time()
        followed = self._followed.get(key)
        # A camera that begins anew counts its cars from the start.
        if followed is not None and not (read.begins_track and followed.track.settled):
            followed.track.add(read, now)
            return followed
        self._followed.pop(key, None)
        followed = self._followed[key] = Followed(Track(read, now), controller, device)
        if len(self._followed) > TRACKS_MAX:
            self._followed.popitem(last=False)
        self._added.set()
        return followed

    async def _look(self, key: Key, followed: Followed) -> None:
        now, track, device = self._time(), followed.track, followed.device
        if track.busy or key not in self._followed:
            return
        silent_s = now - track.heard_s
        if silent_s >= SILENT_S and not track.settled:
            await self._settle(followed)
        elif silent_s >= FORGET_S:
            self._followed.pop(key, None)
        elif track.decided is None and now - track.began_s >= _patience_s(device):
            await self._decide(followed)

    async def _decide(self, followed: Followed) -> Answered:
        track = followed.track
        track.busy = True
        try:
            answered = await self._intake.take(track.decide(), followed.controller, followed.device)
        except BaseException:
            track.decided = None
            raise
        finally:
            track.busy = False
        track.opened = answered.opens
        return answered

    async def _settle(self, followed: Followed) -> None:
        """The car has gone: what it was read as best counts."""
        track = followed.track
        if track.decided is None and _is_free_flow(followed.device):
            await self._decide(followed)
        if track.decided is not None and track.read_better and await self._may_correct(followed):
            log.info("track_corrected", controller=followed.controller.controller_id)
            await self._correct(followed, track.decided)
        track.settled = True

    async def _may_correct(self, followed: Followed) -> bool:
        best, controller = followed.track.best, followed.controller
        if self._intake.direction(best, controller, followed.device) is not Direction.EXIT:
            return True
        return await self._is_inside(controller.garage_id, best.number)

    async def _correct(self, followed: Followed, decided: Read) -> None:
        """Undo what was booked by the first number, and book the car that it was."""
        undone = replace(decided, turned_back=True, captured_at=decided.captured_at + MOMENT, candidates=())
        best = replace(
            followed.track.best,
            captured_at=decided.captured_at + 2 * MOMENT,
            history=True,
            track="",
            ends_track=False,
        )
        for read in (undone, best) if decided.number else (best,):
            await self._intake.take(read, followed.controller, followed.device)


def _patience_s(device: Device) -> float:
    """How long a car may be read before it is decided on; where no barrier waits, until it is gone."""
    return inf if _is_free_flow(device) else int(device.options.get("settle_ms", SETTLE_MS)) / 1000


def _is_free_flow(device: Device) -> bool:
    return device.options.get("free_flow") == "yes"
