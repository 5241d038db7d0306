"""What operators send and get about whose a plate is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from gateways.web.operator_wire import Label, PlateIn, Wire
from settlement.books.claims import DisputeEnd

__all__ = [
    "ClaimMade",
    "ConfirmIn",
    "PlateDisputeEndIn",
    "PlateDisputeIn",
    "PlateDisputeMade",
    "PlateDisputeOut",
    "PlateDisputesOut",
    "TransferIn",
]


class ClaimMade(Wire):
    """A claim that waits for its proof; ``code`` is shown once, to be brought to the holder of the plate."""

    claim_id: UUID
    code: str
    expires_at: datetime


class ConfirmIn(Wire):
    """The code, as the holder tells it."""

    code: Annotated[str, Field(min_length=1, max_length=64)]


class TransferIn(Wire):
    """To whom the plate goes."""

    to_account_id: UUID


class PlateDisputeIn(Wire):
    """An account says that a plate is its holder's that another account has bound."""

    plate: PlateIn
    claimant_id: UUID
    note: Label


class PlateDisputeMade(Wire):
    """Until it is ended the plate vouches for nobody."""

    dispute_id: UUID


class PlateDisputeOut(Wire):
    """A dispute that waits for a person."""

    dispute_id: UUID
    plate: PlateIn
    account_id: UUID
    claimant_id: UUID
    note: str
    opened_by: str
    opened_at: datetime


class PlateDisputesOut(Wire):
    """The disputes that wait, oldest first."""

    disputes: list[PlateDisputeOut]


class PlateDisputeEndIn(Wire):
    """How it ends."""

    end: DisputeEnd
