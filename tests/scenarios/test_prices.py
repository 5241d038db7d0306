"""Prices every row of the tables in ``prices/`` and compares the amounts and the lines."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path

import pytest

from gateways.calendars import calendar_of
from gateways.tariff_tables import TariffTable, built
from gateways.tariff_words import plate_of, stay_of
from parking.coupon import CouponKind
from parking.pricing import price
from parking.proof import ProofLine
from parking.tariff import Tariff, choices

FOLDER = Path(__file__).parent / "prices"
ZONE = "Asia/Shanghai"
MONDAY = date(2026, 3, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    title: str
    settings: str
    entry: str
    leave: str
    given: list[str]
    expected: str


def rows(path: Path) -> list[Row]:
    """The rows of a file, each with the list of its scenario before its own settings."""
    found: list[Row] = []
    title = ""
    lines: list[str] = []
    for raw in path.read_text(encoding="utf-8").splitlines():
        if raw.startswith("=="):
            title, lines = raw.removeprefix("==").strip(), []
        elif raw.startswith("list  "):
            lines.append(raw.removeprefix("list  "))
        elif raw and not raw.startswith("#"):
            before, _, expected = raw.partition("->")
            fields, entry, leave, *given = re.split(r"\s{2,}|(?<=\")\s(?=\d)", before.strip())
            settings = "\n".join([*lines, *fields.split(";")])
            found.append(
                Row(
                    title=f"{title}: {fields} {entry}-{leave}", settings=settings, entry=entry, leave=leave,
                    given=" ".join(given).split(), expected=" ".join(expected.split()),
                )
            )  # fmt: skip
    return found


ROWS = [row for path in sorted(FOLDER.glob("*.txt")) for row in rows(path)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_a_row_costs_what_it_says(row: Row) -> None:
    table = TariffTable.model_validate(tomllib.loads(row.settings))
    tariff = built(table, Tariff, calendar_of(table.calendar), tariff_id="any", name="Any", zone=ZONE)
    told = {
        name: [one.partition("=")[2] for one in row.given if one.startswith(f"{name}=")] for name in GIVEN
    }
    plate = plate_of((told["plate"] or ["浙A12345"])[0], next(iter(told["colour"]), None))
    words = (told["pass"], told["coupon"], told["earlier"])
    found = price(stay_of(moment(row.entry), moment(row.leave), plate, ZONE, words), tariff)
    assert f"{found.amount_fen} {', '.join(map(written, found.lines))}" == row.expected


def test_every_named_choice_stands_in_a_table() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.txt"))
    named: list[type[StrEnum]] = [getattr(choices, name) for name in choices.__all__]
    values = {one.value for choice in named for one in choice}
    missing = {value for value in values if f'"{value}"' not in text}
    # Days are named by the calendar; a change of version needs two lists, and has a test of its own.
    assert missing <= {"weekday", "weekend", "holiday", "make_up_day", "kept", "split", "total"}
    assert all(kind.value in text for kind in CouponKind)


GIVEN = ("plate", "colour", "pass", "coupon", "earlier")


def moment(text: str) -> datetime:
    """``+1 20:30`` is Tuesday evening."""
    days, _, clock = text.rpartition(" ")
    return datetime.combine(MONDAY + timedelta(days=int(days or 0)), time.fromisoformat(clock))


def written(line: ProofLine) -> str:
    """A line as the tables write it; passes and coupons without their names."""
    named = (
        f"{line.rule} {line.name}"
        if line.rule.value.startswith(("blocks", "flat", "window", "vehicle"))
        else line.rule
    )
    return f"{named.strip()} {line.amount_fen}"
