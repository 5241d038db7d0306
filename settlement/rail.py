"""The port that a payment rail implements.

A rail moves money for us and keeps its own books; what it did is its truth, so a doubt is resolved by
asking it. Two keys travel with a charge: the *order key* names what is paid for (the bill) and the
*attempt key* names one try. A rail answers the same attempt key with the same outcome, however often
it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "Accepted",
    "Answer",
    "Declined",
    "NotReceived",
    "Order",
    "Paid",
    "Rail",
    "Unknown",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt to move ``amount_fen`` (> 0) on behalf of a driver.

    ``agreement`` is the rail's own reference of the driver's consent to be charged.
    """

    order_key: str
    attempt_key: str
    agreement: str
    amount_fen: int
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """The money moved."""

    rail_reference: str
    amount_fen: int
    paid_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The rail took the order and will say later what became of it."""

    rail_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The money did not and will not move under this attempt key; ``hard``: nor under another."""

    code: str
    hard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Nobody here knows whether the money moved; ``detail`` says why, for a person."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotReceived:
    """Only as the answer to a question: the rail has never seen this attempt key."""


Answer = Paid | Accepted | Declined | Unknown | NotReceived


class Rail(Protocol):
    """Moves money. No method raises for a failing rail: what is not known is :class:`Unknown`."""

    async def charge(self, order: Order) -> Answer:
        """Take the amount from the driver; never answers :class:`NotReceived`."""
        ...

    async def charge_state(self, attempt_key: str) -> Answer:
        """Ask what became of a charge."""
        ...

    async def refund(self, order: Order) -> Answer:
        """Give the amount back; ``order.order_key`` is that of the charge, ``attempt_key`` its own."""
        ...

    async def refund_state(self, attempt_key: str) -> Answer:
        """Ask what became of a refund."""
        ...
