"""What operators send and get about corrections of bills."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateways.web.operator_wire import Name, PlateIn, Wire
from parking.plate import VehicleClass

__all__ = [
    "CorrectionEntry",
    "CorrectionIn",
    "CorrectionMade",
    "CorrectionOut",
    "CorrectionQuery",
    "CorrectionsOut",
]


class CorrectionOut(Wire):
    """What a person found to be true of a stay that was billed otherwise, and what it led to."""

    correction_id: str
    version: int
    correction: int
    plate: PlateIn
    vehicle_class: VehicleClass
    entered_at: datetime
    left_at: datetime
    reason: str
    corrected_by: str
    corrected_at: datetime
    credits_bill_id: UUID
    bill_id: UUID


class CorrectionQuery(Wire):
    """Which corrections: of a garage or of all, made since a moment; latest first."""

    garage_id: Name | None = None
    corrected_from: AwareDatetime | None = None
    cursor: Annotated[str, Field(max_length=400, description="``next`` of the page before.")] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class CorrectionEntry(CorrectionOut):
    """A correction among those of many stays: the bill before asked for ``was_fen``."""

    session_id: UUID
    garage_id: str
    was_fen: int
    amount_fen: int


class CorrectionsOut(Wire):
    """One page of corrections."""

    corrections: list[CorrectionEntry]
    next: str | None


class CorrectionIn(Wire):
    """What is wrong with a billed stay, with the right facts; what is left out was right.

    ``vehicle_class`` follows the plate until one is named: where number or colour is wrong, correct those.
    One that was named stays. Rules of a price list by colour look at the plate's.
    """

    correction_id: Name
    plate: PlateIn | None = None
    vehicle_class: VehicleClass | None = None
    entered_at: AwareDatetime | None = None
    left_at: AwareDatetime | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")]


class CorrectionMade(Wire):
    """The credit note and the bill that a correction led to.

    ``account_id`` is who pays now; null when nobody has bound the plate.
    """

    correction_id: str
    session_id: UUID
    correction: int
    credit_note_id: UUID
    bill_id: UUID
    account_id: UUID | None
    amount_fen: int
    prepaid_fen: int
    replayed: bool
