"""A car that is read several times as it comes: one passage, by its best read; on a real live store."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateways.gates.protocol import Read
from gateways.gates.tracked_reads import MOMENT, TRACKS_MAX, TrackedReads
from parking.journal import Result
from parking.plate import Colour
from tests.gateways.device_lane import IN, MINUTE, OUT, lane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

    from parking.device import Device
    from parking.ids import GarageId
    from tests.gateways.device_lane import Lane

NEVER = {"settle_ms": "10000"}
EQ, EO = "浙A7690Q", "浙A7690D"


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera that follows cars."""

    at: Lane
    reads: TrackedReads

    async def read(  # noqa: PLR0913 - what a message says
        self,
        number: str,
        confidence: float,
        device: Device = IN,
        *,
        track: str = "1",
        new: bool = False,
        lost: bool = False,
        again: bool = False,
    ) -> bool:
        """One message of a track, or the one before ``again``; whether it opened the barrier."""
        if not again:
            self.at.stage.clock.moment += MOMENT
        (channel,) = device.channels
        read = Read(
            captured_at=self.at.stage.clock.moment,
            number=number,
            colour=Colour.UNKNOWN,
            confidence=confidence,
            identity=f"{track}#{number}",
            channel=channel,
            track=track,
            begins_track=new,
            ends_track=lost,
        )
        return (await self.reads.take(read, self.at.controller, device)).opens

    async def journal(self) -> list[tuple[str, str, Result]]:
        return [(one.event.kind, one.event.plate.number, one.result) for one in await self.at.stage.journal()]


@asynccontextmanager
async def camera(valkey_url: str, folder: Path) -> AsyncIterator[Camera]:
    async with lane(valkey_url, folder) as at, asyncio.TaskGroup() as tasks:

        async def is_inside(garage_id: GarageId, number: str) -> bool:
            return (await at.stage.sessions.find(garage_id, number)).session is not None

        reads = TrackedReads(at.intake, is_inside)
        running = tasks.create_task(reads.run())
        yield Camera(at=at, reads=reads)
        running.cancel()


async def test_an_entry_opens_at_once_and_a_better_read_puts_it_right(
    valkey_url: str, tmp_path: Path
) -> None:
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EQ, 0.9)
        assert not await at.read(EO, 0.96)
        assert not await at.read(EO, 0.95, lost=True)
        assert await at.journal() == [
            ("entry", EQ, Result.APPLIED),
            ("turn_back", EQ, Result.APPLIED),
            ("entry", EO, Result.APPLIED),
        ]
        garage_id = at.at.controller.garage_id
        assert (await at.at.stage.sessions.find(garage_id, EO)).session is not None
        assert (await at.at.stage.sessions.find(garage_id, EQ)).session is None


async def test_a_less_sure_read_changes_nothing(valkey_url: str, tmp_path: Path) -> None:
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        assert not await at.read(EQ, 0.9)
        assert not await at.read("", 1.0)
        assert not await at.read(EO, 0.96, lost=True)
        assert await at.journal() == [("entry", EO, Result.APPLIED)]


async def test_an_exit_waits_until_two_reads_agree(valkey_url: str, tmp_path: Path) -> None:
    out = replace(OUT, options=NEVER)
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        at.at.stage.clock.moment += 5 * MINUTE
        assert not await at.read(EQ, 0.9, out, track="2")
        assert not await at.read(EO, 0.95, out, track="2")
        assert await at.read(EO, 0.95, out, track="2")
        assert not await at.read(EO, 0.95, out, track="2", lost=True)
        assert await at.journal() == [("entry", EO, Result.APPLIED), ("exit", EO, Result.APPLIED)]
        # What else it was read as goes with it, for the matching of unsure reads.
        (_, leaving) = await at.at.stage.journal()
        assert [one.number for one in leaving.event.candidates] == [EQ]


async def test_a_read_that_is_sent_twice_confirms_nothing(valkey_url: str, tmp_path: Path) -> None:
    out = replace(OUT, options=NEVER)
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        at.at.stage.clock.moment += 5 * MINUTE
        sent = [await at.read(EO, 0.95, out, track="2", again=again) for again in (False, True, True, False)]
        assert sent == [False, False, False, True]


