"""``leave-first tariff plot``: what is drawn, and what is not replaced."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from click.testing import CliRunner

from gateways.commands.tariff import tariff_command
from gateways.tariff_file import load_schedule
from gateways.tariff_words import plate_of
from parking.pricing import Stay, price_by_schedule

if TYPE_CHECKING:
    import pytest

    from parking.proof import Price
    from parking.tariff import TariffSchedule

SHOPPING = Path(__file__).parents[2] / "config" / "tariffs" / "shopping-complex.toml"
SUMMER_TIME = SHOPPING.with_name("summer-time.toml")


def drawn(path: Path, out: Path, *entries: str) -> str:
    """The picture of a price list from these entries."""
    words = [word for entry in entries for word in ("--entry", entry)]
    ran = CliRunner().invoke(tariff_command, ["plot", str(path), "--out", str(out), *words])
    assert ran.exit_code == 0, ran.output
    return out.read_text(encoding="utf-8")


def test_the_picture_names_entries_in_the_garages_time(tmp_path: Path) -> None:
    entries = ("2026-10-25T00:30Z", "2026-10-25T01:30Z", "2026-06-01T10:00Z")
    legend = drawn(SUMMER_TIME, tmp_path / "price.svg", *entries)
    for entry in ("Sun 25 Oct 2026 02:30+02:00", "Sun 25 Oct 2026 02:30+01:00", "Mon 01 Jun 2026 12:00<"):
        assert entry in legend


def test_a_wrong_entry_of_a_drawing_is_told_with_its_option(tmp_path: Path) -> None:
    words = ["plot", str(SHOPPING), "--out", str(tmp_path / "price.svg"), "--entry", "nonsense"]
    ran = CliRunner().invoke(tariff_command, words)
    told = "--entry: not a moment, as 2026-03-02T10:00: nonsense"
    assert (ran.exit_code, ran.output) == (1, f"Error: {told}\n")


def test_entries_that_cost_the_same_share_a_line_that_names_them_all(tmp_path: Path) -> None:
    entries = ("2026-03-02T08:00", "2026-03-02T20:00", "2026-03-02T09:00")
    picture = drawn(SHOPPING, tmp_path / "price.svg", *entries)
    assert "Mon 02 Mar 2026 08:00, Mon 02 Mar 2026 09:00<" in picture
    assert picture.count('class="line reactive nofill"') == 2


def test_the_picture_is_an_svg_with_a_line_for_each_entry(tmp_path: Path) -> None:
    out = tmp_path / "price.svg"
    words = ["plot", str(SHOPPING), "--out", str(out), "--entry", "2026-03-02T10:00", "--hours", "12"]
    ran = CliRunner().invoke(tariff_command, words)
    assert ran.exit_code == 0, ran.output
    text = " ".join(ET.fromstring(out.read_text(encoding="utf-8")).itertext())  # noqa: S314 - our own
    assert "Mon 02 Mar 2026 10:00" in text
    assert "Shopping complex" in text


def test_a_drawing_does_not_replace_its_price_list(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_bytes(SHOPPING.read_bytes())
    out = tmp_path / "price.svg"
    out.symlink_to(path)
    ran = CliRunner().invoke(tariff_command, ["plot", str(path), "--out", str(out)])
    assert (ran.exit_code, ran.output) == (1, f"Error: --out: {out}: is the price list itself\n")
    assert path.read_bytes() == SHOPPING.read_bytes()


def test_the_picture_is_that_of_the_plate_on_its_ground(tmp_path: Path) -> None:
    out = tmp_path / "price.svg"
    highest = {}
    for colour in ("blue", "green"):
        words = ["plot", str(SHOPPING), "--out", str(out), "--entry", "2026-03-02T08:00", "--colour", colour]
        assert CliRunner().invoke(tariff_command, words).exit_code == 0
        *_, highest[colour] = re.findall(r'<text x="-5"[^>]*>(\d+)</text>', out.read_text(encoding="utf-8"))
    assert highest == {"blue": "120", "green": "60"}


def test_two_weeks_are_drawn_by_pricing_few_of_their_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    priced: list[Stay] = []

    def counted(stay: Stay, schedule: TariffSchedule) -> Price:
        priced.append(stay)
        return price_by_schedule(stay, schedule)

    monkeypatch.setattr("gateways.tariff_picture.price_by_schedule", counted)
    words = ["plot", str(SHOPPING), "--out", str(tmp_path / "price.svg"), "--hours", "336"]
    assert CliRunner().invoke(tariff_command, [*words, "--entry", "2026-03-02T08:00"]).exit_code == 0
    assert len(priced) < 336 * 60 // 5


def test_the_corners_of_a_picture_are_those_of_every_minute(tmp_path: Path) -> None:
    schedule, entry = load_schedule(SHOPPING), datetime.fromisoformat("2026-03-02T20:17+08:00")
    found = drawn(SHOPPING, tmp_path / "price.svg", entry.isoformat())
    stays = [
        Stay(entered_at=entry, left_at=entry + timedelta(minutes=minute), plate=plate_of("浙A12345", None))
        for minute in range(36 * 60 + 1)
    ]
    prices = [price_by_schedule(stay, schedule).amount_fen for stay in stays]
    rises = sum(before != after for before, after in pairwise(prices))
    (path,) = re.findall(r'<path d="([^"]*)"[^>]*class="line reactive nofill"', found)
    assert len(re.findall(r"[-\d.]+ [-\d.]+", path)) == 2 * rises + 2


def test_a_drawing_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    out, reason = tmp_path / "nowhere" / "price.svg", "No such file or directory"
    ran = CliRunner().invoke(tariff_command, ["plot", str(SHOPPING), "--out", str(out)])
    assert (ran.exit_code, ran.output) == (1, f"Error: --out: {out}: cannot be written: {reason}\n")
