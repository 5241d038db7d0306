"""What attendants ask to be opened, done by the gate process that can.

A device that takes commands is told at once. One that asks whether there is anything to do is told in the
answer: its question is held open for a moment. A controller of the native protocol hears it over the
connection that it keeps. All others cannot be told, and the attendant learns that.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from functools import partial
from typing import TYPE_CHECKING, Final, Never

import structlog

from parking.barrier import BarrierAct, BarrierRecord, GateOutcome
from parking.errors import LeaveFirstError
from parking.live.openings import FIRST_PLACE, claim, openings_after, tell_outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.gates.barrier_log import BarrierLog
    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.commands import Commander, CommandResult
    from parking.catalog import Controller
    from parking.clock import Clock
    from parking.device import Device
    from parking.ids import ControllerId, GarageId
    from parking.live.batching import BatchingConnection
    from parking.live.openings import Opening

    Key = tuple[GarageId, ControllerId]
    Tell = Callable[[Key, Opening], bool]
    """Tells a controller of the native protocol; whether it keeps a connection to this process."""

__all__ = ["Attendants"]

log = structlog.get_logger()
LOOK_EVERY_S: Final = 0.25
SAID_MAX: Final = 1_000
WANTED_MAX: Final = 32
"""Of one device, as many as it may have channels; those of the past are among them until it asks."""
ON_ITS_CONNECTION: Final = "over the connection that it keeps"


class Attendants:
    """Of one gate process."""

    def __init__(
        self,
        live: BatchingConnection,
        catalog: CatalogKeeper,
        commander: Commander,
        barrier_log: BarrierLog,
        clock: Clock,
        *,
        tell: Tell,
    ) -> None:
        self._live = live
        self._catalog = catalog
        self._commander = commander
        self._log = barrier_log
        self._clock = clock
        self._tell = tell
        self._wanted: defaultdict[Key, deque[Opening]] = defaultdict(partial(deque, maxlen=WANTED_MAX))
        self._said: deque[tuple[str, CommandResult]] = deque(maxlen=SAID_MAX)

    async def run(self) -> Never:
        """Do what is asked for, for ever; what waits from before may still be in time."""
        place = FIRST_PLACE
        while True:
            try:
                place, openings = await openings_after(self._live, place)
                for opening in openings:
                    await self._take(opening)
                while self._said:
                    opening_id, result = self._said.popleft()
                    await tell_outcome(self._live, opening_id, result.outcome, result.said)
            except LeaveFirstError as error:
                log.debug("openings_not_read", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def asked(self, controller: Controller) -> Opening | None:
        """What a device that asks is to open now; raises nothing: it asks again."""
        wanted, now = self._wanted[controller.key], self._clock.now()
        while wanted:
            opening = wanted.popleft()
            if opening.until > now and await self._claimed(opening):
                return opening
        return None

    async def _claimed(self, opening: Opening) -> bool:
        try:
            if not await claim(self._live, opening.opening_id):
                return False
            await tell_outcome(self._live, opening.opening_id, GateOutcome.TOLD, "")
        except LeaveFirstError as error:
            log.warning("opening_not_claimed", error=str(error))
            return False
        return True

    async def _take(self, opening: Opening) -> None:
        key = opening.garage_id, opening.controller_id
        controller = self._controller(key)
        if controller is None or opening.lane_id not in controller.lane_ids:
            return
        if opening.until <= self._clock.now():
            return
        device = controller.device
        if device is None:
            await self._tell_native(key, opening)
        elif self._commander.calls(device.protocol):
            await self._command(device, opening)
        else:
            self._wanted[key].append(opening)

    async def _tell_native(self, key: Key, opening: Opening) -> None:
        # Told first: a claim by a process without its connection would end the request.
        if not self._tell(key, opening):
            return
        if await claim(self._live, opening.opening_id):
            self._log.note(self._record(opening, command=ON_ITS_CONNECTION))
            await tell_outcome(self._live, opening.opening_id, GateOutcome.TOLD, "")

    async def _command(self, device: Device, opening: Opening) -> None:
        if not await claim(self._live, opening.opening_id):
            return
        self._commander.open_soon(
            device,
            device.channel_of(opening.lane_id),
            self._record(opening, command="by a command"),
            done=lambda result: self._said.append((opening.opening_id, result)),
        )

    def _record(self, opening: Opening, *, command: str) -> BarrierRecord:
        return BarrierRecord(
            garage_id=opening.garage_id,
            lane_id=opening.lane_id,
            controller_id=opening.controller_id,
            at=self._clock.now(),
            act=BarrierAct.OPEN,
            outcome=GateOutcome.TOLD,
            event_id=opening.opening_id,
            reason=opening.reason,
            command=command,
        )

    def _controller(self, key: Key) -> Controller | None:
        known = self._catalog.current.controllers.values()
        return next((one for one in known if one.key == key), None)
