"""Sessions under every order of events: a state machine beside a simple model, on a real Valkey."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from parking.decision import Decision, Reason, Verdict
from parking.errors import Conflict
from parking.event import Kind
from parking.garage import Direction, LeaveFirst, Policy
from parking.ids import session_id_of
from parking.journal import Result
from parking.live.outcomes import Changed, Inside, Remembered, Written
from parking.session import TRANSITIONS, State, Step
from tests.scenarios.stage import GARAGE, MIDNIGHT, an_event, garage_of, stage
from tests.stores import valkey_command

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from parking.desk import Answer
    from parking.event import GateEvent
    from parking.ids import SessionId
    from parking.journal import Record
    from parking.live.sessions import Sessions
    from tests.scenarios.stage import Stage

POLICY = Policy(leave_first=LeaveFirst.EVERYONE, everyone_limit_fen=100_000)
OPEN = Decision(verdict=Verdict.OPEN, reason=Reason.FREE)
HOLD = Decision(verdict=Verdict.HOLD, reason=Reason.NO_GRANT)
PLATES = ("浙A00001", "浙A00002", "沪B00003")


@dataclass
class Model:
    """What a careful person with a list would know of one plate; times are minutes."""

    entered: int | None = None
    left: tuple[int, int] | None = None
    """When it last left, and when that stay had begun; undone at most once."""

    def apply(self, kind: Kind, at: int) -> tuple[Result, Step | None]:
        match kind:
            case Kind.ENTRY:
                return self._enter(at)
            case Kind.EXIT:
                return self._leave(at)
            case _:
                return self._turn_back(at)

    def _enter(self, at: int) -> tuple[Result, Step | None]:
        if self.entered is not None and abs(at - self.entered) <= 15:
            return Result.DUPLICATE, None
        if self.entered is not None and at < self.entered:
            return Result.QUARANTINED, None
        self.entered = at
        return Result.APPLIED, Step.ENTERED

    def _leave(self, at: int) -> tuple[Result, Step | None]:
        if self.entered is None or at < self.entered:
            return Result.QUARANTINED, None
        self.left, self.entered = (at, self.entered), None
        return Result.APPLIED, Step.LEFT

    def _turn_back(self, at: int) -> tuple[Result, Step | None]:
        if self.entered is not None and 0 <= at - self.entered <= 15:
            self.entered = None
            return Result.APPLIED, Step.ENTRY_UNDONE
        if self.entered is None and self.left is not None and 0 <= at - self.left[0] <= 15:
            self.entered, self.left = self.left[1], None
            return Result.APPLIED, Step.EXIT_UNDONE
        return Result.QUARANTINED, None


class AnyOrder(RuleBasedStateMachine):
    """Events of a few plates, in any order, late, repeated, and with ids used for something else."""

    url: str
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.models = {plate: Model() for plate in PLATES}
        self.answered: dict[str, tuple[GateEvent, Answer]] = {}
        self.expected: dict[str, tuple[Result, Step | None]] = {}
        self.now = 600
        self.stage: AbstractAsyncContextManager[Stage] | None = None

    @initialize()
    def open_the_garage(self) -> None:
        assert valkey_command(self.url, "FLUSHALL") == "+OK"
        self.stage = stage(self.url)
        self.on: Stage = self.loop.run_until_complete(self.stage.__aenter__())
        self.garage = garage_of(POLICY)

    @rule(
        plate=st.sampled_from(PLATES),
        kind=st.sampled_from(Kind),
        minutes_later=st.sampled_from([0, 1, 15, 16, 200]),
        minutes_late=st.sampled_from([0, 0, 0, 5, 30, 180]),
    )
    def report(self, plate: str, kind: Kind, minutes_later: int, minutes_late: int) -> None:
        self.now += minutes_later
        name, at = f"e{len(self.answered)}", self.now - minutes_late
        event = an_event(name, kind, at=MIDNIGHT + timedelta(minutes=at), plate=plate, lane="gate")
        answer = self._answer(event)
        self.answered[name] = (event, answer)
        self.expected[name] = self.models[plate].apply(kind, at)
        assert not answer.replayed
        assert (answer.decision.reason is Reason.LATE) == (minutes_late > 2)
        if minutes_late > 2:
            assert answer.decision.verdict is Verdict.HOLD

    @precondition(lambda self: self.answered)
    @rule(chance=st.randoms(use_true_random=False))
    def repeat(self, chance: Random) -> None:
        event, answer = chance.choice(list(self.answered.values()))
        assert self._answer(event) == replace(answer, replayed=True)

    @precondition(lambda self: self.answered)
    @rule(chance=st.randoms(use_true_random=False))
    def misuse_an_id(self, chance: Random) -> None:
        event, _ = chance.choice(list(self.answered.values()))
        with pytest.raises(Conflict):
            self._answer(replace(event, confidence=0.96))

    @invariant()
    def the_journal_has_every_event_once_and_every_step_is_allowed(self) -> None:
        if self.stage is None:
            return
        records = self.loop.run_until_complete(self.on.journal())
        assert {one.event.event_id: (one.result, one.step) for one in records} == self.expected
        assert len(records) == len(self.expected)
        inside = {plate for plate, model in self.models.items() if model.entered is not None}
        assert self.loop.run_until_complete(self.on.sessions.occupancy(GARAGE)) == len(inside)
        assert self.loop.run_until_complete(self._listed()) == inside
        assert_lawful(records)

    @override
    def teardown(self) -> None:
        if self.stage is not None:
            self.loop.run_until_complete(self.stage.__aexit__(None, None, None))

    async def _listed(self) -> set[str]:
        return {number async for page in self.on.sessions.inside(GARAGE) for number in page}

    def _answer(self, event: GateEvent) -> Answer:
        self.on.clock.moment = MIDNIGHT + timedelta(minutes=self.now)
        return self.loop.run_until_complete(self.on.desk.answer(event, self.garage))


def assert_lawful(records: list[Record]) -> None:
    """Each session goes allowed ways alone, and is closed at most once in a version."""
    states: dict[SessionId, State] = {}
    closings: Counter[tuple[SessionId, int]] = Counter()
    for one in records:
        if one.superseded is not None:
            was = one.superseded.session_id
            states[was] = TRANSITIONS[states[was], Step.SUPERSEDED]
        if one.step is not None and one.session is not None:
            name = one.session.session_id
            states[name] = TRANSITIONS[states.get(name, State.NONE), one.step]
            if one.step is Step.LEFT:
                closings[name, one.session.version] += 1
    assert set(closings.values()) <= {1}


def test_any_order_of_events_agrees_with_a_simple_model(valkey_url: str) -> None:
    with asyncio.Runner() as runner:
        AnyOrder.url, AnyOrder.loop = valkey_url, runner.get_loop()
        run_state_machine_as_test(
            AnyOrder,
            settings=settings(
                max_examples=25,
                stateful_step_count=20,
                deadline=None,
                derandomize=True,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )


async def entered(on: Stage) -> Inside:
    """A car inside, as a look finds it."""
    assert not (await on.desk.answer(an_event(), garage_of())).replayed
    found = await on.sessions.take(on.sessions.steps.look(an_event("e2", Kind.EXIT)))
    assert isinstance(found, Inside)
    return found


async def leave(sessions: Sessions, found: Inside, event_id: str, *, overrule: bool = False) -> object:
    assert found.session is not None
    return await sessions.take(
        sessions.steps.leave(
            an_event(event_id, Kind.EXIT),
            found.session,
            decision=OPEN,
            policy=Policy(),
            received_at=MIDNIGHT,
            overrule_hold=overrule,
        )
    )


async def test_a_session_that_changed_since_the_look_is_not_closed(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        found = await entered(on)
        assert isinstance(await leave(on.sessions, found, "e2"), Written)
        before = await on.dump()
        assert isinstance(await leave(on.sessions, found, "e3"), Changed)
        assert await on.dump() == before


async def test_of_many_exits_at_once_one_closes_the_session(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        found = await entered(on)
        async with asyncio.TaskGroup() as tasks:
            left = [tasks.create_task(leave(on.sessions, found, f"x{number}")) for number in range(20)]
        assert Counter(type(one.result()) for one in left) == {Written: 1, Changed: 19}
        assert await on.sessions.occupancy(GARAGE) == 0


async def test_only_a_hold_is_overruled_and_only_once(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        found = await entered(on)
        held = an_event("e2", Kind.EXIT)
        await on.sessions.take(
            on.sessions.steps.note(
                held, decision=HOLD, session_id=None, result=Result.APPLIED, received_at=MIDNIGHT
            )
        )
        assert isinstance(await leave(on.sessions, found, "e2"), Remembered)
        assert isinstance(await leave(on.sessions, found, "e2", overrule=True), Written)
        again = await leave(on.sessions, found, "e2", overrule=True)
        assert again == Remembered(OPEN, session_id_of(GARAGE, an_event().event_id))
        assert [one.event.event_id for one in await on.journal()] == ["e1", "e2", "e2#left"]


async def test_a_turn_back_in_a_lane_for_both_directions_finds_the_entry_first(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await entered(on)
        outcome = await on.sessions.take(
            on.sessions.steps.turn_back(
                an_event("e2", Kind.TURN_BACK),
                decision=OPEN,
                decision_if_no_passage=HOLD,
                direction=Direction.BOTH,
                policy=Policy(),
                received_at=MIDNIGHT,
            )
        )
        assert isinstance(outcome, Written)
        assert outcome.decision == OPEN
        assert await on.sessions.occupancy(GARAGE) == 0
        assert await on.sessions.find(GARAGE, "浙A12345") == Inside(session=None, grant=None)
