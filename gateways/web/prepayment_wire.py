"""What operators send and get about payments that are taken inside."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from gateways.web.operator_wire import Name, PlateNumber, Wire

__all__ = ["PrepaymentIn", "PrepaymentMade", "PrepaymentRefundIn", "PrepaymentRefundMade"]


class PrepaymentIn(Wire):
    """What a driver paid inside; garage and plate help to find a car that came in a moment ago."""

    prepayment_id: Name
    amount_fen: Annotated[int, Field(gt=0, le=10**9)]
    method: Name
    garage_id: Name | None = None
    plate: PlateNumber | None = None
    paid_before_fen: Annotated[
        int | None, Field(ge=0, description="What the payer saw paid before; refused when that has changed.")
    ] = None


class PrepaymentMade(Wire):
    """What the session has paid in all, and until when its car may leave without owing more.

    ``leave_by`` is null when the car had left already: the money then waits for a person.
    """

    prepayment_id: str
    session_id: UUID
    total_fen: int
    replayed: bool
    leave_by: datetime | None


class PrepaymentRefundIn(Wire):
    """What is given back to a driver of what he paid inside, in the way that ``method`` names."""

    refund_id: Name
    amount_fen: Annotated[int, Field(gt=0, le=10**9)]
    method: Name


class PrepaymentRefundMade(Wire):
    """A refund is booked; the same ``refund_id`` again changes nothing."""

    refund_id: str
    session_id: UUID
    replayed: bool
