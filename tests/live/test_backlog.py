"""A backlog beside the same events one by one: same answers, same journal, and failures that stay alone."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from parking.backlog import answer_backlog
from parking.decision import Reason
from parking.desk import Answer
from parking.errors import Conflict, Defect, LeaveFirstError, Unavailable
from parking.event import Kind
from parking.garage import LeaveFirst, Policy
from parking.live.sessions import STEPS_PER_CALL
from parking.session import Step
from tests.scenarios.stage import GARAGE, MIDNIGHT, an_event, garage_of, stage
from tests.stores import valkey_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.backlog import Failure
    from parking.event import GateEvent
    from tests.scenarios.stage import Stage

EVERYONE = garage_of(Policy(leave_first=LeaveFirst.EVERYONE, everyone_limit_fen=100_000))
PLATES = ("浙A00001", "浙A00002", "沪B00003", "粤Z0004港", "")


async def all_at_once(on: Stage, events: Sequence[GateEvent]) -> list[Answer | Failure]:
    return await answer_backlog(on.desk, events, EVERYONE, deadline=nullcontext)


async def one_by_one(on: Stage, events: Sequence[GateEvent]) -> list[Answer | Failure]:
    answers: list[Answer | Failure] = []
    for event in events:
        try:
            answers.append(await on.desk.answer(event, EVERYONE))
        except LeaveFirstError as error:
            answers.append(error)
    return answers


async def inside(on: Stage) -> list[str]:
    return sorted([number async for page in on.sessions.inside(GARAGE) for number in page])


def told(answers: Sequence[Answer | Failure]) -> list[object]:
    return [one if isinstance(one, Answer) else type(one) for one in answers]


def some_events(chance: Random, count: int) -> list[GateEvent]:
    """Passages of a few plates in any order, some reported twice, some ids used for something else."""
    events: list[GateEvent] = []
    for number in range(count):
        event = an_event(
            f"e{number}",
            chance.choice(list(Kind)),
            at=MIDNIGHT + timedelta(minutes=chance.randint(-300, 3)),
            plate=chance.choice(PLATES),
            lane="gate",
        )
        earlier = chance.choice(events) if events and chance.random() < 0.25 else None
        if earlier is not None:
            misused = replace(event, event_id=earlier.event_id)
            event = earlier if chance.random() < 0.6 else misused
        events.append(event)
    return events


@pytest.mark.parametrize("seed", range(8))
async def test_a_backlog_is_answered_and_journalled_as_its_events_one_by_one(
    valkey_url: str, seed: int
) -> None:
    events = some_events(Random(seed), 60)
    async with stage(valkey_url) as on:
        expected = told(await one_by_one(on, events))
        expected_inside = await inside(on)
        expected_journal = await on.journal()
        assert valkey_command(valkey_url, "FLUSHALL") == "+OK"
    async with stage(valkey_url) as on:
        assert told(await all_at_once(on, events)) == expected
        assert await inside(on) == expected_inside
        journal = await on.journal()
        by_plate = [
            [
                [
                    (one.event, one.result, one.decision, one.step)
                    for one in records
                    if one.event.plate.number == plate
                ]
                for plate in PLATES
            ]
            for records in (journal, expected_journal)
        ]
        assert by_plate[0] == by_plate[1]
        assert Conflict in expected
        assert told(await all_at_once(on, events))[0] == replace(await _first(on, events), replayed=True)


async def _first(on: Stage, events: Sequence[GateEvent]) -> Answer:
    return await on.desk.answer(events[0], EVERYONE)


async def test_a_backlog_longer_than_a_call_keeps_every_car_apart(valkey_url: str) -> None:
    cars = [f"浙A{number:05}" for number in range(2 * STEPS_PER_CALL + 1)]
    entries = [an_event(f"in-{plate[2:]}", plate=plate) for plate in cars]
    exits = [an_event(f"out-{plate[2:]}", Kind.EXIT, plate=plate) for plate in cars]
    async with stage(valkey_url) as on:
        answers = await all_at_once(on, [*entries, *exits])
        assert [one.event_id for one in answers if isinstance(one, Answer)] == [
            one.event_id for one in [*entries, *exits]
        ]
        assert await on.sessions.occupancy(GARAGE) == 0
        records = await on.journal()
        assert [one.step for one in records].count(Step.ENTERED) == len(cars)
        assert [one.step for one in records].count(Step.LEFT) == len(cars)
        assert all(one.session is not None and one.session.plate == one.event.plate for one in records)


async def test_a_step_that_the_store_fails_at_harms_no_other(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        broken = on.sessions.steps.find(GARAGE, "浙A00001").keys[0]
        assert valkey_command(valkey_url, "SET", broken, "no hash") == "+OK"
        events = [an_event(f"e{number}", plate=f"浙A0000{number}") for number in range(3)]
        answers = await all_at_once(on, events)
        assert told([answers[1]]) == [Defect]
        others = [one.decision.reason for one in answers if isinstance(one, Answer)]
        assert others == [Reason.ENTRY, Reason.ENTRY]
        assert [one.event.event_id for one in await on.journal()] == ["e0", "e2"]


async def test_without_the_live_store_every_event_says_so(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        on.live.stop()
        await asyncio.sleep(0.05)
        answers = await all_at_once(on, [an_event("e1"), an_event("e2", plate="沪B00003")])
        assert told(answers) == [Unavailable, Unavailable]
