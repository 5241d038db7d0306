"""Exemptions: vehicles from which nothing is due, named by plate or by what a plate shows them to be.

A list changes while cars are inside. What that means for them is a choice of each entry, not of chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.errors import InvalidInput
from parking.plate import Colour, VehicleClass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from parking.ids import GarageId
    from parking.plate import Plate
    from parking.session import Session

__all__ = ["CarsInside", "Exemption", "exempting"]


@unique
class CarsInside(StrEnum):
    """What a change of the list means for a car that is inside."""

    AT_ONCE = "at_once"
    """It counts for the whole stay, whether it exempts the car or no longer does."""
    NEXT_ENTRY = "next_entry"
    """The stay goes on as it began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One entry: a plate or a class, at one garage or at all of an operator's; the ``cause`` is shown.

    ``valid_until`` is ``None`` without an end. Which moments it holds for follows from the validity; a stay
    is exempt as a whole or not at all.
    """

    exemption_id: str
    garage_id: GarageId | None
    operator_id: str | None
    plate: Plate | None
    vehicle_class: VehicleClass | None
    cause: str
    cars_inside: CarsInside = CarsInside.NEXT_ENTRY
    valid_from: datetime
    valid_until: datetime | None = None
    added_at: datetime
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        if (self.garage_id is None) == (self.operator_id is None):
            raise InvalidInput("either a garage or an operator", ("garage_id", "operator_id"))
        if (self.plate is None) == (self.vehicle_class is None):
            raise InvalidInput("either a plate or a class of vehicle", ("plate", "vehicle_class"))
        if self.plate is not None and not self.plate.readable:
            raise InvalidInput("a plate that names no vehicle", ("plate",))
        if self.vehicle_class is not None and self.cars_inside is CarsInside.AT_ONCE:
            raise InvalidInput("of a class, a change counts from the next entry", ("cars_inside",))
        if not self.cause.strip():
            raise InvalidInput("a cause", ("cause",))
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise InvalidInput("ends before it begins", ("valid_until",))

    def names(self, plate: Plate, vehicle_class: VehicleClass) -> bool:
        """Whether it is about this vehicle of a class; a colour that was not seen is any colour."""
        if self.plate is None:
            return vehicle_class is self.vehicle_class
        seen = Colour.UNKNOWN not in {plate.colour, self.plate.colour}
        return plate.number == self.plate.number and (not seen or plate.colour is self.plate.colour)

    def exempts(self, session: Session, now: datetime) -> bool:
        """Whether the stay of a vehicle that it names is exempt, as known ``now``, or at its exit."""
        entered_at = session.entered_at
        if self.cars_inside is CarsInside.AT_ONCE:
            return self.ended_at is None and (self._holds(entered_at) or self._holds(now))
        known_then = self.added_at <= entered_at and (self.ended_at is None or entered_at < self.ended_at)
        return known_then and self._holds(entered_at)

    def _holds(self, moment: datetime) -> bool:
        return self.valid_from <= moment and (self.valid_until is None or moment < self.valid_until)


def exempting(
    exemptions: Iterable[Exemption], session: Session, now: datetime, vehicle_class: VehicleClass
) -> Exemption | None:
    """The entry by which a stay of a vehicle is exempt, the oldest of them; ``None``: it is not."""
    fitting = [
        one for one in exemptions if one.names(session.plate, vehicle_class) and one.exempts(session, now)
    ]
    return min(fitting, key=lambda one: (one.added_at, one.exemption_id), default=None)
