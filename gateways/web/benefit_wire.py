"""What operators send and get about exemptions and passes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateways.web.operator_wire import Label, Name, PlateIn, Wire
from parking.plate import VehicleClass
from settlement.exemption import CarsInside
from settlement.passes import WhenPlaceFrees

__all__ = ["ExemptionIn", "ExemptionOut", "ExemptionQuery", "ExemptionsOut", "PassIn", "PassOut", "PassesOut"]


class ExemptionIn(Wire):
    """A vehicle, or a class of vehicles, from which nothing is due.

    One of ``garage_id`` and ``operator_id``, and one of ``plate`` and ``vehicle_class``.
    """

    garage_id: Name | None = None
    operator_id: Name | None = None
    plate: PlateIn | None = None
    vehicle_class: VehicleClass | None = None
    cause: Annotated[Label, Field(description="Stands in the proof of a bill.")]
    cars_inside: CarsInside = CarsInside.NEXT_ENTRY
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None


class ExemptionOut(Wire):
    """An entry of a list."""

    exemption_id: str
    garage_id: str | None
    operator_id: str | None
    plate: PlateIn | None
    vehicle_class: VehicleClass | None
    cause: str
    cars_inside: CarsInside
    valid_from: datetime
    valid_until: datetime | None
    added_at: datetime
    ended_at: datetime | None


class ExemptionQuery(Wire):
    """Ended entries are listed only ``with_ended``."""

    with_ended: bool = False


class ExemptionsOut(Wire):
    """The lists that hold at a garage, at most 1,000 entries, the newest first."""

    exemptions: list[ExemptionOut]


class PassIn(Wire):
    """A pass as it is to be; either of an account or of plates. It begins when it was first put to begin."""

    name: Label
    account_id: UUID | None = None
    plates: Annotated[list[PlateIn], Field(default_factory=list, max_length=500)]
    places: Annotated[int, Field(ge=1, le=10_000)] = 1
    when_place_frees: WhenPlaceFrees = WhenPlaceFrees.STAYS_VISITOR
    valid_from: AwareDatetime
    valid_until: AwareDatetime


class PassOut(Wire):
    """A pass, and the sessions that have its places now."""

    pass_id: str
    garage_id: str
    name: str
    account_id: UUID | None
    plates: list[PlateIn]
    places: int
    when_place_frees: WhenPlaceFrees
    valid_from: datetime
    valid_until: datetime
    session_ids: list[UUID]


class PassesOut(Wire):
    """The passes of a garage."""

    passes: list[PassOut]
