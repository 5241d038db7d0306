"""What holds for every tariff and every stay, and a second pricer that walks minute by minute."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from parking.clock import from_ms
from parking.plate import parse_plate
from parking.pricing import Stay, price
from parking.proof import Price, Rule, parse_proof, proof_json
from parking.tariff import FreeRule, Rate, Tariff, Tier

ENTRY = datetime(2025, 3, 3, 2, 17, 41, 123_000, tzinfo=UTC)
PLATE = parse_plate("浙A12345", "blue")
MINUTE = 60_000
DAY = 1440 * MINUTE

block_minutes = st.sampled_from([1, 7, 15, 20, 30, 45, 60, 90, 120, 420, 1440]) | st.integers(1, 1440)
prices_fen = st.integers(0, 3000)
edges_ms = st.builds(
    lambda minutes, off: max(0, minutes * MINUTE + off), st.integers(0, 5 * 1440), st.sampled_from([-1, 0, 1])
)
durations_ms = st.integers(0, 5 * DAY) | edges_ms


@st.composite
def first_tiers(draw: st.DrawFn) -> Tier:
    minutes = draw(block_minutes)
    blocks = draw(st.integers(1, 1440 // minutes))
    return Tier(minutes=minutes * blocks, block_minutes=minutes, block_price_fen=draw(prices_fen))


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    first = draw(st.none() | first_tiers())
    then = Rate(block_minutes=draw(block_minutes), block_price_fen=draw(prices_fen))
    dearest_fen = max(then.block_price_fen, first.block_price_fen if first else 0, 1)
    return Tariff(
        tariff_id="any",
        name="Any",
        first=first,
        then=then,
        cap_fen=draw(st.none() | st.integers(dearest_fen, dearest_fen + 20_000)),
        free_minutes=draw(st.sampled_from([0, 15, 30, 120, 1439, 1440]) | st.integers(0, 1440)),
        free_rule=draw(st.sampled_from(FreeRule)),
    )


def priced(tariff: Tariff, duration_ms: int) -> Price:
    return price(
        Stay(entered_at=ENTRY, left_at=ENTRY + timedelta(milliseconds=duration_ms), plate=PLATE), tariff
    )


def walked(tariff: Tariff, duration_ms: int) -> int:
    """The price found by watching the clock: what is charged when a minute begins that is not yet paid."""
    free = tariff.free_minutes
    if duration_ms <= free * MINUTE:
        return 0
    total_fen = day_fen = paid_until = count_from = 0
    for minute in range(-(-duration_ms // MINUTE)):
        if minute % 1440 == 0:
            total_fen, day_fen, paid_until, count_from = total_fen + day_fen, 0, minute, minute
        if tariff.free_rule is FreeRule.ONLY_REST and minute < free:
            paid_until = count_from = minute + 1
            continue
        if minute < paid_until:
            continue
        in_tier = tariff.first is not None and minute - count_from < tariff.first.minutes
        rate = tariff.first if in_tier and tariff.first else tariff.then
        paid_until = minute + rate.block_minutes
        day_fen += rate.block_price_fen
        if tariff.cap_fen is not None:
            day_fen = min(day_fen, tariff.cap_fen)
    return total_fen + day_fen


@settings(max_examples=300, deadline=None)
@given(tariff=tariffs(), duration_ms=durations_ms)
def test_walking_minute_by_minute_finds_the_same_price(tariff: Tariff, duration_ms: int) -> None:
    assert priced(tariff, duration_ms).amount_fen == walked(tariff, duration_ms)


@given(tariff=tariffs(), duration_ms=durations_ms)
def test_a_price_is_never_negative_and_its_proof_adds_up(tariff: Tariff, duration_ms: int) -> None:
    result = priced(tariff, duration_ms)
    assert result.amount_fen >= 0
    assert sum(line.amount_fen for line in result.lines) == result.amount_fen


@given(tariff=tariffs(), duration_ms=durations_ms)
def test_the_lines_of_a_proof_cover_the_stay_without_gap_or_overlap(tariff: Tariff, duration_ms: int) -> None:
    lines = [line for line in priced(tariff, duration_ms).lines if line.rule is not Rule.DAY_CAP]
    for before, after in pairwise(lines):
        assert before.ends_ms == after.starts_ms
    if lines:
        assert lines[0].starts_at == ENTRY
        assert lines[-1].ends_at >= ENTRY + timedelta(milliseconds=duration_ms)


@given(tariff=tariffs(), one_ms=durations_ms, other_ms=durations_ms)
def test_a_later_exit_never_costs_less(tariff: Tariff, one_ms: int, other_ms: int) -> None:
    earlier, later = sorted((one_ms, other_ms))
    assert priced(tariff, earlier).amount_fen <= priced(tariff, later).amount_fen


@given(tariff=tariffs(), days=st.integers(0, 4), within_ms=st.integers(0, DAY))
def test_no_24_hours_from_entry_cost_more_than_the_cap(tariff: Tariff, days: int, within_ms: int) -> None:
    assume(tariff.cap_fen is not None)
    # When the whole first day is free, the second one may bring the price of the first with it.
    assume(tariff.free_minutes < 1440)
    before_fen = priced(tariff, days * DAY).amount_fen
    assert priced(tariff, days * DAY + within_ms).amount_fen - before_fen <= (tariff.cap_fen or 0)


@given(tariff=tariffs(), days=st.integers(1, 4), rest_ms=st.integers(1, DAY))
@example(
    tariff=Tariff(tariff_id="a", name="a", then=Rate(block_minutes=420, block_price_fen=7)), days=2, rest_ms=1
)
def test_stays_glued_where_24_hours_end_cost_what_the_long_one_costs(
    tariff: Tariff, days: int, rest_ms: int
) -> None:
    # A stay of exactly the free minutes is free, so a whole free day glues to nothing.
    assume(tariff.free_minutes < 1440)
    apart_fen = (
        priced(tariff, days * DAY).amount_fen + priced(replace(tariff, free_minutes=0), rest_ms).amount_fen
    )
    assert priced(tariff, days * DAY + rest_ms).amount_fen == apart_fen


@given(tariff=tariffs(), duration_ms=durations_ms, shift_ms=st.integers(0, 10**12))
def test_the_moment_of_entry_does_not_matter(tariff: Tariff, duration_ms: int, shift_ms: int) -> None:
    stay = Stay(entered_at=from_ms(shift_ms), left_at=from_ms(shift_ms + duration_ms), plate=PLATE)
    assert price(stay, tariff).amount_fen == priced(tariff, duration_ms).amount_fen


@given(tariff=tariffs(), duration_ms=durations_ms)
def test_a_proof_survives_being_text(tariff: Tariff, duration_ms: int) -> None:
    result = priced(tariff, duration_ms)
    assert parse_proof(proof_json(result)) == result
    assert proof_json(parse_proof(proof_json(result))) == proof_json(result)
