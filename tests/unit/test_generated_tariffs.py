"""What holds for every tariff that can be written, and for every stay under it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from parking.clock import from_ms, to_ms
from parking.plate import parse_plate
from parking.pricing import Stay, price
from parking.proof import Price, Rule, parse_proof, proof_json
from parking.tariff import (
    Calendar,
    Crossing,
    DayKind,
    FreeRule,
    NightDay,
    Rate,
    RoundWay,
    Season,
    Tariff,
    Tier,
    TierClock,
    Total,
    Window,
)
from tests.unit.minute_walker import walked

MINUTE_MS = 60_000
TICKS = 4
"""A minute, of a clock that shows odd seconds: 15, 30 and 45."""
PLATE = parse_plate("浙A12345", "blue")
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/Santiago")
"""Without summer time; with it, changing at night; with it, changing at midnight."""
ENTRY_DAYS = (date(2025, 3, 28), date(2025, 4, 4), date(2025, 9, 5), date(2025, 10, 24), date(2025, 12, 30))
CALENDAR = Calendar(holidays=(date(2025, 3, 31), date(2026, 1, 1)), make_up_days=(date(2025, 10, 26),))

block_minutes = st.sampled_from([7, 15, 20, 30, 45, 60, 90, 120, 420, 1440])
prices_fen = st.integers(0, 900)
clocks = st.sampled_from([time(0), time(2), time(2, 30), time(7), time(8, 15), time(18), time(22)])
seasons = st.sampled_from(
    [
        None,
        Season(since="03-29", until="10-25"),
        Season(since="12-31", until="01-01"),
        Season(since="2025-10-25", until="2025-10-25"),
    ]
)


@st.composite
def tiers(draw: st.DrawFn) -> Tier:
    minutes = draw(st.sampled_from([15, 30, 60, 90]))
    return Tier(
        minutes=minutes * draw(st.integers(1, 4)), block_minutes=minutes, block_price_fen=draw(prices_fen)
    )


@st.composite
def rates(draw: st.DrawFn) -> Rate:
    return Rate(block_minutes=draw(block_minutes), block_price_fen=draw(prices_fen))


@st.composite
def windows(draw: st.DrawFn, name: str, *, flats: bool) -> Window:
    flat = flats and draw(st.booleans())
    first = None if flat else draw(st.none() | tiers())
    return Window(
        name=name,
        since=draw(clocks),
        until=draw(clocks),
        days=tuple(draw(st.sets(st.sampled_from(DayKind), max_size=2))),
        season=draw(seasons),
        first=first,
        then=None if flat else draw(rates()),
        flat_fen=draw(prices_fen) if flat else None,
        cap_fen=None if flat else draw(st.none() | st.integers(900, 4000)),
        counts=draw(st.booleans()),
    )


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    crossing = draw(st.sampled_from(Crossing))
    flats = crossing is not Crossing.SPLIT
    first = draw(st.none() | tiers())
    return Tariff(
        tariff_id="any",
        name="Any",
        zone=draw(st.sampled_from(ZONES)),
        calendar=CALENDAR,
        free_minutes=draw(st.sampled_from([0, 0, 15, 30, 1440])),
        free_rule=draw(st.sampled_from(FreeRule)),
        first=first,
        next=(draw(tiers()),) if first and draw(st.booleans()) else (),
        then=draw(rates()),
        windows=tuple(draw(windows(f"w{one}", flats=flats)) for one in range(draw(st.integers(0, 3)))),
        cap_fen=draw(st.none() | st.integers(900, 9000)),
        cap_day_fen=draw(st.none() | st.integers(900, 9000)),
        tier_clock=draw(st.sampled_from(TierClock)),
        crossing=crossing,
        night_day=draw(st.sampled_from(NightDay)),
    )


entries = st.builds(
    lambda day, minute: int(datetime.combine(day, time(0), UTC).timestamp()) // 60 + minute,
    st.sampled_from(ENTRY_DAYS),
    st.integers(0, 2 * 1440),
)
lengths = st.integers(0, 300) | st.integers(0, 6 * 1440) | st.sampled_from([1440, 1441, 2880, 4320, 7200])


def priced(tariff: Tariff, entry: int, length_ms: int) -> Price:
    entered_ms = entry * MINUTE_MS
    stay = Stay(entered_at=from_ms(entered_ms), left_at=from_ms(entered_ms + length_ms), plate=PLATE)
    return price(stay, tariff)


SHARED_OVER_24_HOURS = Tariff(
    tariff_id="any",
    name="Any",
    then=Rate(block_minutes=7, block_price_fen=12),
    windows=(
        Window(name="work", days=(DayKind.WEEKDAY,), then=Rate(block_minutes=1440, block_price_fen=240)),
    ),
    cap_fen=900,
    calendar=CALENDAR,
    tier_clock=TierClock.EACH_WINDOW,
    crossing=Crossing.SPLIT,
)


@settings(max_examples=400, deadline=None)
@given(tariff=tariffs(), entry=entries, length=lengths)
@example(tariff=SHARED_OVER_24_HOURS, entry=29062649, length=3275)
def test_watching_the_clock_minute_by_minute_finds_the_same_price(
    tariff: Tariff, entry: int, length: int
) -> None:
    assert priced(tariff, entry, length * MINUTE_MS).amount_fen == walked(tariff, entry, entry + length)


@settings(max_examples=200, deadline=None)
@given(
    tariff=tariffs(), entry=entries, offset=st.integers(1, TICKS - 1),
    length=st.integers(0, 12 * 60 * TICKS) | st.integers(0, 2 * 1440 * TICKS),
)  # fmt: skip
def test_so_it_is_from_an_odd_second_to_another_odd_second(
    tariff: Tariff, entry: int, offset: int, length: int
) -> None:
    begins = entry * TICKS + offset
    stay = Stay(
        entered_at=from_ms(begins * MINUTE_MS // TICKS),
        left_at=from_ms((begins + length) * MINUTE_MS // TICKS),
        plate=PLATE,
    )
    assert price(stay, tariff).amount_fen == walked(tariff, begins, begins + length, TICKS)


@settings(max_examples=200, deadline=None)
@given(tariff=tariffs(), entry=entries, length_ms=st.integers(0, 40 * 1440 * MINUTE_MS))
def test_a_price_is_never_negative_adds_up_and_survives_being_text(
    tariff: Tariff, entry: int, length_ms: int
) -> None:
    result = priced(tariff, entry, length_ms)
    assert result.amount_fen >= 0
    assert sum(line.amount_fen for line in result.lines) == result.amount_fen
    assert parse_proof(proof_json(result)) == result


totals = st.builds(
    Total,
    minimum_fen=st.sampled_from([0, 100, 500]),
    maximum_fen=st.sampled_from([None, 1000, 5000]),
    round_to_fen=st.sampled_from([1, 10, 50, 100]),
    round_way=st.sampled_from(RoundWay),
)


@settings(max_examples=300, deadline=None)
@given(
    tariff=tariffs(), total=totals, entry=entries, one_ms=st.integers(0, 20 * 1440 * MINUTE_MS),
    more_ms=st.integers(0, 600 * MINUTE_MS) | st.integers(0, 20 * 1440 * MINUTE_MS),
)  # fmt: skip
def test_a_later_exit_never_costs_less(
    tariff: Tariff, total: Total, entry: int, one_ms: int, more_ms: int
) -> None:
    tariff = replace(tariff, total=total)
    earlier, later = priced(tariff, entry, one_ms), priced(tariff, entry, one_ms + more_ms)
    assert earlier.amount_fen <= later.amount_fen
    if total.maximum_fen is not None:
        assert later.amount_fen <= total.maximum_fen


@settings(max_examples=300, deadline=None)
@given(tariff=tariffs(), entry=entries, days=st.integers(0, 4), within=st.integers(0, 1440))
def test_no_24_hours_from_entry_cost_more_than_their_cap(
    tariff: Tariff, entry: int, days: int, within: int
) -> None:
    # Windows that do not count are outside of the cap; a whole free day comes due with the next; a block
    # shared by minutes may begin in one 24 hours and be paid in part in the next.
    tariff = replace(
        tariff,
        windows=tuple(replace(window, counts=True) for window in tariff.windows),
        cap_fen=tariff.cap_fen or 2000,
        free_minutes=tariff.free_minutes % 1440,
        crossing=Crossing.CUT if tariff.crossing is Crossing.SPLIT else tariff.crossing,
    )
    before = priced(tariff, entry, days * 1440 * MINUTE_MS).amount_fen
    after = priced(tariff, entry, (days * 1440 + within) * MINUTE_MS).amount_fen
    assert after - before <= (tariff.cap_fen or 0)


@settings(max_examples=300, deadline=None)
@given(tariff=tariffs(), entry=entries, days=st.integers(0, 6), clock=st.times())
def test_no_calendar_day_costs_more_than_its_cap(tariff: Tariff, entry: int, days: int, clock: time) -> None:
    # What no cap counts, what is owed for a time before it, and what is paid after it began are left out.
    tariff = replace(
        tariff,
        windows=tuple(replace(window, counts=True) for window in tariff.windows),
        cap_day_fen=tariff.cap_day_fen or 2000,
        free_rule=FreeRule.ONLY_REST,
        crossing=Crossing.CUT if tariff.crossing is Crossing.SPLIT else tariff.crossing,
    )
    zone = ZoneInfo(tariff.zone)
    day = from_ms(entry * MINUTE_MS).astimezone(zone).date() + timedelta(days=days)
    midnight, moment = (
        to_ms(datetime.combine(day, one, zone)) - entry * MINUTE_MS for one in (time(0), clock)
    )
    before = priced(tariff, entry, max(0, midnight)).amount_fen
    assert priced(tariff, entry, max(0, moment)).amount_fen - before <= (tariff.cap_day_fen or 0)


@settings(max_examples=300, deadline=None)
@given(tariff=tariffs(), entry=entries, days=st.integers(1, 4), rest=st.integers(1, 1440))
def test_stays_glued_where_24_hours_end_cost_what_the_long_one_costs(
    tariff: Tariff, entry: int, days: int, rest: int
) -> None:
    # What is counted by the calendar, or once for each round of a window, is counted once in the long one.
    tariff = replace(
        tariff,
        windows=tuple(replace(window, cap_fen=None) for window in tariff.windows if window.then),
        tier_clock=TierClock.EACH_24_H,
        cap_day_fen=None,
        free_minutes=tariff.free_minutes % 1440,
    )
    first = priced(tariff, entry, days * 1440 * MINUTE_MS)
    then = priced(replace(tariff, free_minutes=0), entry + days * 1440, rest * MINUTE_MS)
    assert (
        priced(tariff, entry, (days * 1440 + rest) * MINUTE_MS).amount_fen
        == first.amount_fen + then.amount_fen
    )


def test_the_proof_of_a_long_stay_does_not_grow_with_its_weeks_where_all_days_are_alike() -> None:
    tariff = Tariff(
        tariff_id="any",
        name="Any",
        then=Rate(block_minutes=30, block_price_fen=400),
        windows=(Window(name="night", since=time(22), until=time(7), flat_fen=500),),
        cap_fen=6000,
    )
    entry = int(datetime(2025, 3, 3, 10, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) // 60
    month, year = (priced(tariff, entry, days * 1440 * MINUTE_MS) for days in (30, 365))
    assert len(month.lines) == len(year.lines)
    assert any(line.rule is Rule.DAYS_ALIKE for line in year.lines)
