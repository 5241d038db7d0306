"""A price list as a picture: what a stay costs by its length, for some moments of entry."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pygal

from gateways.tariff_words import local_text
from parking.money import units
from parking.pricing import Stay, price_by_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from parking.plate import Plate
    from parking.tariff import TariffSchedule

__all__ = ["picture"]

HOUR_MINUTES = 60
STYLE = pygal.style.Style(
    background="white",
    plot_background="white",
    font_family="sans-serif",
    colors=("#1b6ca8", "#c0392b", "#1e8449", "#8e44ad", "#b9770e", "#34495e"),
    opacity="1",
    stroke_width="2.5",
    guide_stroke_color="#dddddd",
    guide_stroke_dasharray="none",
    major_guide_stroke_color="#bbbbbb",
    major_guide_stroke_dasharray="none",
)


def picture(
    schedule: TariffSchedule, plate: Plate, entries: Sequence[datetime], hours: int, exponent: int
) -> bytes:
    """An SVG of the steps that the price takes within so many hours of each entry.

    Entries that cost the same all the way share a line, which names them all.
    """
    tariff = schedule.versions[-1].tariff
    chart = pygal.XY(
        show_dots=False, js=[], style=STYLE, width=1000, height=560, legend_at_bottom=True, margin=20,
        legend_at_bottom_columns=1, truncate_legend=-1,
        title=tariff.name, x_title="hours from entry", y_title=tariff.currency, include_x_axis=True,
        x_labels=list(range(0, hours + 1, max(1, hours // 12))), stroke_style={"width": 2},
    )  # fmt: skip
    alike: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for entry in entries:
        steps = tuple(_steps(schedule, plate, entry, hours * HOUR_MINUTES))
        alike.setdefault(steps, []).append(local_text(entry, ZoneInfo(tariff.zone), "%a %d %b %Y %H:%M"))
    for steps, names in alike.items():
        points = [(minute / HOUR_MINUTES, float(units(fen, exponent))) for minute, fen in steps]
        chart.add(", ".join(names), points)
    return bytes(chart.render())


def _steps(schedule: TariffSchedule, plate: Plate, entry: datetime, minutes: int) -> list[tuple[int, int]]:
    """The corners: a price holds up to and with its minute, and the next begins there."""
    entered_at = entry.astimezone(UTC)

    def priced(minute: int) -> tuple[int, int]:
        stay = Stay(entered_at=entered_at, left_at=entered_at + timedelta(minutes=minute), plate=plate)
        return minute, price_by_schedule(stay, schedule).amount_fen

    corners = [(0, 0)]
    for minute, fen in _rises(priced, corners[0], priced(minutes)):
        corners += [(minute - 1, corners[-1][1]), (minute - 1, fen)]
    return [*corners, (minutes, corners[-1][1])]


def _rises(
    priced: Callable[[int], tuple[int, int]], first: tuple[int, int], last: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """The minutes that cost more than the one before, in order.

    A longer stay never costs less, so that between two minutes that cost the same all do.
    """
    if first[1] == last[1]:
        return
    if last[0] - first[0] == 1:
        yield last
        return
    middle = priced((first[0] + last[0]) // 2)
    yield from _rises(priced, first, middle)
    yield from _rises(priced, middle, last)
