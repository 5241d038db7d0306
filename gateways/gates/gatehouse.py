"""The gatehouse: every gate protocol's way to an answer, within the lane's deadline.

It checks that a controller speaks for its own lanes, asks the desk, and when the live store cannot
answer in time lets the garage's outage policy decide, with the event on this machine's disk first.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from gateways.gates.deadline import Deadlines, until
from gateways.web.access import bearer
from parking.backlog import answer_backlog
from parking.decision import Decision, Reason, Verdict, barrier, told_at
from parking.desk import Answer, heard_late
from parking.errors import (
    CallerError,
    Conflict,
    Defect,
    DependencyError,
    InvalidInput,
    LeaveFirstError,
    NotAuthenticated,
    NotPermitted,
    OutcomeUnknown,
    Unavailable,
)
from parking.event import Kind
from parking.garage import Direction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.spool import Spool, Spooled
    from gateways.metrics import GateMetrics
    from parking.catalog import Controller
    from parking.clock import Clock
    from parking.desk import Desk
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.ids import LaneId

__all__ = ["Gatehouse", "Patience"]

log = structlog.get_logger()
REPLAY_BATCH = 100
REPLAY_PAUSE_S = 0.2
UNANSWERED = (TimeoutError, Unavailable, OutcomeUnknown, Defect)
"""The driver at the barrier waits for none of these, not even for our repair."""
WRONG_WAY = {(Kind.ENTRY, Direction.EXIT), (Kind.EXIT, Direction.ENTRY)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an answer may take: ``store`` leaves time within the lane's deadline for the disk.

    A late answer of a slow disk is worth more to a driver than a refusal, so ``spool`` is longer than that.
    """

    store: timedelta
    spool: timedelta


