"""The retry schedule, and the file that it is read from."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateways.retry_file import load_retry_schedule
from parking.errors import InvalidInput
from settlement.retry import STANDARD, Schedule

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SHIPPED = Path(__file__).parents[2] / "config" / "retry.toml"


def test_the_shipped_file_is_the_standard_schedule() -> None:
    assert load_retry_schedule(SHIPPED) == STANDARD


def test_the_standard_schedule_tries_eight_times_within_fourteen_days() -> None:
    assert len(STANDARD.retries) + 1 == 8
    assert sum(STANDARD.retries, timedelta()) <= 14 * DAY


def test_the_standard_schedule_asks_soon_and_then_daily_for_five_days() -> None:
    assert STANDARD.questions == (MINUTE, 5 * MINUTE, HOUR, DAY, DAY, DAY, DAY, DAY)


def test_waits_are_used_in_order_and_then_used_up() -> None:
    schedule = Schedule(retries=(HOUR, DAY), questions=(MINUTE, HOUR))
    assert [schedule.retry_after(attempts) for attempts in (1, 2, 3, 99)] == [HOUR, DAY, None, None]
    assert [schedule.ask_after(asked) for asked in (0, 1, 2, 99)] == [MINUTE, HOUR, None, None]


def test_a_schedule_may_never_retry_but_must_ask() -> None:
    assert Schedule(retries=(), questions=(MINUTE,)).retry_after(1) is None
    with pytest.raises(InvalidInput) as caught:
        Schedule(retries=(), questions=())
    assert caught.value.fields == ("questions",)


@pytest.mark.parametrize("wait", [timedelta(), -MINUTE, 32 * DAY])
def test_a_wait_is_above_zero_and_at_most_a_month(wait: timedelta) -> None:
    with pytest.raises(InvalidInput) as caught:
        Schedule(retries=(HOUR, wait), questions=(MINUTE,))
    assert caught.value.fields == ("retries.1",)


def test_a_schedule_has_an_end() -> None:
    with pytest.raises(InvalidInput):
        Schedule(retries=(HOUR,) * 101, questions=(MINUTE,))


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('retries = ["1h"]', "questions", "required"),
        ('retries = ["1h"]\nquestions = ["1m"]', "questions.0", "whole number with its unit"),
        ('retries = ["1h"]\nquestions = [60]', "questions.0", "whole number with its unit"),
        ('retries = ["-1h"]\nquestions = ["1min"]', "retries.0", "whole number with its unit"),
        ('retries = ["0h"]\nquestions = ["1min"]', "retries.0", "above zero"),
        ('retries = ["1h"]\nquestions = ["40d"]', "questions.0", "at most 31 days"),
        ('retries = ["1h"]\nquestions = ["1min"]\nretires = []', "retires", "not permitted"),
        ("retries = [", "", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, place: str, reason: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        load_retry_schedule(path)
    assert f"{path}: {place}" in str(caught.value)
    assert reason in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_retry_schedule(tmp_path / "none.toml")
