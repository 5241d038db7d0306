"""Time: whole milliseconds, one clock for many, and summer time nowhere."""

from __future__ import annotations

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
