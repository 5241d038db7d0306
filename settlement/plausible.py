"""What a car cannot do: be in two garages at once, or come from one to the other faster than roads allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from parking.errors import InvalidInput

__all__ = ["Plausible", "Position"]

POLE = 90_000_000
"""Microdegrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a garage is, in millionths of a degree (a tenth of a metre) of WGS 84."""

    latitude_microdegrees: int
    longitude_microdegrees: int

    def __post_init__(self) -> None:
        if abs(self.latitude_microdegrees) > POLE or abs(self.longitude_microdegrees) > 2 * POLE:
            raise InvalidInput("degrees, north of the equator and east of Greenwich", ("position",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausible:
    """Where a car can have been: what says otherwise about a stay lets no rail be asked for its fee."""

    speed_kmh: int = 200
    """The greatest speed between two garages, as the crow flies: above what any road allows."""
    look_back: timedelta = timedelta(days=7)
    """How long before or after a stay another one may have begun and still be held against it. A car whose
    exit was missed looks as if it were inside for ever, and must not be for all its later stays."""
    clocks_apart: timedelta = timedelta(minutes=4)
    """By how much the clocks of two garages may differ: each as far off as a device clock may be."""
