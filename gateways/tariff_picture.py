"""A price list as a picture: what a stay costs by its length, for some moments of entry."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import pygal

from parking.money import units
from parking.pricing import Stay, price_by_schedule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from parking.plate import Plate
    from parking.tariff import TariffSchedule

__all__ = ["picture"]

HOUR_MINUTES = 60
STYLE = pygal.style.Style(background="white", plot_background="white", font_family="sans-serif")


def picture(
    schedule: TariffSchedule, plate: Plate, entries: Sequence[datetime], hours: int, exponent: int
) -> bytes:
    """An SVG of the steps that the price takes within so many hours of each entry."""
    tariff = schedule.versions[-1].tariff
    chart = pygal.XY(
        show_dots=False, js=[], style=STYLE, width=1000, height=560, legend_at_bottom=True, margin=20,
        title=tariff.name, x_title="hours from entry", y_title=tariff.currency, include_x_axis=True,
        x_labels=list(range(0, hours + 1, max(1, hours // 12))), stroke_style={"width": 2},
    )  # fmt: skip
    for entry in entries:
        points = _steps(schedule, plate, entry, hours * HOUR_MINUTES)
        chart.add(
            f"{entry:%a %d %b %Y %H:%M}",
            [(minute / HOUR_MINUTES, float(units(fen, exponent))) for minute, fen in points],
        )
    return bytes(chart.render())


def _steps(schedule: TariffSchedule, plate: Plate, entry: datetime, minutes: int) -> list[tuple[int, int]]:
    """The corners: a price holds up to and with its minute, and the next begins there."""
    corners: list[tuple[int, int]] = [(0, 0)]
    entered_at = entry.astimezone(UTC)
    for minute in range(1, minutes + 1):
        stay = Stay(entered_at=entered_at, left_at=entered_at + timedelta(minutes=minute), plate=plate)
        fen = price_by_schedule(stay, schedule).amount_fen
        if fen != corners[-1][1]:
            corners += [(minute - 1, corners[-1][1]), (minute - 1, fen)]
    return [*corners, (minutes, corners[-1][1])]
