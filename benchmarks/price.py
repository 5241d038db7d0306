"""Prices with their proofs, beside the least that such a price can cost: building its lines.

One price after the other on one core, as a gate does with every exit. Three price lists are priced: the
simplest that garages have, the same with a night and half price for new energy, and one with everything
(days of the calendar, tiers that run through, caps of four kinds), whose days are never alike. ``rate`` is of
the simplest, for three hours; the ceiling makes the same lines of amounts that are known already. The
medians by length say how the work grows: with the days of a stay at most, never with its minutes.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import partial
from statistics import median
from time import thread_time_ns
from typing import TYPE_CHECKING

from benchmarks.report import context, spread
from parking.plate import Colour, parse_plate
from parking.pricing import Stay, price
from parking.proof import Price, ProofLine
from parking.tariff import (
    Calendar,
    DayKind,
    FactorOf,
    Rate,
    Tariff,
    Tier,
    TierClock,
    Total,
    VehicleRule,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["run"]

DURABLE = "Nothing is written: a price is a pure function, and runs on one core."
ENTRY = datetime(2026, 3, 2, 1, 7, tzinfo=UTC)
PLATE = parse_plate("浙A12345", Colour.BLUE)
LENGTHS = {
    "3 h": timedelta(hours=3, minutes=5),
    "1 d": timedelta(days=1, hours=3),
    "7 d": timedelta(days=7, hours=3),
    "30 d": timedelta(days=30, hours=3),
    "90 d": timedelta(days=90, hours=3),
}
NIGHT = Window(name="night", since=time(22), until=time(7), then=Rate(block_minutes=60, block_price_fen=200))
SIMPLE = Tariff(
    tariff_id="simple",
    name="Free minutes, first hour, blocks, cap",
    free_minutes=30,
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6000,
)
NIGHTS = Tariff(
    tariff_id="nights",
    name="With a night and half price for new energy",
    free_minutes=30,
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6000,
    windows=(NIGHT,),
    vehicles=(VehicleRule(name="new energy", colours=(Colour.GREEN,), percent=50),),
    total=Total(round_to_fen=10),
)
EVERYTHING = Tariff(
    tariff_id="everything",
    name="Days of the calendar, tiers that run through, caps of four kinds",
    free_minutes=30,
    first=Tier(minutes=60, block_minutes=20, block_price_fen=300),
    next=(Tier(minutes=120, block_minutes=30, block_price_fen=350),),
    then=Rate(block_minutes=45, block_price_fen=400),
    tier_clock=TierClock.STAY,
    cap_fen=9000,
    cap_day_fen=8000,
    windows=(
        Window(
            name="day off",
            days=(DayKind.WEEKEND, DayKind.HOLIDAY),
            then=Rate(block_minutes=60, block_price_fen=500),
            cap_fen=5000,
        ),
        NIGHT,
    ),
    calendar=Calendar(holidays=(datetime(2026, 4, 6, tzinfo=UTC).date(),)),
    vehicles=(
        VehicleRule(name="new energy", colours=(Colour.GREEN,), percent=50, percent_of=FactorOf.PRICES),
    ),
    total=Total(round_to_fen=10, maximum_fen=500_000),
)
LISTS = (SIMPLE, NIGHTS, EVERYTHING)


async def run(*, small: bool) -> dict[str, object]:
    """Time the lists in turn with the ceiling; every figure is a median over rounds."""
    rounds, calls = (3, 20) if small else (15, 300)
    stays = {
        name: Stay(entered_at=ENTRY, left_at=ENTRY + length, plate=PLATE) for name, length in LENGTHS.items()
    }
    found: dict[tuple[str, str], list[float]] = {}
    ratios: list[float] = []
    ceilings: list[float] = []
    for _ in range(rounds):
        for tariff in LISTS:
            for name, stay in stays.items():
                found.setdefault((tariff.tariff_id, name), []).append(
                    _us(partial(price, stay, tariff), calls)
                )
        ceilings.append(_us(_least(price(stays["3 h"], SIMPLE)), calls))
        ratios.append(ceilings[-1] / found[SIMPLE.tariff_id, "3 h"][-1])
    medians = {
        f"median_us_{tariff.tariff_id}": {
            name: round(median(found[tariff.tariff_id, name]), 1) for name in LENGTHS
        }
        for tariff in LISTS
    }
    return {
        "benchmark": "price",
        "ratio": round(median(ratios), 3),
        "ratio_spread": spread(ratios),
        "rate": round(1e6 / median(found[SIMPLE.tariff_id, "3 h"])),
        "ceiling_rate": round(1e6 / median(ceilings)),
        **medians,
        "lines": {
            tariff.tariff_id: {name: len(price(stay, tariff).lines) for name, stay in stays.items()}
            for tariff in LISTS
        },
        "rounds": rounds,
        "durable": DURABLE,
        **context("price", small=small),
    }


def _us(act: Callable[[], object], calls: int) -> float:
    """Microseconds of the processor a call: what others do on a shared machine is not in it."""
    began = thread_time_ns()
    for _ in range(calls):
        act()
    return (thread_time_ns() - began) / calls / 1000


def _least(known: Price) -> Callable[[], Price]:
    """Builds a price whose numbers are known."""

    def build() -> Price:
        return Price(
            amount_fen=known.amount_fen,
            lines=tuple(
                ProofLine(
                    starts_ms=line.starts_ms,
                    ends_ms=line.ends_ms,
                    quantity=line.quantity,
                    unit_price_fen=line.unit_price_fen,
                    amount_fen=line.amount_fen,
                    rule=line.rule,
                )
                for line in known.lines
            ),
        )

    return build
