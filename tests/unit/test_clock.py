"""Time: whole milliseconds, one clock for many, and summer time nowhere."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from parking.clock import FileClock, SystemClock, from_ms, to_ms

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)


@given(milliseconds=st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_milliseconds_survive(milliseconds: int) -> None:
    assert to_ms(from_ms(milliseconds)) == milliseconds


def test_less_than_a_millisecond_is_dropped_downwards() -> None:
    assert to_ms(datetime(1970, 1, 1, 0, 0, 0, 1999, tzinfo=UTC)) == 1
    assert to_ms(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    assert to_ms(first.replace(fold=1)) - to_ms(first) == 3_600_000


FLIPS = """
from pathlib import Path
from parking.clock import FileClock, from_ms
clock = FileClock(Path({path!r}))
for _ in range(100_000):
    clock.move_to(from_ms({one}))
    clock.move_to(from_ms({other}))
"""


def test_nobody_sees_half_of_a_time_while_another_process_moves_the_clock(tmp_path: Path) -> None:
    path, one, other = tmp_path / "clock", 0x0101_0101_0101, 0x0202_0202_0202
    clock, seen = FileClock(path, start=from_ms(one)), set()
    program = FLIPS.format(path=str(path), one=one, other=other)
    with subprocess.Popen([sys.executable, "-c", program]) as player:  # noqa: S603 - that of above
        while player.poll() is None:
            seen |= {to_ms(clock.now()) for _ in range(1000)}
    assert player.returncode == 0
    assert seen == {one, other}


def test_a_file_clock_stands_still_until_it_is_moved_and_is_one_for_all(tmp_path: Path) -> None:
    player = FileClock(tmp_path / "clock", start=START)
    service = FileClock(tmp_path / "clock")
    assert (player.now(), service.now()) == (START, START)
    player.move_to(START + timedelta(hours=9, milliseconds=7))
    assert service.now() == START + timedelta(hours=9, milliseconds=7)
    assert service.now().tzinfo is UTC


def test_the_system_clock_is_in_utc_and_goes_on() -> None:
    clock = SystemClock()
    earlier, later = clock.now(), clock.now()
    assert earlier.tzinfo is UTC
    assert timedelta(0) <= later - earlier < timedelta(minutes=1)
