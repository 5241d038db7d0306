"""What a stay costs: a pure function of the stay and the tariff that prices it.

An exempt vehicle owes nothing. For all others, in this order: passes and coupons take their time off; free
minutes, blocks and caps make the price of the rest; the vehicle's percentage and the coupons for money take
theirs off; bounds and rounding come last, or before the discounts where the tariff says so; what an earlier
visit of the same stay was charged goes off the end. Time is counted in elapsed milliseconds from entry, so
that a change to summer time neither adds nor takes an hour.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.pricing.discounts import add_bounds, add_coupon, add_vehicle, stacks
from parking.pricing.sheet import plan_of
from parking.pricing.span import span_of, within
from parking.pricing.walk import Walk
from parking.proof import Price, ProofLine, Rule
from parking.tariff import CoveredTime, WhenRounded

if TYPE_CHECKING:
    from parking.coupon import Coupon
    from parking.pricing.sheet import Terms
    from parking.pricing.span import Span
    from parking.pricing.stay import Stay
    from parking.pricing.walk import Gap, Line
    from parking.tariff import Tariff

__all__ = ["price", "worth_at_most"]


def price(stay: Stay, tariff: Tariff) -> Price:
    """The price of ``stay`` with its proof.

    Those coupons are used that together cost the driver least; the others leave no line: what may not be used
    with them, what would make the stay dearer, and what is no longer valid when the stay ends.
    """
    if stay.exempt:
        return _exempt(stay)
    valid = tuple(coupon for coupon in stay.coupons if coupon.counts_at(stay.left_at))
    if not valid:
        return _priced(stay, tariff, (), ())
    found = stacks(valid, tariff.coupons)
    return _with_worth(stay, tariff, min(found, key=lambda one: _priced(stay, tariff, one, ()).amount_fen))


def _exempt(stay: Stay) -> Price:
    line = ProofLine(
        starts_ms=stay.entered_ms,
        ends_ms=stay.left_ms,
        quantity=1,
        unit_price_fen=0,
        amount_fen=0,
        rule=Rule.EXEMPT,
        name=stay.exempt,
    )
    return Price(amount_fen=0, lines=(line,))


def _with_worth(stay: Stay, tariff: Tariff, coupons: tuple[Coupon, ...]) -> Price:
    """Price with coupons; what those for time are worth is the difference that each makes to the price.

    Together they are worth no more than what the driver pays less: a minimum, a rounding, or what was charged
    for an earlier visit may leave less of it.
    """
    time = [coupon for coupon in coupons if coupon.takes_time]
    fees_fen = [_priced(stay, tariff, tuple(time[:count]), ()).amount_fen for count in range(len(time) + 1)]
    worth = tuple(max(0, fees_fen[place] - fees_fen[place + 1]) for place in range(len(time)))
    names = (one.coupon_id for one in time)
    found = _priced(stay, tariff, coupons, tuple(zip(names, worth, strict=True)))
    return worth_at_most(found, max(0, fees_fen[0] - found.amount_fen))


def worth_at_most(found: Price, saved_fen: int) -> Price:
    """The same price; what its coupons are worth above ``saved_fen`` goes off the last ones first."""
    excess_fen = sum(line.worth_fen for line in found.lines) - saved_fen
    if excess_fen <= 0:
        return found
    lines = list(found.lines)
    for place in reversed(range(len(lines))):
        taken_fen = min(excess_fen, lines[place].worth_fen)
        if taken_fen > 0:
            lines[place] = replace(lines[place], worth_fen=lines[place].worth_fen - taken_fen)
            excess_fen -= taken_fen
    return Price(amount_fen=found.amount_fen, lines=tuple(lines))


def _priced(
    stay: Stay, tariff: Tariff, coupons: tuple[Coupon, ...], worth: tuple[tuple[str, int], ...]
) -> Price:
    terms = plan_of(tariff).terms(stay.plate, stay.vehicle_class)
    lines: list[Line]
    if coupons or stay.covered or stay.earlier:
        span = span_of(stay, tariff, coupons)
        lines, earlier_fen = span.lines, span.earlier_fen
        fen = _add_parts(span, terms)
    else:
        lines, earlier_fen = [], 0
        fen = _add_part(lines, terms, stay.entered_ms, stay.left_ms, ())
    if coupons or not terms.plain:
        fen = _finished(lines, fen, stay, terms, coupons)
    if earlier_fen and fen:
        taken_fen = min(fen, earlier_fen)
        lines.append((stay.entered_ms, stay.left_ms, 1, -taken_fen, Rule.EARLIER_VISIT, "", ""))
        fen -= taken_fen
    return Price(amount_fen=fen, lines=tuple(_proof_lines(lines, dict(worth))))


def _finished(lines: list[Line], fen: int, stay: Stay, terms: Terms, coupons: tuple[Coupon, ...]) -> int:
    """Discounts, bounds and rounding."""
    total, span = terms.tariff.total, (stay.entered_ms, stay.left_ms)
    if total.when is WhenRounded.BEFORE_DISCOUNTS:
        fen = add_bounds(lines, span, total, fen)
    if terms.rule is not None:
        fen = add_vehicle(lines, span, terms.rule, fen)
    for coupon in coupons:
        if not coupon.takes_time:
            fen = add_coupon(lines, span, coupon, fen)
    if total.when is WhenRounded.AFTER_DISCOUNTS:
        fen = add_bounds(lines, span, total, fen)
    return fen


def _add_parts(span: Span, terms: Terms) -> int:
    """Price what no pass and no coupon covers, as one stay or as several."""
    lines = span.lines
    if terms.tariff.covered_time is CoveredTime.FROM_ENTRY:
        gaps = within([*span.absences, *span.covered], span.entered_ms, span.left_ms)
        return _add_part(lines, terms, span.entered_ms, span.left_ms, gaps)
    fen = 0
    starts_ms = span.entered_ms
    for gap in span.covered:
        if starts_ms < gap[0]:
            fen += _add_part(lines, terms, starts_ms, gap[0], span.absences)
        lines.append((gap[0], gap[1], 1, 0, *gap[2:]))
        starts_ms = gap[1]
    if starts_ms < span.left_ms:
        fen += _add_part(lines, terms, starts_ms, span.left_ms, span.absences)
    return fen


def _add_part(lines: list[Line], terms: Terms, starts_ms: int, left_ms: int, gaps: tuple[Gap, ...]) -> int:
    """Free minutes, then blocks, of one stay without a break."""
    free_ms = terms.free_ms
    if left_ms - starts_ms <= free_ms:
        if free_ms:
            lines.append((starts_ms, left_ms, 1, 0, Rule.FREE_MINUTES, "", ""))
        return 0
    paid_from_ms = starts_ms
    if free_ms and terms.free_then_rest:
        paid_from_ms += free_ms
        lines.append((starts_ms, paid_from_ms, 1, 0, Rule.FREE_MINUTES, "", ""))
    walk = Walk(terms.sheet, starts_ms, paid_from_ms, left_ms, gaps)
    walk.run()
    lines += walk.lines
    return walk.fen


def _proof_lines(lines: list[Line], worth: dict[str, int]) -> list[ProofLine]:
    return [
        ProofLine(
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            quantity=quantity,
            unit_price_fen=unit_fen,
            amount_fen=quantity * unit_fen,
            rule=rule,
            name=name,
            funder=funder,
            worth_fen=_worth_fen(rule, name, quantity * unit_fen, worth),
        )
        if name
        else ProofLine(
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            quantity=quantity,
            unit_price_fen=unit_fen,
            amount_fen=quantity * unit_fen,
            rule=rule,
        )
        for starts_ms, ends_ms, quantity, unit_fen, rule, name, funder in lines
    ]


def _worth_fen(rule: Rule, name: str, amount_fen: int, worth: dict[str, int]) -> int:
    """Of a coupon for money what it takes off, of one for time what its first line is told."""
    match rule:
        case Rule.COUPON_AMOUNT | Rule.COUPON_PERCENT | Rule.COUPON_FREE_STAY:
            return -amount_fen
        case Rule.COUPON_MINUTES | Rule.COUPON_WINDOW:
            return worth.pop(name, 0)
        case _:
            return 0
