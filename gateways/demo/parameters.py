"""What can be typed after an option of the demo: a speed, names of gates, a span."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import click
from typing_extensions import override

from gateways.devices.makers import GATES

__all__ = ["GateNames", "Span", "Speed"]

UNITS: Final = {"h": timedelta(hours=1), "m": timedelta(minutes=1)}
OUTAGE_MAX: Final = timedelta(hours=10)


class Speed(click.ParamType[float | None]):
    """``max`` or how many times as fast as life."""

    name = "max|NUMBER"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | None:
        """None for ``max``."""
        if value is None or value == "max":
            return None
        try:
            speed = float(str(value))
        except ValueError:
            speed = 0.0
        if not 0 < speed <= 100_000:  # noqa: PLR2004 - beyond it, "max" is meant
            self.fail("max, or how many times as fast as life", param, ctx)
        return speed


class GateNames(click.ParamType[tuple[str, ...]]):
    """Names of gates, between commas."""

    name = "NAME,…"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Each of them once."""
        names = tuple(dict.fromkeys(value if isinstance(value, tuple) else str(value).split(",")))
        unknown = [name for name in names if name not in GATES]
        if unknown:
            self.fail(f"{', '.join(unknown)}: there is {', '.join(GATES)}", param, ctx)
        return names


class Span(click.ParamType[timedelta]):
    """``2h`` or ``90m``."""

    name = "2h|90m"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """The span, up to ten hours."""
        if isinstance(value, timedelta):
            return value
        number, unit = str(value)[:-1], UNITS.get(str(value)[-1:])
        span = unit * int(number) if unit is not None and number.isascii() and number.isdigit() else None
        if span is None or not timedelta() < span <= OUTAGE_MAX:
            self.fail("hours or minutes, as 2h or 90m, up to 10h", param, ctx)
        return span