async def test_an_exit_that_no_second_read_confirms_is_decided_after_a_moment(
    valkey_url: str, tmp_path: Path
) -> None:
    out = replace(OUT, options={"settle_ms": "50"})
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        at.at.stage.clock.moment += 5 * MINUTE
        assert not await at.read(EO, 0.96, out, track="2")
        async with asyncio.timeout(20):
            while len(await at.journal()) < 2:  # noqa: ASYNC110 - the journal is elsewhere
                await asyncio.sleep(0.01)
        assert (await at.journal())[1] == ("exit", EO, Result.APPLIED)


async def test_a_held_car_is_decided_anew_by_a_better_read(valkey_url: str, tmp_path: Path) -> None:
    out = replace(OUT, options=NEVER)
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        at.at.stage.clock.moment += 5 * MINUTE
        assert not await at.read(EQ, 0.9, out, track="2")
        assert not await at.read(EQ, 0.9, out, track="2")
        assert await at.read(EO, 0.95, out, track="2")


async def test_an_exit_is_put_right_only_if_the_other_car_is_inside(valkey_url: str, tmp_path: Path) -> None:
    out = replace(OUT, options=NEVER)
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        assert await at.read(EQ, 0.96, track="9")
        at.at.stage.clock.moment += 5 * MINUTE
        assert [await at.read(EQ, sure, out, track="2") for sure in (0.9, 0.91)] == [False, True]
        await at.read("浙A00000", 0.99, out, track="2")
        await at.read(EQ, 0.9, out, track="2", lost=True)
        assert len(await at.journal()) == 3
        at.at.stage.clock.moment += 5 * MINUTE
        # EQ is outside again; the next car is EO, first read twice as another that is inside.
        assert await at.read(EQ, 0.96, track="3")
        at.at.stage.clock.moment += 5 * MINUTE
        assert [await at.read(EQ, sure, out, track="4") for sure in (0.9, 0.91)] == [False, True]
        assert not await at.read(EO, 0.97, out, track="4", lost=True)
        assert [one[:2] for one in (await at.journal())[4:]] == [
            ("exit", EQ),
            ("turn_back", EQ),
            ("exit", EO),
        ]


async def test_a_car_that_was_lost_undecided_passed_no_barrier(valkey_url: str, tmp_path: Path) -> None:
    free = replace(OUT, options={"free_flow": "yes"})
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EO, 0.96)
        at.at.stage.clock.moment += 5 * MINUTE
        assert not await at.read(EO, 0.96, OUT, track="2", lost=True)
        assert len(await at.journal()) == 1
        # Where there is none, that is when it is decided on.
        for lost in (False, False, True):
            await at.read(EO, 0.96, free, track="3", lost=lost)
        assert (await at.journal())[1:] == [("exit", EO, Result.APPLIED)]


async def test_a_camera_that_counts_its_cars_anew_tells_of_another_car(
    valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateways.gates.tracked_reads.SILENT_S", 0.0)
    async with camera(valkey_url, tmp_path) as at:
        assert await at.read(EQ, 0.96, new=True)
        async with asyncio.timeout(20):
            while not await at.read(EO, 0.9, new=True):  # noqa: ASYNC110 - the first is settled elsewhere
                await asyncio.sleep(0.02)
        assert await at.journal() == [("entry", EQ, Result.APPLIED), ("entry", EO, Result.APPLIED)]


async def test_what_is_remembered_is_bounded(valkey_url: str, tmp_path: Path) -> None:
    out = replace(OUT, options=NEVER)
    async with camera(valkey_url, tmp_path) as at:
        for number in range(TRACKS_MAX + 50):
            await at.read(EO, 0.96, out, track=str(number))
        assert await at.journal() == []
        # The oldest is forgotten, so its second read is a first one; the newest is known.
        assert not await at.read(EO, 0.96, out, track="0")
        await at.read(EO, 0.96, out, track=str(TRACKS_MAX + 49))
        assert len(await at.journal()) == 1
