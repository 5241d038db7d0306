"""What travels between the simulator and its clients, as JSON.

Times are RFC 3339 in UTC; amounts are whole fen. Every body names its attempt key, so that an answer
can never be taken for another's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateways.rails.simulator.faults import Fault, Kind

__all__ = [
    "NOTICE",
    "REPLY",
    "AcceptedReply",
    "Body",
    "DeclinedNotice",
    "DeclinedReply",
    "ErrorReply",
    "MovementLine",
    "NotReceivedReply",
    "NoticeBody",
    "OrderBody",
    "PaidNotice",
    "PaidReply",
    "Reply",
    "Summary",
]

AMOUNT_MAX_FEN = 10_000_000_000

Key = Annotated[str, Field(pattern=r"^[0-9A-Za-z][!-~]{0,127}$")]
Amount = Annotated[int, Field(gt=0, le=AMOUNT_MAX_FEN)]


class Body(BaseModel):
    """Strict, closed, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OrderBody(Body):
    """A request to take, or to give back, an amount."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    order_key: Key
    attempt_key: Key
    agreement: Key
    amount_fen: Amount
    subject: Annotated[str, Field(max_length=256)]


class PaidReply(Body):
    """200: the money moved."""

    state: Literal["paid"] = "paid"
    attempt_key: str
    rail_reference: str
    amount_fen: Amount
    paid_at: datetime


class AcceptedReply(Body):
    """200: the outcome is to come."""

    state: Literal["accepted"] = "accepted"
    attempt_key: str
    rail_reference: str
    amount_fen: Amount


class DeclinedReply(Body):
    """402 to a request, 200 to a question."""

    state: Literal["declined"] = "declined"
    attempt_key: str
    code: str
    hard: bool


class NotReceivedReply(Body):
    """404 to a question: the rail has never seen the key."""

    state: Literal["not_received"] = "not_received"
    attempt_key: str


class ErrorReply(Body):
    """Any other status."""

    code: str
    detail: str


Reply = Annotated[PaidReply | AcceptedReply | DeclinedReply | NotReceivedReply, Field(discriminator="state")]
REPLY: TypeAdapter[PaidReply | AcceptedReply | DeclinedReply | NotReceivedReply] = TypeAdapter(Reply)


class PaidNotice(Body):
    """A notice that money moved."""

    state: Literal["paid"] = "paid"
    notice_id: str
    kind: Kind
    attempt_key: str
    amount_fen: Amount
    rail_reference: str
    paid_at: datetime


class DeclinedNotice(Body):
    """A notice that an accepted attempt was declined after all."""

    state: Literal["declined"] = "declined"
    notice_id: str
    kind: Kind
    attempt_key: str
    amount_fen: Amount
    rail_reference: str
    code: str
    hard: bool


NoticeBody = Annotated[PaidNotice | DeclinedNotice, Field(discriminator="state")]
NOTICE: TypeAdapter[PaidNotice | DeclinedNotice] = TypeAdapter(NoticeBody)


class MovementLine(Body):
    """One line of the books."""

    kind: Kind
    order_key: str
    attempt_key: str
    amount_fen: Amount
    paid_at: datetime
    rail_reference: str


class Summary(Body):
    """The books in one object; ``faults`` and the notice counters are since the process started."""

    charges: int
    charged_fen: int
    refunds: int
    refunded_fen: int
    declined: int
    pending: int
    orders_charged_twice: int
    faults: dict[Fault, int]
    notices_delivered: int
    notices_failed: int
