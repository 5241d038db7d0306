"""Prices of single stays, in tables that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from parking.errors import Defect, InvalidInput
from parking.money import yuan
from parking.plate import parse_plate
from parking.pricing import Stay, price
from parking.proof import Price, ProofLine, Rule, parse_proof, proof_json
from parking.tariff import FreeRule, Rate, Tariff, Tier

ENTRY = datetime(2025, 3, 3, 10, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
PLATE = parse_plate("浙A12345", "blue")

COMPLEX = Tariff(
    tariff_id="complex",
    name="Shopping complex",
    free_minutes=30,
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6000,
)
OFFICE = Tariff(
    tariff_id="office",
    name="Office tower",
    free_minutes=15,
    free_rule=FreeRule.ONLY_REST,
    then=Rate(block_minutes=60, block_price_fen=1000),
    cap_fen=8000,
)
HOSPITAL = Tariff(
    tariff_id="hospital",
    name="Hospital",
    first=Tier(minutes=120, block_minutes=30, block_price_fen=100),
    then=Rate(block_minutes=30, block_price_fen=250),
)
CAPPED = Tariff(
    tariff_id="capped",
    name="A cap between blocks",
    then=Rate(block_minutes=60, block_price_fen=100),
    cap_fen=299,
)
ODD = Tariff(
    tariff_id="odd", name="Blocks that do not fill a day", then=Rate(block_minutes=420, block_price_fen=700)
)
TARIFFS = {tariff.tariff_id: tariff for tariff in (COMPLEX, OFFICE, HOSPITAL, CAPPED, ODD)}

TABLE = """
    tariff     days  hh:mm:ss.mmm  yuan    why
    complex    0     00:00:00.000  0.00    nothing
    complex    0     00:30:00.000  0.00    exactly the free minutes
    complex    0     00:30:00.001  8.00    a millisecond more pays from entry
    complex    0     01:00:00.000  8.00    exactly the first hour
    complex    0     01:00:00.001  12.00   one more block is started
    complex    0     02:10:00.000  20.00   8 + 3 × 4
    complex    0     07:30:00.000  60.00   8 + 13 × 4: exactly the cap
    complex    0     07:30:00.001  60.00   the cap holds
    complex    0     24:00:00.000  60.00   exactly one day
    complex    1     00:00:00.001  68.00   a new day: first hour anew, free minutes not
    complex    1     01:00:00.001  72.00
    complex    2     01:00:00.000  128.00  60 + 60 + 8
    complex    30    00:00:00.000  1800.00
    office     0     00:15:00.000  0.00
    office     0     00:15:00.001  10.00   only the rest is paid
    office     0     01:15:00.000  10.00   blocks count from the end of the free minutes
    office     0     01:15:00.001  20.00
    office     0     24:00:00.000  80.00
    office     1     00:00:00.001  90.00
    office     1     00:15:00.000  90.00   the free minutes do not begin anew
    office     3     01:00:00.001  260.00
    hospital   0     00:00:00.000  0.00    no block is started
    hospital   0     00:00:00.001  1.00    nothing is free here
    hospital   0     02:00:00.000  4.00
    hospital   0     02:00:00.001  6.50
    hospital   1     00:00:00.000  114.00  4 × 1 + 44 × 2.50, no cap
    hospital   10    00:30:00.000  1141.00
    capped     0     02:00:00.000  2.00
    capped     0     02:00:00.001  2.99    one fen is taken off again
    odd        0     21:00:00.000  21.00
    odd        0     21:00:00.001  28.00
    odd        1     00:00:00.000  28.00   the fourth block is cut by the day
    odd        1     00:00:00.001  35.00
