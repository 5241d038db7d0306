"""A stay over a change of the price list, by the choice of the version in force at entry."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.errors import InvalidInput
from parking.pricing.price import price
from parking.proof import Price
from parking.tariff import WhenReplaced

if TYPE_CHECKING:
    from parking.pricing.stay import Stay
    from parking.tariff import TariffSchedule

__all__ = ["price_by_schedule"]


def price_by_schedule(stay: Stay, schedule: TariffSchedule) -> Price:
    """The price of a stay by the version in force at entry, or split where another one took its place.

    From each change on the stay is one that begins there. What belongs to the stay as a whole cannot be split
    with it: raises :class:`InvalidInput` for coupons and earlier visits of a stay that would be.
    """
    tariff = schedule.in_force(stay.entered_at)
    changes = [
        version
        for version in schedule.versions
        if stay.entered_ms < to_ms(version.in_force_from) < stay.left_ms
    ]
    if tariff.when_replaced is WhenReplaced.KEPT or not changes:
        return price(stay, tariff)
    if stay.coupons or stay.earlier:
        raise InvalidInput("a stay that is split at a change takes neither", ("coupons", "earlier"))
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
