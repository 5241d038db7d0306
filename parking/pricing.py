"""What a stay costs: a pure function of the stay and the tariff that was in force at entry.

Time is counted in elapsed milliseconds from entry, so that a change to summer time neither adds nor
takes an hour. A stay of exactly the free minutes is free; one millisecond more is not. The work does not
grow with the length of the stay: blocks are counted by division, and of many whole days alike one is
written out and the others are multiplied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.errors import InvalidInput
from parking.proof import Price, ProofLine, Rule
from parking.tariff import DAY_MINUTES, FirstTier, FreeRule, Rate, Tariff

if TYPE_CHECKING:
    from datetime import datetime

    from parking.plate import Plate

__all__ = ["Stay", "price"]

MINUTE_MS = 60_000
DAY_MS = DAY_MINUTES * MINUTE_MS
RATE_RULES: dict[type, Rule] = {FirstTier: Rule.FIRST_TIER, Rate: Rule.BLOCKS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One vehicle from entry to exit, by the devices' times."""

    entered_at: datetime
    left_at: datetime
    plate: Plate
    entered_ms: int = field(init=False, repr=False, compare=False)
    left_ms: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.entered_at.tzinfo is None or self.left_at.tzinfo is None:
            raise InvalidInput("times need an offset", ("entered_at", "left_at"))
        object.__setattr__(self, "entered_ms", to_ms(self.entered_at))
        object.__setattr__(self, "left_ms", to_ms(self.left_at))
        # Two times of one zone would be compared as wall clocks, which go back in autumn.
        if self.left_ms < self.entered_ms:
            raise InvalidInput("the exit lies before the entry", ("left_at",))


def price(stay: Stay, tariff: Tariff) -> Price:
    """The price of ``stay`` with its proof."""
    entered_ms, left_ms = stay.entered_ms, stay.left_ms
    free_until_ms = entered_ms + tariff.free_minutes * MINUTE_MS
    lines: list[ProofLine] = []
    if left_ms <= free_until_ms:
        if tariff.free_minutes:
            lines.append(_free(entered_ms, left_ms))
        return Price(amount_fen=0, lines=tuple(lines))
    paid_from_ms = entered_ms
    if tariff.free_minutes and tariff.free_rule is FreeRule.ONLY_REST:
        lines.append(_free(entered_ms, free_until_ms))
        paid_from_ms = free_until_ms
    if left_ms - entered_ms <= DAY_MS:
        amount_fen = _add_day(lines, tariff, paid_from_ms, left_ms, entered_ms + DAY_MS)
    else:
        amount_fen = _add_days(lines, tariff, entered_ms, paid_from_ms, left_ms)
    return Price(amount_fen=amount_fen, lines=tuple(lines))


def _free(starts_ms: int, ends_ms: int) -> ProofLine:
    return ProofLine(
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        quantity=1,
        unit_price_fen=0,
        amount_fen=0,
        rule=Rule.FREE_MINUTES,
    )


def _add_days(
    lines: list[ProofLine], tariff: Tariff, entered_ms: int, paid_from_ms: int, left_ms: int
) -> int:
    """Price every 24 hours from entry; the first of them is shorter when its beginning was free."""
    whole_days = (left_ms - entered_ms) // DAY_MS
    days_written_out = min(whole_days, 1 if paid_from_ms == entered_ms else 2)
    amount_fen = day_fen = 0
    starts_ms = entered_ms
    for _ in range(days_written_out):
        ends_ms = starts_ms + DAY_MS
        day_fen = _add_day(lines, tariff, max(starts_ms, paid_from_ms), ends_ms, ends_ms)
        amount_fen += day_fen
        starts_ms = ends_ms
    days_alike = whole_days - days_written_out
    if days_alike:
        ends_ms = starts_ms + days_alike * DAY_MS
        amount_fen += _add_line(lines, Rule.DAYS_ALIKE, starts_ms, ends_ms, days_alike, day_fen)
        starts_ms = ends_ms
    return amount_fen + _add_day(lines, tariff, starts_ms, left_ms, starts_ms + DAY_MS)


def _add_day(lines: list[ProofLine], tariff: Tariff, starts_ms: int, left_ms: int, day_ends_ms: int) -> int:
    """Price what lies within one period of 24 hours: tier, blocks, cap."""
    if left_ms <= starts_ms:
        return 0
    amount_fen = 0
    then_from_ms = starts_ms
    if tariff.first is not None:
        then_from_ms += tariff.first.minutes * MINUTE_MS
        tier_left_ms = min(left_ms, then_from_ms)
        amount_fen = _add_blocks(lines, tariff.first, starts_ms, tier_left_ms, day_ends_ms)
    if left_ms > then_from_ms:
        amount_fen += _add_blocks(lines, tariff.then, then_from_ms, left_ms, day_ends_ms)
    cap_fen = tariff.cap_fen
    if cap_fen is not None and amount_fen > cap_fen:
        amount_fen += _add_line(lines, Rule.DAY_CAP, starts_ms, day_ends_ms, 1, cap_fen - amount_fen)
    return amount_fen


def _add_blocks(
    lines: list[ProofLine], rate: Rate | FirstTier, starts_ms: int, left_ms: int, day_ends_ms: int
) -> int:
    block_ms = rate.block_minutes * MINUTE_MS
    quantity = -((starts_ms - left_ms) // block_ms)
    ends_ms = min(starts_ms + quantity * block_ms, day_ends_ms)
    return _add_line(lines, RATE_RULES[type(rate)], starts_ms, ends_ms, quantity, rate.block_price_fen)


def _add_line(
    lines: list[ProofLine], rule: Rule, starts_ms: int, ends_ms: int, quantity: int, unit_price_fen: int
) -> int:
    amount_fen = quantity * unit_price_fen
    lines.append(
        ProofLine(
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            quantity=quantity,
            unit_price_fen=unit_price_fen,
            amount_fen=amount_fen,
            rule=rule,
        )
    )
    return amount_fen
