"""``leave-first tariff``: what it shows, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateways.commands.tariff import tariff_command

SHOPPING = Path(__file__).parents[2] / "config" / "tariffs" / "shopping-complex.toml"
OFFICE = SHOPPING.with_name("office.toml")
MONDAY = ("--tariff", str(SHOPPING), "--entry", "2026-03-02T10:00", "--exit", "2026-03-02T12:10")

WORKED = {
    "2026-03-02T10:00 2026-03-02T10:30": """
        Mon 03-02 10:00:00 Mon 03-02 10:30:00 1 × 0.00 0.00 free minutes
        CNY 0.00""",
    "2026-03-02T10:00 2026-03-02T10:30:01": """
        Mon 03-02 10:00:00 Mon 03-02 11:00:00 1 × 8.00 8.00 first tier
        CNY 8.00""",
    "2026-03-02T10:00 2026-03-02T12:10 --plate 浙AD12345": """
        Mon 03-02 10:00:00 Mon 03-02 11:00:00 1 × 8.00 8.00 first tier
        Mon 03-02 11:00:00 Mon 03-02 12:30:00 3 × 4.00 12.00 blocks
        Mon 03-02 10:00:00 Mon 03-02 12:10:00 1 × -10.00 -10.00 vehicle: new energy
        CNY 10.00""",
    "2026-03-02T10:00 2026-03-02T12:10 --coupon minutes:120@shop": """
        Mon 03-02 10:10:00 Mon 03-02 12:10:00 1 × 0.00 0.00 coupon minutes: 1 minutes:120 \
