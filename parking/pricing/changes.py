"""A stay over a change of the price list, by the choice of the version in force at entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.pricing.price import price, worth_at_most
from parking.pricing.span import continues
from parking.proof import Price
from parking.tariff import WhenReplaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.pricing.stay import Stay
    from parking.tariff import Tariff, TariffSchedule, TariffVersion

__all__ = ["price_by_schedule", "price_over"]


def price_by_schedule(stay: Stay, schedule: TariffSchedule) -> Price:
    """The price of a stay by the versions of a price list."""
    return price_over(stay, schedule.in_force(stay.entered_at), schedule.after(stay.entered_at))


def price_over(stay: Stay, tariff: Tariff, later: Sequence[TariffVersion]) -> Price:
    """The price of a stay by ``tariff``, in force at entry, or split where a ``later`` version took over.

    What belongs to the stay as a whole cannot be split with it: one that is exempt, or continues an earlier
    visit, is priced by the version at entry. So is one with coupons, where they take something off and that
    costs the driver less than the split stay without them.
    """
    if tariff.when_replaced is WhenReplaced.KEPT or stay.exempt or _is_continuing(stay, tariff):
        return price(stay, tariff)
    changes = [one for one in later if stay.entered_ms < to_ms(one.in_force_from) < stay.left_ms]
    if not changes:
        return price(stay, tariff)
    parts = _split(replace(stay, coupons=(), earlier=()), tariff, changes)
    if not stay.coupons:
        return parts
    whole = price(stay, tariff)
    saved_fen = parts.amount_fen - whole.amount_fen
    if saved_fen > 0 and any(line.worth_fen for line in whole.lines):
        return worth_at_most(whole, saved_fen)
    return parts


def _is_continuing(stay: Stay, tariff: Tariff) -> bool:
    return bool(stay.earlier) and continues(stay.earlier[-1], stay.entered_ms, tariff)


def _split(stay: Stay, tariff: Tariff, changes: Sequence[TariffVersion]) -> Price:
    """From each change on the stay is one that begins there."""
    parts: list[Price] = []
    starts_at = stay.entered_at
    for change in changes:
        parts.append(price(replace(stay, entered_at=starts_at, left_at=change.in_force_from), tariff))
        starts_at, tariff = change.in_force_from, change.tariff
        if tariff.when_replaced is WhenReplaced.KEPT:
            break
    parts.append(price(replace(stay, entered_at=starts_at), tariff))
    return Price(
        amount_fen=sum(part.amount_fen for part in parts),
        lines=tuple(line for part in parts for line in part.lines),
    )
