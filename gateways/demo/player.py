"""Plays a day: moves the clock, and lets every step happen at its moment.

The clock is the only thing that hurries. What happens is sent at its moment, and the clock is never more than
a stride of its gates ahead of what is not answered yet: to the service, every car comes and is answered as
on a real day. What concerns one car happens in order. At a :class:`Settle` nothing moves until settlement
has caught up, so that grants and credits are where they would be after minutes of real time; that is what
makes two plays of one seed alike.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final, assert_never

from gateways.demo.drivers import account_of
from gateways.demo.steps import (
    Act,
    Correct,
    Deliver,
    Give,
    LoseToken,
    Pay,
    PayDebt,
    Prepay,
    Report,
    Resolve,
    Settle,
    Step,
    TakeToken,
)  # fmt: skip
from parking.decision import Reason, Verdict
from parking.event import Kind
from parking.ids import EventId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from gateways.demo.gates import GateAnswer
    from gateways.demo.mixed_gates import MixedGates
    from gateways.demo.office import Office
    from gateways.demo.tally import Tally
    from parking.clock import FileClock
    from parking.event import GateEvent
    from parking.ids import GarageId

__all__ = ["COMES_AGAIN_AFTER", "PAYS_AFTER", "Player", "Scene"]

UNDER_WAY_MAX: Final = 64
PAYS_AFTER: Final = timedelta(seconds=45)
COMES_AGAIN_AFTER: Final = timedelta(seconds=60)
"""Both above the stride: they lie ahead when they become known."""
MUST_PAY: Final = frozenset({Reason.NO_GRANT, Reason.OVER_LIMIT})
TICK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a day is played."""

    clock: FileClock
    gates: MixedGates
    office: Office
    tally: Tally
    until_settled: Callable[[], Awaitable[None]]


