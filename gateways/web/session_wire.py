"""What operators send and get about sessions, items for review, and the overview."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, unique
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateways.web.correction_wire import CorrectionOut
from gateways.web.operator_wire import Name, PlateIn, PlateNumber, Wire
from parking.plate import VehicleClass
from parking.proof import Rule
from parking.session import State

__all__ = [
    "AttemptOut",
    "BillOut",
    "ChargeCountOut",
    "ChargeOut",
    "Cursor",
    "FundedOut",
    "ItemOut",
    "ItemQuery",
    "ItemsOut",
    "Limit",
    "LiveQuery",
    "PrepaymentOut",
    "PrepaymentRefundOut",
    "ProofLineOut",
    "ResolutionIn",
    "ResolveAction",
    "SessionFileOut",
    "SessionOut",
    "SessionQuery",
    "SessionsOut",
    "SummaryOut",
    "SummaryQuery",
]

Cursor = Annotated[str, Field(max_length=400, description="``next`` of the page before.")]
Limit = Annotated[int, Field(ge=1, le=200)]
ItemId = Annotated[str, Field(min_length=1, max_length=300)]


class SessionQuery(Wire):
    """Which sessions: of a garage, of a plate, or of both; latest entry first."""

    garage_id: Name | None = None
    plate: PlateNumber | None = None
    state: State | None = None
    entered_from: AwareDatetime | None = None
    entered_before: AwareDatetime | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class LiveQuery(Wire):
    """Where to look for a car that came in a moment ago and is not archived yet."""

    garage_id: Name | None = None
    plate: PlateNumber | None = None


class SessionOut(Wire):
    """One stay; ``archived`` is false while only the gates know of it."""

    session_id: UUID
    garage_id: str
    plate: PlateIn
    state: State
    version: int
    entered_at: datetime
    entry_lane_id: str
    left_at: datetime | None
    exit_lane_id: str | None
    tariff_version_id: str
    account_id: UUID | None
    archived: bool


class SessionsOut(Wire):
    """One page of sessions."""

    sessions: list[SessionOut]
    next: str | None


class ProofLineOut(Wire):
    """One line of a price: quantity times unit price, by a rule.

    ``name`` is that of the window, vehicle rule, pass or coupon behind it; ``funder`` owes ``worth_fen``.
    """

    starts_at: datetime
    ends_at: datetime
    quantity: int
    unit_price_fen: int
    amount_fen: int
    rule: Rule
    name: str
    funder: str
    worth_fen: int


class FundedOut(Wire):
    """A coupon that a bill has used; of what the driver pays less, its merchant owes ``owed_fen``."""

    merchant_id: str
    coupon_id: str
    worth_fen: int
    owed_fen: int


class BillOut(Wire):
    """A bill with the lines that add up to it, or the credit note that takes one back.

    ``correction`` counts how often the bill of this closing was corrected before. The price list's rules for
    vehicles see ``vehicle_class``.
    """

    bill_id: UUID
    kind: str
    credits_bill_id: UUID | None
    version: int
    correction: int
    account_id: UUID | None
    plate: PlateIn
    vehicle_class: VehicleClass
    entered_at: datetime
    left_at: datetime
    tariff_version_id: str
    amount_fen: int
    prepaid_fen: int
    reason: str
    raised_at: datetime
    funded: list[FundedOut]
    proof: list[ProofLineOut]


class AttemptOut(Wire):
    """One try at a rail."""

    number: int
    sent_at: datetime
    answered_at: datetime | None
    outcome: str | None
    code: str | None
    rail_reference: str | None


class ChargeOut(Wire):
    """A bill's money on its way through a rail, or back."""

    charge_id: UUID
    bill_id: UUID
    direction: str
    rail: str | None
    amount_fen: int
    state: str
    last_code: str | None
    raised_at: datetime
    next_at: datetime | None
    moved_at: datetime
    attempts: list[AttemptOut]


class PrepaymentOut(Wire):
    """What was paid inside."""

    prepayment_id: str
    amount_fen: int
    method: str
    taken_by: str
    received_at: datetime


class PrepaymentRefundOut(Wire):
    """What was given back of it."""

    refund_id: str
    amount_fen: int
    method: str
    given_by: str
    given_at: datetime


class SessionFileOut(Wire):
    """One session as its gates saw it, with its bills, charges, prepayments and corrections."""

    session: SessionOut
    bills: list[BillOut]
    charges: list[ChargeOut]
    prepayments: list[PrepaymentOut]
    prepayment_refunds: list[PrepaymentRefundOut]
    corrections: list[CorrectionOut]


class ItemQuery(Wire):
    """Which open items, oldest first."""

    garage_id: Name | None = None
    cause: Name | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class ItemOut(Wire):
    """Something that no rule could settle; the details depend on its cause.

    ``finding`` says, of an exit that ended no session, which cars inside come close and why none was taken
    for it.
    """

    item_id: str
    garage_id: str
    cause: str
    opened_at: datetime
    details: dict[str, Any]
    finding: dict[str, Any] | None
    can_match: bool
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    note: str | None


class ItemsOut(Wire):
    """One page of open items."""

    items: list[ItemOut]
    next: str | None


@unique
class ResolveAction(StrEnum):
    """How to settle an item."""

    DISMISS = "dismiss"
    MATCH = "match"
    """The car at the exit was that of a session: close it as of the moment of the event."""
    CONFIRM = "confirm"
    """The plate of an exit was read rightly: charge its driver. Dismissed, the bill is credited."""
    RETRY = "retry"
    """What kept the books from booking a record is mended: send it to them once more."""
    PAID = "paid"
    """The rail has moved the money of a charge whose outcome nobody knew."""
    DECLINED = "declined"
    """It has not, and will not."""


class ResolutionIn(Wire):
    """A match names the session or the plate of the car; the other actions name nothing."""

    action: ResolveAction
    note: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] | None = None
    session_id: UUID | None = None
    plate: PlateNumber | None = None


class SummaryQuery(Wire):
    """Since when events and bills are counted; left out, since 24 hours ago."""

    since: AwareDatetime | None = None


class ChargeCountOut(Wire):
    """Charges of one direction, rail and state; at ``next_at`` the first is tried or asked about again."""

    direction: str
    rail: str | None
    state: str
    charges: int
    amount_fen: int
    oldest_moved_at: datetime
    next_at: datetime | None


class SummaryOut(Wire):
    """How the installation is doing; charges are counted over all time."""

    since: datetime
    events: dict[str, int]
    sessions_inside: int
    review_items: int
    bills: int
    billed_fen: int
    credit_notes: int
    credited_fen: int
    charges: list[ChargeCountOut]
    oldest_in_doubt_since: datetime | None
