"""A car of the day: who drives it, what happens to it, and when it is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateways.demo.drivers import Driver, Incident
    from gateways.demo.traffic import Visit
    from parking.ids import GarageId
    from parking.plate import Plate

__all__ = ["Car"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Car:
    """One car of the day and its visit of the day."""

    place: int
    garage_id: GarageId
    plate: Plate
    driver: Driver
    incident: Incident
    visit: Visit