class Player:
    """Plays steps; ``speed`` is how much faster than life, None as fast as the service answers."""

    def __init__(self, scene: Scene, *, speed: float | None) -> None:
        self._scene = scene
        self._speed = speed
        self._numbers = count()
        self._coming: list[tuple[datetime, int, Step]] = []
        self._under_way: dict[int, datetime] = {}
        """When what is not answered yet happened, oldest first."""
        self._last_of: dict[int, asyncio.Task[None]] = {}
        self._delivering = 0
        self._went_back: dict[tuple[GarageId, str], datetime] = {}
        """Cars whose turning back no gate could say, and when that was."""
        self._reacted: set[tuple[str, EventId]] = set()
        self._progress = asyncio.Event()

    async def play(self, steps: Iterable[Step]) -> None:
        """Play all of them, and what follows from the answers."""
        self._coming = [(step.at, next(self._numbers), step) for step in steps]
        heapify(self._coming)
        if not self._coming:
            return
        first_at, began = self._coming[0][0], asyncio.get_running_loop().time()
        self._move_to(first_at)
        async with asyncio.TaskGroup() as tasks:
            while self._coming or self._under_way:
                await self._go_on(tasks, self._pace(first_at, began))

    def _pace(self, first_at: datetime, began: float) -> datetime | None:
        """How far the clock may be by now."""
        if self._speed is None:
            return None
        passed = asyncio.get_running_loop().time() - began
        return first_at + timedelta(seconds=passed * self._speed)

    async def _go_on(self, tasks: asyncio.TaskGroup, pace: datetime | None) -> None:
        """Begin the next step, or wait for what it must not overtake."""
        if not self._coming or self._must_wait(*self._coming[0][::2]):
            self._progress.clear()
            await self._progress.wait()
            return
        at, _, step = self._coming[0]
        if pace is not None and pace < at:
            self._move_to(pace)
            await asyncio.sleep(TICK_SECONDS)
            return
        heappop(self._coming)
        self._move_to(at)
        if isinstance(step.act, Settle):
            await self._scene.until_settled()
        else:
            self._begin(tasks, step)

    def _must_wait(self, at: datetime, step: Step) -> bool:
        """Whether something must be answered before the clock may be at ``at``."""
        if not self._under_way:
            return False
        oldest_at = next(iter(self._under_way.values()))
        return (
            isinstance(step.act, Settle | Deliver)
            or bool(self._delivering)
            or at - oldest_at > self._scene.gates.stride
            or len(self._under_way) >= UNDER_WAY_MAX
        )

    def _begin(self, tasks: asyncio.TaskGroup, step: Step) -> None:
        before = self._last_of.get(step.car) if step.car is not None else None
        number = next(self._numbers)
        self._under_way[number] = step.at
        task = tasks.create_task(self._do(number, step, before))
        if step.car is not None:
            self._last_of[step.car] = task

    async def _do(self, number: int, step: Step, before: asyncio.Task[None] | None) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        await self._act(step, step.act)
        if step.car is not None and self._last_of.get(step.car) is asyncio.current_task():
            del self._last_of[step.car]
        del self._under_way[number]
        self._progress.set()

    async def _act(self, step: Step, act: Act) -> None:
        scene = self._scene
        match act:
            case Report():
                await self._report(step, act)
            case Deliver():
                await self._deliver(act)
            case Resolve() | Correct() | LoseToken():
                await self._attend(act)
            case Give() | TakeToken():
                await self._hand_out(act)
            case Prepay() | Pay() | PayDebt():
                await self._take_money(step, act)
            case Settle():
                await scene.until_settled()
            case _:
                assert_never(act)

    async def _take_money(self, step: Step, act: Prepay | Pay | PayDebt) -> None:
        match act:
            case Prepay():
                await self._prepay(act)
            case Pay():
                await self._pay(step, act)
            case PayDebt():
                await self._pay_debt(step, act)
            case _:
                assert_never(act)

    async def _hand_out(self, act: Give | TakeToken) -> None:
        """What a driver gets."""
        scene = self._scene
        if isinstance(act, TakeToken):
            await scene.gates.readers.hand_out(act, scene.office)
        else:
            await scene.office.give_coupon(act.event)
            scene.tally.coupons += 1

    async def _attend(self, act: Resolve | Correct | LoseToken) -> None:
        """What an attendant does."""
        scene = self._scene
        if isinstance(act, LoseToken):
            scene.tally.replaced += await scene.gates.readers.replace(act.event, scene.office)
        elif isinstance(act, Correct):
            await scene.office.correct_exit(act.event)
            scene.tally.corrected += 1
        elif await scene.office.resolve(scene.gates.told(act.event) or act.event, act.plate):
            scene.tally.resolved += 1
        else:
            scene.tally.matched += 1

    async def _deliver(self, act: Deliver) -> None:
        """Nothing overtakes it: a car must not come to an exit whose entry is still in a memory."""
        scene = self._scene
        gates, tally = scene.gates, scene.tally
        events = [told for event in act.events if (told := self._told(event)) is not None]
        self._delivering += 1
        answers = await gates.deliver(events)
        tally.delivered += len(events)
        tally.opened_late += sum(answer.verdict is Verdict.OPEN for answer in answers)
        tally.note_all(events, answers)
        for event in events:
            if event.kind is Kind.EXIT and self._has_gone_back(event):
                self._add(Step(at=scene.clock.now() + PAYS_AFTER, car=None, act=Correct(event=event)))
        self._delivering -= 1

    def _told(self, event: GateEvent) -> GateEvent | None:
        """As much as a gate can say, with a note of what none can."""
        told = self._scene.gates.told(event)
        if told is None:
            self._scene.tally.unsaid += 1
            self._went_back[event.garage_id, event.plate.number] = event.captured_at
        return told

    def _has_gone_back(self, event: GateEvent) -> bool:
        went_at = self._went_back.get((event.garage_id, event.plate.number))
        return went_at is not None and went_at < event.captured_at

    async def _report(self, step: Step, act: Report) -> None:
        scene, event = self._scene, self._told(act.event)
        if event is None:
            return
        if act.once_charged:
            await scene.office.cars.until_charged(event)
        for _ in range(act.times):
            answer = await scene.gates.report(event)
            scene.tally.note(event, answer)
            self._react(step, event, answer)

    def _react(self, step: Step, event: GateEvent, answer: GateAnswer) -> None:
        """Whoever is held for money pays; an attendant sees to whoever has been taken for gone."""
        key = (event.garage_id, event.event_id)
        if event.kind is not Kind.EXIT or answer.verdict is Verdict.OPEN or key in self._reacted:
            return
        if answer.reason in MUST_PAY and answer.session_id is not None:
            self._reacted.add(key)
            pay = Pay(event=event, session_id=answer.session_id, amount_fen=answer.amount_fen)
            self._add(Step(at=event.captured_at + PAYS_AFTER, car=step.car, act=pay))
        elif answer.reason is Reason.NO_ENTRY and self._has_gone_back(event):
            self._reacted.add(key)
            self._add(Step(at=event.captured_at + PAYS_AFTER, car=step.car, act=Correct(event=event)))
        elif answer.reason is Reason.DEBT:
            self._reacted.add(key)
            debt = PayDebt(event=event, reference=answer.reference, owed_fen=answer.owed_fen)
            self._add(Step(at=event.captured_at + PAYS_AFTER, car=step.car, act=debt))

    async def _pay(self, step: Step, pay: Pay) -> None:
        await self._scene.office.take_payment(pay.session_id, pay.event, pay.amount_fen)
        self._scene.tally.payments += 1
        self._scene.tally.payments_fen += pay.amount_fen
        self._come_again(step, pay.event)

    async def _prepay(self, act: Prepay) -> None:
        """At a machine that says what there is to pay; one that knows no such car takes no money."""
        scene, event = self._scene, act.event
        session = await scene.office.cars.known_stay(event)
        if session is None:
            return
        fee_fen = await scene.office.fee_fen(event, scene.clock.now())
        await scene.office.take_payment(session["session_id"], event, fee_fen)
        scene.tally.payments += 1
        scene.tally.payments_fen += fee_fen

    async def _pay_debt(self, step: Step, debt: PayDebt) -> None:
        scene = self._scene
        await scene.office.take_debt(debt.reference, debt.event, debt.owed_fen)
        scene.tally.debts += 1
        scene.tally.debts_fen += debt.owed_fen
        if step.car is not None:
            await scene.office.renew_agreement(account_of(step.car))
        self._come_again(step, debt.event)

    def _come_again(self, step: Step, event: GateEvent) -> None:
        """To the camera, once it is paid."""
        at = step.at + COMES_AGAIN_AFTER
        again = replace(event, event_id=EventId(f"{event.event_id}-paid"), captured_at=at)
        self._add(Step(at=at, car=step.car, act=Report(event=again)))

    def _add(self, step: Step) -> None:
        heappush(self._coming, (step.at, next(self._numbers), step))

    def _move_to(self, moment: datetime) -> None:
        if moment > self._scene.clock.now():
            self._scene.clock.move_to(moment)
            self._scene.tally.now = moment
