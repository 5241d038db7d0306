"""What operators send and get about cars without a plate, and their tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateways.web.operator_wire import Label, Name, Wire
from parking.stay_token import STAY_TOKEN_MAX

__all__ = [
    "AccountTokenIn",
    "AccountTokenMade",
    "ReplacementIn",
    "ReplacementMade",
    "TokenStayOut",
    "TokenStayQuery",
    "TokenStaysOut",
]


class AccountTokenIn(Wire):
    """A token for a driver with an account: a new one, or the one that he has from the lane."""

    garage_id: Name
    token: Annotated[str | None, Field(max_length=STAY_TOKEN_MAX, pattern=r"^[A-Z0-9-]+$")] = None
    valid_minutes: Annotated[int, Field(ge=1, le=1440, description="Of a new one: until the entry.")] = 30


class AccountTokenMade(Wire):
    """``token`` is the payload of the code that the lane reads; ``expires_at`` only of a new one."""

    token: str
    name: str
    expires_at: datetime | None


class TokenStayQuery(Wire):
    """Which stays: the time that the driver remembers, give or take."""

    garage_id: Name
    entered_from: AwareDatetime
    entered_until: AwareDatetime
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class TokenStayOut(Wire):
    """A car that is inside; ``name`` is in place of its plate, ``replaced`` counts the tokens it lost."""

    session_id: UUID
    name: str
    entered_at: datetime
    entry_lane_id: str
    image_reference: str | None
    account_id: UUID | None
    replaced: int


class TokenStaysOut(Wire):
    """The first in first."""

    stays: list[TokenStayOut]


class ReplacementIn(Wire):
    """Why: what the attendant has seen that makes this driver the one who came in."""

    reason: Label


class ReplacementMade(Wire):
    """The token by which the car leaves now; every other one of it is refused."""

    session_id: UUID
    token: str
