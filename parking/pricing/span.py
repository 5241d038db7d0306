"""From when to when a stay is priced: visits joined to one stay, passes and coupons for time applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.coupon import CouponKind, End
from parking.pricing.sheet import MINUTE_MS
from parking.proof import Rule
from parking.tariff import Absence

if TYPE_CHECKING:
    from parking.coupon import Coupon, Covered
    from parking.pricing.stay import Stay, Visit
    from parking.pricing.walk import Gap, Line
    from parking.tariff import Tariff

__all__ = ["Span", "continues", "span_of", "within"]


@dataclass(frozen=True, slots=True)
class Span:
    """``lines`` say what shortened it; ``covered`` and ``absences`` lie within, each in order and apart."""

    entered_ms: int
    left_ms: int
    covered: tuple[Gap, ...]
    absences: tuple[Gap, ...]
    earlier_fen: int
    lines: list[Line]


def span_of(stay: Stay, tariff: Tariff, coupons: tuple[Coupon, ...]) -> Span:
    """The span of a stay with these coupons."""
    entered_ms, absences, earlier_fen = _joined(stay, tariff)
    left_ms = stay.left_ms
    lines: list[Line] = []
    covered = [_gap(one, Rule.PASS) for one in stay.covered]
    for coupon in coupons:
        if coupon.covered is not None and coupon.kind is CouponKind.WINDOW:
            covered.append(_gap(coupon.covered, Rule.COUPON_WINDOW))
        elif coupon.kind is CouponKind.MINUTES:
            taken_ms = min(coupon.minutes * MINUTE_MS, left_ms - entered_ms)
            taken = (entered_ms, entered_ms + taken_ms)
            if coupon.off is End.START:
                entered_ms += taken_ms
            else:
                taken = (left_ms - taken_ms, left_ms)
                left_ms -= taken_ms
            lines.append((*taken, 1, 0, Rule.COUPON_MINUTES, coupon.coupon_id, coupon.funder))
    return Span(
        entered_ms, left_ms, within(covered, entered_ms, left_ms), within(absences, entered_ms, left_ms),
        earlier_fen, lines,
    )  # fmt: skip


def continues(visit: Visit, entered_ms: int, tariff: Tariff) -> bool:
    """Whether a car that comes in at ``entered_ms`` goes on with the stay of its last visit."""
    away_ms = entered_ms - to_ms(visit.left_at)
    return tariff.reentry_minutes > 0 and 0 <= away_ms <= tariff.reentry_minutes * MINUTE_MS


def _joined(stay: Stay, tariff: Tariff) -> tuple[int, list[Gap], int]:
    """When the stay began whose last visit this is, when the car was away, and what was charged so far."""
    entered_ms, charged_fen = stay.entered_ms, 0
    absences: list[Gap] = []
    for visit in reversed(stay.earlier):
        if not continues(visit, entered_ms, tariff):
            break
        if tariff.absence is Absence.LEFT_OUT:
            absences.append((to_ms(visit.left_at), entered_ms, Rule.ABSENCE, "", ""))
        entered_ms = to_ms(visit.entered_at)
        charged_fen += visit.amount_fen
    return entered_ms, absences, charged_fen


def _gap(covered: Covered, rule: Rule) -> Gap:
    return to_ms(covered.since), to_ms(covered.until), rule, covered.name, covered.funder


def within(gaps: list[Gap], entered_ms: int, left_ms: int) -> tuple[Gap, ...]:
    """The gaps as far as they lie in the stay; where two overlap, the later one is what is left of it."""
    found: list[Gap] = []
    free_ms = entered_ms
    for starts_ms, ends_ms, rule, name, funder in sorted(gaps):
        begins_ms, until_ms = max(starts_ms, free_ms), min(ends_ms, left_ms)
        if begins_ms < until_ms:
            found.append((begins_ms, until_ms, rule, name, funder))
            free_ms = until_ms
    return tuple(found)
