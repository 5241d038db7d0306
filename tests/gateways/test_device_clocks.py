"""How wrong a device's clock is; a message that was late does not make it slow. On a real live store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gateways.gates.protocol import Heartbeat
from parking.decision import Reason
from parking.journal import Result
from tests.gateways.device_lane import IN, MINUTE, OUT, lane

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateways.device_lane import Lane

HEARTBEAT = timedelta(seconds=30)


async def heartbeats(at: Lane, *ahead: timedelta) -> None:
    """One heartbeat after the other, each with a clock that is so much ahead."""
    for one in ahead:
        at.stage.clock.moment += HEARTBEAT
        await at.intake.take(Heartbeat(device_time=at.stage.clock.moment + one), at.controller, IN)


@pytest.mark.parametrize("ahead", [5 * MINUTE, 60 * MINUTE])
async def test_a_clock_that_was_put_back_is_known_after_three_heartbeats(
    ahead: timedelta, valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        await heartbeats(at, *[ahead] * 8, *[MINUTE] * 3)
        now = at.stage.clock.moment
        # Neither taken for one of the past nor kept for a person, and charged from now.
        assert await at.read(captured_at=now + MINUTE, history=False) == (True, Reason.ENTRY)
        (entry,) = await at.stage.journal()
        assert entry.event.captured_at == now


@pytest.mark.parametrize("ahead", [5 * MINUTE, 60 * MINUTE])
async def test_a_clock_that_was_put_right_is_known_by_its_next_heartbeat(
    ahead: timedelta, valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        await heartbeats(at, ahead, ahead, timedelta(seconds=-1))
        # As one that a device kept: it measures no clock, and goes by what the heartbeat has said.
        past = at.stage.clock.moment - MINUTE
        assert await at.read(captured_at=past, history=True) == (False, Reason.LATE)
        (entry,) = await at.stage.journal()
        assert entry.event.captured_at == past


async def test_a_slow_clock_is_put_right_once_two_heartbeats_agree(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        await heartbeats(at, -5 * MINUTE, -5 * MINUTE)
        now = at.stage.clock.moment
        assert await at.read(captured_at=now - 5 * MINUTE, history=False) == (True, Reason.ENTRY)
        (entry,) = await at.stage.journal()
        assert entry.event.captured_at == now


@pytest.mark.parametrize("known", [timedelta(), 10 * MINUTE, None])
async def test_reads_that_waited_somewhere_open_nothing_though_their_device_calls_them_live(
    known: timedelta | None, valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        if known is not None:
            await heartbeats(at, known)
        now = at.stage.clock.moment
        for number in range(12):
            # One of them has waited as long as the clock is ahead, and seems to be of a clock that is right.
            made = now - (60 - 5 * number) * MINUTE + (known or timedelta())
            opens, _ = await at.read(number=f"浙A100{number:02}", captured_at=made, history=False)
            assert not opens
        times = [one.event.captured_at for one in await at.stage.journal()]
        assert times == [now - (60 - 5 * number) * MINUTE for number in range(12)]


async def test_who_comes_by_a_late_read_of_an_unknown_clock_is_asked_of_a_person(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        past = at.stage.clock.moment - 60 * MINUTE
        assert await at.read(captured_at=past, history=False) == (False, Reason.CLOCK)
        assert await at.results() == [Result.QUARANTINED]
        await heartbeats(at, timedelta())
        assert await at.read(OUT, number="浙A00000", captured_at=past, history=False) == (False, Reason.LATE)
