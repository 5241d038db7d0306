"""Pushes: what a lane is told unasked, when the car that it holds may pass or its signed grants change.

Settlement changes a car in the live store, the store tells every gate process which, and the one whose
controller holds that car looks at it again. What is pushed opens nothing by itself: the lane reports the car
once more and its answer opens. So a push that is lost, late or forged does no harm.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, Never, Protocol

import structlog

from gateways.embedded.backoff import Backoff
from gateways.gates.native.messages import displayed, granted, opened
from parking.decision import Verdict
from parking.errors import LeaveFirstError
from parking.foresight import foresee
from parking.live.changes import Changed

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.native.handouts import GrantHandouts
    from gateways.gates.native.waiting import Held, Waiting
    from parking.clock import Clock
    from parking.ids import GarageId
    from parking.live.changes import Change
    from parking.live.sessions import Sessions

__all__ = ["GrantListener", "Pushes"]

log = structlog.get_logger()
GATHER_S: Final = 0.2
"""Signed grants change in bursts, and nobody waits for them at a barrier."""


class GrantListener(Protocol):
    """A controller that wants signed grants; ``place`` is how far it was told."""

    garage_id: GarageId
    place: str

    def push(self, text: str) -> None:
        """Send a message when there is room."""
        ...


class Pushes:
    """One loop over all changes of the live store, one for signed grants."""

    def __init__(
        self,
        waiting: Waiting,
        handouts: GrantHandouts,
        *,
        sessions: Sessions,
        catalog: CatalogKeeper,
        clock: Clock,
        listen: Callable[[], AsyncGenerator[Change | None, None]],
    ) -> None:
        self._waiting = waiting
        self._handouts = handouts
        self._sessions = sessions
        self._catalog = catalog
        self._clock = clock
        self._listen = listen
        self._listeners: set[GrantListener] = set()
        self._stale: set[GarageId] = set()
        self._changed = asyncio.Event()

    def want(self, listener: GrantListener) -> None:
        """Tell a listener of signed grants, beginning now."""
        self._listeners.add(listener)
        self._note(listener.garage_id)

    def forget(self, listener: GrantListener) -> None:
        """It hears nothing any more."""
        self._listeners.discard(listener)

    async def follow(self) -> Never:
        """Tell of changes for ever; while the live store is away there are none."""
        backoff, time = Backoff(), asyncio.get_running_loop().time
        while True:
            began = time()
            try:
                async with aclosing(self._listen()) as changes:
                    async for change in changes:
                        await self._take(change)
            except LeaveFirstError as error:
                log.debug("changes_not_heard", error=str(error))
            await asyncio.sleep(backoff.delay_after(time() - began))

    async def hand_out(self) -> Never:
        """Tell of signed grants for ever."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            stale, self._stale = self._stale, set()
            for listener in [one for one in self._listeners if one.garage_id in stale]:
                await self._hand_out(listener)
            await asyncio.sleep(GATHER_S)

    async def _take(self, change: Change | None) -> None:
        if change is None:  # what was missed may concern anybody
            for garage_id in {one.garage_id for one in self._listeners}:
                self._note(garage_id)
            held = self._waiting.all()
        elif change.what is Changed.TOKENS:
            self._note(change.garage_id)
            return
        else:
            held = self._waiting.of(change.garage_id, change.number)
        for one in held:
            await self._look_again(one)

    def _note(self, garage_id: GarageId) -> None:
        if any(one.garage_id == garage_id for one in self._listeners):
            self._stale.add(garage_id)
            self._changed.set()

    async def _look_again(self, held: Held) -> None:
        garage = self._catalog.current.garages.get(held.event.garage_id)
        if garage is None:
            return
        decision = await foresee(self._sessions, held.event, garage, self._clock.now())
        if decision is None or decision == held.told:
            return
        held.told = decision
        opens = decision.verdict is Verdict.OPEN
        held.listener.push((opened if opens else displayed)(held.event, decision))

    async def _hand_out(self, listener: GrantListener) -> None:
        try:
            changes = await self._handouts.changed(listener.garage_id, listener.place)
        except LeaveFirstError as error:
            log.debug("grants_not_read", error=str(error))
            return
        if changes.place != listener.place:
            listener.place = changes.place
            listener.push(granted(changes))