class Gatehouse:
    """Answers events of authenticated controllers."""

    def __init__(  # noqa: PLR0913 - what an answer takes
        self,
        desk: Desk,
        catalog: CatalogKeeper,
        spool: Spool,
        clock: Clock,
        *,
        patience: Patience,
        metrics: GateMetrics,
        heard: Callable[[Controller], None] = lambda _controller: None,
    ) -> None:
        """``heard`` is told whenever a controller shows its token."""
        self._desk = desk
        self._catalog = catalog
        self._spool = spool
        self._clock = clock
        self._store_timeout_s = patience.store.total_seconds()
        self._deadlines = Deadlines(self._store_timeout_s)
        self._spool_timeout_s = patience.spool.total_seconds()
        self._metrics = metrics
        self._heard = heard

    def controller(self, authorization: str | None) -> Controller:
        """The controller of ours that an ``Authorization`` names; :class:`NotAuthenticated` if none."""
        controller = self.holder(*bearer(authorization))
        if controller.device is not None:
            raise NotAuthenticated("this token is for its device's own protocol")
        return controller

    def holder(self, token_id: str, secret: str) -> Controller:
        """The controller whose token this is; :class:`NotAuthenticated` if nobody's."""
        controller = self._catalog.current.controllers.get(token_id)
        if controller is None or not controller.holds(secret):
            raise NotAuthenticated("a valid controller token is needed")
        self._heard(controller)
        return controller

    def direction(self, controller: Controller, lane_id: LaneId) -> Direction:
        """Which way a lane of a controller runs; :class:`NotPermitted` where it has no such lane."""
        garage = self._catalog.current.garages.get(controller.garage_id)
        direction = garage.lanes.get(lane_id) if garage is not None else None
        if direction is None or lane_id not in controller.lane_ids:
            raise NotPermitted("this token does not speak for that lane")
        return direction

    async def answer_given(self, event: GateEvent) -> Answer:
        """The answer that an event's id got before, when its content was another.

        For devices: their own mark says that it is the same record. Raises :class:`Conflict` where none is
        remembered, :class:`Unavailable` where the live store does not answer in time.
        """
        spooled, session_id = self._spool.waiting(event), None
        if spooled is not None:
            decision = spooled.decision
        else:
            try:
                with self._deadlines.begin():
                    found = await self._desk.sessions.remembered(event.garage_id, event.event_id)
            except TimeoutError:
                raise Unavailable("the live store did not answer in time") from None
            if found is None:
                raise Conflict("this event_id was used for an event with other content")
            decision, session_id = found.decision, found.session_id
        garage = self._catalog.current.garages.get(event.garage_id)
        decision = decision if garage is None else told_at(decision, garage.policy)
        return Answer(event_id=event.event_id, decision=decision, session_id=session_id, replayed=True)

    async def answer(self, event: GateEvent, controller: Controller) -> Answer:
        """Answer one event; the car never waits longer than the deadline."""
        garage = self._permitted(event, controller)
        spooled = await self._while_spooled(event, garage) if len(self._spool) else None
        if spooled is not None:
            return spooled
        try:
            with self._deadlines.begin():
                return await self._desk.answer(event, garage)
        except UNANSWERED as failure:
            _log_defect(failure)
            return await self._by_policy(event, garage)

    async def answer_many(
        self, events: Sequence[GateEvent], controller: Controller, *, arrived_at: float | None = None
    ) -> list[Answer | LeaveFirstError]:
        """Answer each event of a backlog, or say why not; no call to the live store outlasts the deadline.

        With ``arrived_at``, by the loop's time, all calls together end within the deadline from there.
        """
        answers: dict[int, Answer | LeaveFirstError] = {}
        asked: dict[int, GateEvent] = {}
        garage: Garage | None = None
        for place, event in enumerate(events):
            try:
                garage = self._permitted(event, controller)
                spooled = await self._while_spooled(event, garage) if len(self._spool) else None
            except LeaveFirstError as error:
                answers[place] = error
                continue
            if spooled is not None:
                answers[place] = spooled
            else:
                asked[place] = event
        if garage is not None:
            deadline = (
                self._deadlines.begin
                if arrived_at is None
                else partial(until, arrived_at + self._store_timeout_s)
            )
            answers |= zip(asked, await self._ask(list(asked.values()), garage, deadline), strict=True)
        return [answers[place] for place in range(len(events))]

    async def _ask(
        self,
        events: list[GateEvent],
        garage: Garage,
        deadline: Callable[[], AbstractContextManager[object]],
    ) -> list[Answer | LeaveFirstError]:
        """The desk's answers; where the live store gave none, the outage policy's, side by side."""
        answers = await answer_backlog(self._desk, events, garage, deadline=deadline)
        for failure in {one for one in answers if isinstance(one, Defect)}:
            _log_defect(failure)
        async with asyncio.TaskGroup() as tasks:
            instead = {
                place: tasks.create_task(self._instead(events[place], garage))
                for place, one in enumerate(answers)
                if isinstance(one, UNANSWERED)
            }
        return [
            instead[place].result() if isinstance(one, UNANSWERED) else one
            for place, one in enumerate(answers)
        ]

    async def _instead(self, event: GateEvent, garage: Garage) -> Answer | LeaveFirstError:
        try:
            return await self._by_policy(event, garage)
        except LeaveFirstError as error:
            return error

    async def _while_spooled(self, event: GateEvent, garage: Garage) -> Answer | None:
        """The answer to an event of a car that has another in the spool: the live store comes later."""
        answered = self._spool.known(event)
        if answered is not None:
            told = told_at(heard_late(event, answered), garage.policy)
            return Answer(event_id=event.event_id, decision=told, session_id=None, replayed=True)
        if self._spool.holds_plate(event):
            return await self._by_policy(event, garage)
        return None

    def _permitted(self, event: GateEvent, controller: Controller) -> Garage:
        if event.garage_id != controller.garage_id:
            raise NotPermitted("this token does not speak for that garage")
        garage = self._catalog.current.garages.get(event.garage_id)
        direction = garage.lanes.get(event.lane_id) if garage is not None else None
        if garage is None or direction is None or event.lane_id not in controller.lane_ids:
            raise NotPermitted("this token does not speak for that lane")
        if (event.kind, direction) in WRONG_WAY:
            raise InvalidInput(f"lane {event.lane_id} runs the other way", ("kind", "lane_id"))
        if event.plate.is_token and not event.token_digest:
            raise InvalidInput("the name of a token is no plate: show the token", ("plate", "token"))
        return garage

    async def _by_policy(self, event: GateEvent, garage: Garage) -> Answer:
        decision = self._desk.late(event)
        if decision is None:
            opens = event.kind is not Kind.TURN_BACK
            verdict = barrier(garage.policy.outage) if opens else Verdict.HOLD
            decision = Decision(verdict=verdict, reason=Reason.OUTAGE_POLICY)
        try:
            async with asyncio.timeout(self._spool_timeout_s):
                answered = await self._spool.add(event, decision, self._clock.now())
        except TimeoutError:
            raise OutcomeUnknown("neither the live store nor the local disk answered in time") from None
        self._metrics.spooled.set(len(self._spool))
        return Answer(
            event_id=event.event_id,
            decision=told_at(heard_late(event, answered or decision), garage.policy),
            session_id=None,
            replayed=answered is not None,
        )

    async def replay_spool(self) -> None:
        """Take spooled events to the live store whenever there are any and it answers; runs for ever."""
        while True:
            self._metrics.spooled.set(len(self._spool))
            if not len(self._spool):
                self._spool.added.clear()
                await self._spool.added.wait()
            if not await self._replay_some():
                await asyncio.sleep(REPLAY_PAUSE_S)

    async def _replay_some(self) -> bool:
        taken = []
        for one in self._spool.oldest(REPLAY_BATCH):
            try:
                booked = await self._replayed(one)
            except DependencyError:
                break
            if booked:
                taken.append(one)
        try:
            if taken:
                await self._spool.drop(taken)
        except DependencyError as error:
            log.warning("spool_not_shortened", error=str(error))
            return False
        return bool(taken)

    async def _replayed(self, one: Spooled) -> bool:
        """Whether the live store has taken it; what it cannot book goes to a person and stops nobody."""
        garage = self._catalog.current.garages.get(one.event.garage_id)
        if garage is None:
            return False
        try:
            await self._desk.answer(one.event, garage, given=one.decision)
        except (CallerError, Defect) as error:
            log.warning("spooled_event_set_aside", error=str(error))
            try:
                await self._desk.set_aside(one.event, garage, one.decision)
            except (CallerError, Defect):
                return False
        return True


def _log_defect(failure: Exception) -> None:
    if isinstance(failure, Defect):
        log.error("event_not_answerable", error=str(failure))
