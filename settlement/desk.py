"""A desk: one job at one rail, with a bounded number of hands.

A charge is in a desk's hands from being taken from the books until its outcome is booked. What is sent for
an attempt follows from the attempt alone, so that it is the same however often it has to be sent.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from settlement.charge import Direction
from settlement.rail import Order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from settlement.charge import Attempt, ChargeId
    from settlement.rail import Answer, Rail

__all__ = ["Desk", "desks_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One job at one rail; ``in_hand`` are its charges.

    They are counted: a charge may be taken again while its last outcome is just being booked.
    """

    rail: str
    question: bool
    hands: int
    call: Callable[[Attempt], Awaitable[Answer]]
    in_hand: Counter[ChargeId] = field(default_factory=Counter)
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    def free(self) -> int:
        """How many more charges it can take."""
        return self.hands - self.in_hand.total()

    def put_down(self, charge_id: ChargeId) -> None:
        """The outcome is booked, or given up."""
        self.in_hand[charge_id] -= 1
        if not self.in_hand[charge_id]:
            del self.in_hand[charge_id]
        self.freed.set()


def desks_of(name: str, rail: Rail, *, calls_max: int, questions_max: int) -> tuple[Desk, Desk]:
    """The desk that sends to a rail, and the one that asks it."""

    async def send(attempt: Attempt) -> Answer:
        order = _order(attempt)
        if attempt.charge.direction is Direction.REFUND:
            return await rail.refund(order)
        return await rail.charge(order)

    async def ask(attempt: Attempt) -> Answer:
        if attempt.charge.direction is Direction.REFUND:
            return await rail.refund_state(attempt.key)
        return await rail.charge_state(attempt.key)

    return (
        Desk(rail=name, question=False, hands=calls_max, call=send),
        Desk(rail=name, question=True, hands=questions_max, call=ask),
    )


def _order(attempt: Attempt) -> Order:
    """The same for every sending of an attempt, as rails demand of a key that comes again."""
    charge = attempt.charge
    return Order(
        order_key=charge.bill_id.hex,
        attempt_key=attempt.key,
        agreement=charge.agreement or "",
        amount_fen=charge.amount_fen,
        subject=f"parking at {charge.garage_id}",
    )