"""


def elapsed(days: str, clock: str) -> timedelta:
    hours, minutes, seconds = clock.split(":")
    return timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), milliseconds=int(seconds.replace(".", ""))
    )


def priced(tariff: Tariff, duration: timedelta, entered_at: datetime = ENTRY) -> Price:
    entered_at = entered_at.astimezone(UTC)
    return price(Stay(entered_at=entered_at, left_at=entered_at + duration, plate=PLATE), tariff)


@pytest.mark.parametrize("row", TABLE.strip().splitlines()[1:])
def test_a_stay_costs_what_the_table_says(row: str) -> None:
    tariff, days, clock, expected, *_ = row.split()
    assert yuan(priced(TARIFFS[tariff], elapsed(days, clock)).amount_fen) == expected


def written_out(result: Price) -> list[str]:
    start = ENTRY.astimezone(UTC)
    return [
        f"{(line.starts_at - start) // timedelta(minutes=1)}-{(line.ends_at - start) // timedelta(minutes=1)}"
        f" {line.quantity} × {line.unit_price_fen} = {line.amount_fen} {line.rule}"
        for line in result.lines
    ]


def test_a_proof_follows_the_stay() -> None:
    assert written_out(priced(COMPLEX, timedelta(hours=2, minutes=10))) == [
        "0-60 1 × 800 = 800 first_tier",
        "60-150 3 × 400 = 1200 blocks",
    ]


def test_a_proof_names_what_was_free() -> None:
    assert written_out(priced(COMPLEX, timedelta(minutes=20))) == ["0-20 1 × 0 = 0 free_minutes"]
    assert written_out(priced(OFFICE, timedelta(minutes=20))) == [
        "0-15 1 × 0 = 0 free_minutes",
        "15-75 1 × 1000 = 1000 blocks",
    ]


def test_a_proof_writes_out_one_day_and_multiplies_the_days_alike() -> None:
    assert written_out(priced(COMPLEX, timedelta(days=30, minutes=1))) == [
        "0-60 1 × 800 = 800 first_tier",
        "60-1440 46 × 400 = 18400 blocks",
        "0-1440 1 × -13200 = -13200 day_cap",
        "1440-43200 29 × 6000 = 174000 days_alike",
        "43200-43260 1 × 800 = 800 first_tier",
    ]


def test_a_first_day_that_began_free_is_not_the_model_of_the_others() -> None:
    assert written_out(priced(replace(OFFICE, cap_fen=None), timedelta(days=4))) == [
        "0-15 1 × 0 = 0 free_minutes",
        "15-1440 24 × 1000 = 24000 blocks",
        "1440-2880 24 × 1000 = 24000 blocks",
        "2880-5760 2 × 24000 = 48000 days_alike",
    ]


def test_the_proof_of_ten_years_is_no_longer_than_that_of_three_days() -> None:
    three_days = priced(HOSPITAL, timedelta(days=3, hours=5))
    ten_years = priced(HOSPITAL, timedelta(days=3650, hours=5))
    assert len(ten_years.lines) == len(three_days.lines)


@pytest.mark.parametrize(
    ("entered", "left", "hours"),
    [
        ("2025-10-26T01:30", "2025-10-26T04:30", 4),
        ("2025-03-30T01:30", "2025-03-30T04:30", 2),
    ],
    ids=["the hour that happens twice", "the hour that does not happen"],
)
def test_the_change_of_summer_time_counts_elapsed_time(entered: str, left: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    stay = Stay(
        entered_at=datetime.fromisoformat(entered).replace(tzinfo=zone),
        left_at=datetime.fromisoformat(left).replace(tzinfo=zone),
        plate=PLATE,
    )
    hourly = Tariff(
        tariff_id="hourly",
        name="Hourly",
        zone="Europe/Berlin",
        then=Rate(block_minutes=60, block_price_fen=100),
    )
    assert price(stay, hourly).amount_fen == hours * 100


def test_an_exit_in_the_second_of_two_equal_hours_is_after_an_entry_in_the_first() -> None:
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2025, 10, 26, 2, 50, tzinfo=zone)
    second = datetime(2025, 10, 26, 2, 10, tzinfo=zone, fold=1)
    assert price(Stay(entered_at=first, left_at=second, plate=PLATE), HOSPITAL).amount_fen == 100
    with pytest.raises(InvalidInput):
        Stay(entered_at=second, left_at=first, plate=PLATE)


def test_an_exit_before_the_entry_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        Stay(entered_at=ENTRY, left_at=ENTRY - timedelta(milliseconds=1), plate=PLATE)
    assert refused.value.fields == ("left_at",)


def test_a_stay_without_offsets_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Stay(entered_at=ENTRY.replace(tzinfo=None), left_at=ENTRY, plate=PLATE)


LINE = ProofLine(
    starts_ms=0, ends_ms=60_000, quantity=2, unit_price_fen=300, amount_fen=600, rule=Rule.BLOCKS
)


def test_a_price_that_its_lines_do_not_make_cannot_be_built() -> None:
    with pytest.raises(Defect):
        Price(amount_fen=601, lines=(LINE,))
    with pytest.raises(Defect):
        replace(LINE, quantity=3)
    with pytest.raises(Defect):
        Price(amount_fen=-600, lines=(replace(LINE, quantity=-2, amount_fen=-600),))


def test_a_proof_as_text_is_compact() -> None:
    text = proof_json(Price(amount_fen=600, lines=(LINE,)))
    assert text == '{"amount_fen":600,"lines":[[0,60000,2,300,600,"blocks"]]}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"amount_fen":0}',
        '{"amount_fen":1,"lines":[]}',
        '{"amount_fen":0.0,"lines":[]}',
        '{"amount_fen":false,"lines":[]}',
        '{"amount_fen":600,"lines":[[0,60000,2,300,600]]}',
        '{"amount_fen":600,"lines":[[0,60000,2,300,600,"magic"]]}',
        '{"amount_fen":600,"lines":[[0,60000,3,300,600,"blocks"]]}',
        '{"amount_fen":600,"lines":[[0,60000,2,300.0,600,"blocks"]]}',
        '{"amount_fen":600,"lines":{"a":1}}',
        "[" * 100_000,
    ],
)
def test_text_that_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_proof(text)