(funded by shop, worth 20.00)
        Mon 03-02 10:00:00 Mon 03-02 10:10:00 1 × 0.00 0.00 free minutes
        CNY 0.00""",
    "2026-03-02T21:40 2026-03-03T00:10": """
        Mon 03-02 21:40:00 Mon 03-02 22:40:00 1 × 8.00 8.00 first tier
        Mon 03-02 22:40:00 Tue 03-03 00:40:00 2 × 2.00 4.00 blocks: night
        CNY 12.00""",
    "2026-03-02T09:00 2026-03-04T10:00": """
        Mon 03-02 09:00:00 Mon 03-02 10:00:00 1 × 8.00 8.00 first tier
        Mon 03-02 10:00:00 Mon 03-02 22:00:00 24 × 4.00 96.00 blocks
        Mon 03-02 22:00:00 Tue 03-03 07:00:00 9 × 2.00 18.00 blocks: night
        Tue 03-03 07:00:00 Tue 03-03 09:00:00 4 × 4.00 16.00 blocks
        Mon 03-02 09:00:00 Tue 03-03 09:00:00 1 × -78.00 -78.00 day cap
        Tue 03-03 09:00:00 Wed 03-04 09:00:00 1 × 60.00 60.00 days alike
        Wed 03-04 09:00:00 Wed 03-04 10:00:00 1 × 8.00 8.00 first tier
        CNY 128.00""",
}
"""Stays at the shopping complex, and every line of their proofs."""


@pytest.mark.parametrize("stay", WORKED)
def test_every_line_of_a_worked_example_is_shown(stay: str) -> None:
    entry, leave, *more = stay.split()
    words = ["explain", "--tariff", str(SHOPPING), "--entry", entry, "--exit", leave, *more]
    ran = CliRunner().invoke(tariff_command, words)
    shown = [" ".join(line.split()) for line in ran.output.splitlines()][1:]
    expected = [line.strip() for line in WORKED[stay].strip().splitlines()]
    assert ran.exit_code == 0, ran.output
    assert [*shown[:-1], shown[-1].partition(" shopping-complex@")[0]] == expected


def test_a_price_is_explained_line_by_line() -> None:
    ran = CliRunner().invoke(tariff_command, ["explain", *MONDAY])
    lines = [" ".join(line.split()) for line in ran.output.splitlines()]
    assert ran.exit_code == 0
    assert lines[1:3] == [
        "Mon 03-02 10:00:00 Mon 03-02 11:00:00 1 × 8.00 8.00 first tier",
        "Mon 03-02 11:00:00 Mon 03-02 12:30:00 3 × 4.00 12.00 blocks",
    ]
    assert lines[3].startswith("CNY 20.00 shopping-complex@")


def test_the_json_form_adds_up_and_names_who_funds_a_coupon() -> None:
    words = ("--coupon", "minutes:120@shop", "--json")
    found = json.loads(CliRunner().invoke(tariff_command, ["explain", *MONDAY, *words]).output)
    assert found["amount_fen"] == sum(line["amount_fen"] for line in found["lines"]) == 0
    (coupon,) = [line for line in found["lines"] if line["rule"] == "coupon_minutes"]
    assert (coupon["funder"], coupon["worth_fen"]) == ("shop", 2000)


@pytest.mark.parametrize(
    ("entry", "leave", "missing"),
    [
        ("2026-12-31T10:00", "2026-12-31T12:00", []),
        ("2026-12-31T22:00", "2027-01-01T02:00", [2027]),
        # The office is eight hours ahead: it is 2027 there, and 2026 there.
        ("2026-12-31T20:00Z", "2026-12-31T22:00Z", [2027]),
        ("2027-01-01T00:30+14:00", "2027-01-01T01:30+14:00", []),
        ("2025-12-31T22:00", "2028-01-01T02:00", [2025, 2027, 2028]),
    ],
)
def test_the_years_of_a_stay_that_the_calendar_has_not_are_told(
    entry: str, leave: str, missing: list[int]
) -> None:
    words = ["explain", "--tariff", str(OFFICE), "--entry", entry, "--exit", leave]
    told = CliRunner().invoke(tariff_command, words).stderr
    years = ", ".join(map(str, missing))
    assert told == (f"The calendar of this list does not hold {years}, only 2026.\n" if missing else "")
    found = json.loads(CliRunner().invoke(tariff_command, [*words, "--json"]).output)
    assert found["calendar_years_missing"] == missing


def test_the_ground_of_a_new_energy_number_is_known_without_being_said() -> None:
    ran = CliRunner().invoke(tariff_command, ["explain", *MONDAY, "--plate", "浙AD12345", "--json"])
    assert json.loads(ran.output)["amount_fen"] == 1000


def test_the_first_example_that_differs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    text = SHOPPING.read_text(encoding="utf-8")
    path.write_text(text.replace("price_fen = 2000", "price_fen = 2001"), encoding="utf-8")
    ran = CliRunner().invoke(tariff_command, ["check", str(SHOPPING), str(path)])
    assert ran.exit_code == 1
    assert f"{SHOPPING}: 9 examples as written" in ran.output
    assert f"{path}: examples[2]: costs 2000 and not 2001" in ran.output


def test_a_list_without_examples_has_not_been_checked(tmp_path: Path) -> None:
    path = priced_with_window(tmp_path, "all day")
    ran = CliRunner().invoke(tariff_command, ["check", str(path)])
    assert (ran.exit_code, ran.output) == (1, f"Error: {path}: examples: none, so nothing was checked\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--coupon", "magic:3"), "--coupon: magic:3: no kind of coupon"),
        (("--coupon", "minutes"), "--coupon: minutes: not a whole number of up to 9 digits: ''"),
        (("--coupon", f"amount:{'9' * 5000}"), "--coupon: 1 to 200 characters that can be printed"),
        (
            ("--coupon", "amount:100@a", "--coupon", "percent:120@b"),
            "--coupon: percent:120@b: a coupon for percent takes off 1 to 100 percent",
        ),
        (("--pass", "x"), "--pass: x: two moments with a slash between"),
        (("--pass", "2026-03-02/y"), "--pass: 2026-03-02/y: not a moment, as 2026-03-02T10:00: y"),
        (
            ("--earlier", "2026-03-02/2026-03-01=1"),
            "--earlier: 2026-03-02/2026-03-01=1: ends before it begins",
        ),
        (("--coupon", "free_stay:5"), "--coupon: free_stay:5: a free stay has no number"),
        (
            ("--earlier", "2026-03-02T09:00/2026-03-02T10:01=0"),
            "--earlier: 2026-03-02T09:00/2026-03-02T10:01=0: ends after the entry",
        ),
        (("--entry", "nonsense"), "--entry: not a moment, as 2026-03-02T10:00: nonsense"),
        (("--exit", "2226-03-02"), "--exit: not in the years 1970 to 2199: 2226-03-02T00:00:00"),
        (("--exit", "2026-03-01T10:00"), "--exit: the exit lies before the entry"),
        (("--plate", "浙A*12"), "--plate: '浙A*12': a plate has letters and digits only"),
    ],
)
def test_a_wrong_word_is_told_in_a_sentence_with_its_option(words: tuple[str, ...], told: str) -> None:
    ran = CliRunner().invoke(tariff_command, ["explain", *MONDAY, *words])
    assert (ran.exit_code, ran.output) == (1, f"Error: {told}\n")


SUMMER_TIME = SHOPPING.with_name("summer-time.toml")
TWICE = "on that day; write the offset, +02:00 or +01:00"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--entry 2026-03-29T02:30 --exit 2026-03-29T03:15", "--entry: there is no 02:30 on that day"),
        ("--entry 2026-03-29T01:00 --exit 2026-03-29T02:00", "--exit: there is no 02:00 on that day"),
        (
            "--entry 2026-10-25T02:30 --exit 2026-10-25T03:15",
            f"--entry: there are two 02:30 {TWICE}",
        ),
        (
            "--entry 2026-10-25T01:30 --exit 2026-10-25T05:15 --pass 2026-10-25T02:00/2026-10-26",
            f"--pass: 2026-10-25T02:00/2026-10-26: there are two 02:00 {TWICE}",
        ),
    ],
)
def test_a_time_that_the_clock_skips_or_shows_twice_is_refused(words: str, told: str) -> None:
    ran = CliRunner().invoke(tariff_command, ["explain", "--tariff", str(SUMMER_TIME), *words.split()])
    assert (ran.exit_code, ran.output) == (1, f"Error: {told}\n")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            "--entry 2026-10-25T02:30+02:00 --exit 2026-10-25T03:30",
            "Sun 10-25 02:30:00+02:00 Sun 10-25 03:30:00 4 × 0.50 2.00 blocks: small hours",
        ),
        (
            "--entry 2026-12-31T22:30 --exit 2027-01-01T01:30",
            "Thu 2026-12-31 22:30:00 Fri 2027-01-01 01:30:00 3 × 2.00 6.00 blocks",
        ),
    ],
)
def test_a_time_of_a_proof_has_its_offset_or_year_where_it_is_needed(words: str, shown: str) -> None:
    ran = CliRunner().invoke(tariff_command, ["explain", "--tariff", str(SUMMER_TIME), *words.split()])
    assert " ".join(ran.output.splitlines()[1].split()) == shown


def priced_with_window(folder: Path, name: str) -> Path:
    """A price list whose one window has this name, all day long."""
    path = folder / "list.toml"
    window = f'[[versions.windows]]\nname = "{name}"\nflat_fen = 500'
    rate = "[versions.then]\nblock_minutes = 30\nblock_price_fen = 400"
    head = 'tariff_id = "any"\nname = "Any"\nzone = "Asia/Shanghai"\n[[versions]]'
    path.write_text(f"{head}\n{rate}\n{window}\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["[/b]", "[day]", "[bold]night", ":smile:"])
def test_the_names_of_a_proof_are_shown_as_they_are_written(tmp_path: Path, name: str) -> None:
    path = priced_with_window(tmp_path, name)
    words = ["--coupon", f"amount:500@{name}", "--pass", f"2026-03-02T10:00/2026-03-02T11:00={name}"]
    stay = ["--entry", "2026-03-02T10:00", "--exit", "2026-03-02T12:00"]
    ran = CliRunner().invoke(tariff_command, ["explain", "--tariff", str(path), *stay, *words])
    shown = " ".join(ran.output.split())
    assert ran.exit_code == 0, ran.exception
    assert f"pass: {name} " in shown
    assert f"flat: {name} " in shown
    assert f"coupon amount: 1 amount:500 (funded by {name}, worth 5.00)" in shown


def test_a_long_name_is_shown_whole_over_several_lines(tmp_path: Path) -> None:
    path = priced_with_window(tmp_path, "n" * 200)
    stay = ["--entry", "2026-03-02T10:00", "--exit", "2026-03-02T12:00"]
    ran = CliRunner().invoke(tariff_command, ["explain", "--tariff", str(path), *stay])
    assert ran.output.count("n" * 40) >= 1
    assert ran.output.partition("flat: ")[2].partition("CNY")[0].count("n") == 200
