"""The outage spool: on disk before the answer, once for each event, bounded, there again after a crash."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateways.gates.spool import Spool, open_spool
from parking.decision import Decision, Reason, Verdict
from parking.errors import Busy, Conflict, Unavailable
from parking.event import Candidate, Kind
from tests.scenarios.stage import MIDNIGHT, an_event

if TYPE_CHECKING:
    from pathlib import Path

OPEN = Decision(verdict=Verdict.OPEN, reason=Reason.OUTAGE_POLICY)
LATE = Decision(verdict=Verdict.HOLD, reason=Reason.LATE)


async def test_what_was_added_is_there_after_the_process_has_gone(tmp_path: Path) -> None:
    strange = replace(
        an_event("e2", plate=""), candidates=(Candidate(number='"\x00;\x1f浙', confidence=-0.0),)
    )
    async with open_spool(tmp_path / "spool", events_max=10) as spool:
        assert await spool.add(an_event("e1"), OPEN, MIDNIGHT) is None
        assert await spool.add(strange, LATE, MIDNIGHT) is None
    async with open_spool(tmp_path / "spool", events_max=10) as spool:
        found = [(one.event, one.decision) for one in spool.oldest(10)]
        assert found == [(an_event("e1"), OPEN), (strange, LATE)]
        assert found[1][0].digest() == strange.digest()
        assert spool.added.is_set()
        await spool.drop(spool.oldest(1))
    async with open_spool(tmp_path / "spool", events_max=10) as spool:
        assert [one.event for one in spool.oldest(10)] == [strange]


async def test_the_same_event_gets_the_same_answer_and_another_body_is_a_conflict(tmp_path: Path) -> None:
    async with open_spool(tmp_path, events_max=10) as spool:
        assert spool.known(an_event()) is None
        await spool.add(an_event(), OPEN, MIDNIGHT)
        assert spool.known(an_event()) == OPEN
        assert await spool.add(an_event(), LATE, MIDNIGHT) == OPEN
        with pytest.raises(Conflict):
            spool.known(an_event(confidence=0.5))
        with pytest.raises(Conflict):
            await spool.add(an_event(confidence=0.5), OPEN, MIDNIGHT)
        assert len(spool) == 1


async def test_the_same_event_many_times_at_once_is_kept_once(tmp_path: Path) -> None:
    async with open_spool(tmp_path, events_max=10) as spool:
        async with asyncio.TaskGroup() as tasks:
            added = [tasks.create_task(spool.add(an_event(), OPEN, MIDNIGHT)) for _ in range(50)]
        assert [one.result() for one in added].count(None) == 1
        assert len(spool) == 1
        await spool.drop(spool.oldest(10))
        assert not spool.holds_plate(an_event())
    async with open_spool(tmp_path, events_max=10) as spool:
        assert len(spool) == 0


async def test_a_plate_waits_for_as_long_as_any_event_of_it_does(tmp_path: Path) -> None:
    exit_event = an_event("e2", Kind.EXIT)
    async with open_spool(tmp_path, events_max=10) as spool:
        assert not spool.holds_plate(exit_event)
        await spool.add(an_event("e1"), OPEN, MIDNIGHT)
        assert spool.holds_plate(exit_event)
        assert not spool.holds_plate(an_event("e3", plate="沪A12345"))
        await spool.add(exit_event, OPEN, MIDNIGHT)
        await spool.drop(spool.oldest(1))
        assert spool.holds_plate(exit_event)
        await spool.drop(spool.oldest(1))
        assert not spool.holds_plate(exit_event)


async def test_a_full_spool_is_busy_also_for_many_at_once(tmp_path: Path) -> None:
    async with open_spool(tmp_path, events_max=3) as spool:
        outcomes = list[str]()

        async def add(number: int) -> None:
            try:
                await spool.add(an_event(f"e{number}"), OPEN, MIDNIGHT)
                outcomes.append("kept")
            except Busy:
                outcomes.append("busy")

        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(add(number))
        assert sorted(outcomes) == ["busy"] * 7 + ["kept"] * 3
        await spool.drop(spool.oldest(1))
        await spool.add(an_event("e11"), OPEN, MIDNIGHT)


async def test_a_cancelled_caller_leaves_no_trace_of_itself_in_memory(tmp_path: Path) -> None:
    async with open_spool(tmp_path, events_max=1) as spool:
        async with asyncio.TaskGroup() as tasks:
            adding = tasks.create_task(spool.add(an_event(), OPEN, MIDNIGHT))
            await asyncio.sleep(0)
            adding.cancel()
        assert len(spool) == 0
        assert await spool.add(an_event(), OPEN, MIDNIGHT) is None
        assert not await left_behind(spool)


async def left_behind(spool: Spool) -> bool:
    """Whether anything waits once all that is known is dropped."""
    await spool.drop(spool.oldest(10))
    return bool(len(spool)) or spool.holds_plate(an_event())


async def test_a_second_process_is_refused_the_same_folder(tmp_path: Path) -> None:
    async with open_spool(tmp_path, events_max=3):
        with pytest.raises(Unavailable):
            async with open_spool(tmp_path, events_max=3):
                pass


@pytest.mark.parametrize("harm", ["not_a_database", "page"])
async def test_a_damaged_file_is_kept_aside_and_stops_no_lane(tmp_path: Path, harm: str) -> None:
    file = tmp_path / "spool.sqlite"
    async with open_spool(tmp_path, events_max=1_000) as spool, asyncio.TaskGroup() as tasks:
        for number in range(500):
            tasks.create_task(spool.add(an_event(f"e{number}"), OPEN, MIDNIGHT))
    whole = file.read_bytes()
    damaged = b"x" * 5_000 if harm == "not_a_database" else whole[:8_192] + bytes(8_192) + whole[16_384:]
    for time in (1, 2):
        file.write_bytes(damaged)
        async with open_spool(tmp_path, events_max=10) as spool:
            assert len(spool) == 0
            await spool.add(an_event("after"), OPEN, MIDNIGHT)
        assert (tmp_path / f"spool.damaged-{time}").read_bytes() == damaged
    async with open_spool(tmp_path, events_max=10) as spool:
        assert [one.event.event_id for one in spool.oldest(10)] == ["after"]
