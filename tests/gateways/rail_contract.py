"""What every implementation of the rail port must do.

A test module inherits :class:`RailContract`, and :class:`RefundContract` where the rail gives money back,
and provides the fixtures ``rail``, ``unreachable_rail`` and ``scripts`` (agreements with a known behaviour
at that rail), and ``captured``, which asks the rail's own books how often an order was charged.

Some rails accept every charge and say later what became of it, so a test looks at the *outcome*: what the
charge answers, or the questions after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from settlement.rail import Accepted, Declined, NotReceived, Order, Paid, Unknown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from settlement.rail import Answer, Rail

__all__ = ["RailContract", "RefundContract", "Scripts", "final_answer", "fresh", "outcome"]

NUMBERS = count(1)
SETTLE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripts:
    """Agreements whose behaviour is known in advance."""

    pays: str
    declines_hard: str
    declines_soft_once: str
    accepts: str


def fresh(agreement: str, *, order_key: str | None = None, amount_fen: int = 2_050) -> Order:
    """An order with keys that no other test uses."""
    number = next(NUMBERS)
    return Order(
        order_key=order_key or f"order-{number}",
        attempt_key=f"attempt-{number}",
        agreement=agreement,
        amount_fen=amount_fen,
        subject="停车费",
    )


async def final_answer(rail: Rail, attempt_key: str) -> Answer:
    """Ask until a charge is no longer only accepted, within a deadline."""
    async with asyncio.timeout(SETTLE_TIMEOUT_S):
        while True:
            answer = await rail.charge_state(attempt_key)
            if not isinstance(answer, Accepted):
                return answer
            await asyncio.sleep(0.02)


async def outcome(rail: Rail, order: Order) -> Answer:
    """Charge, and ask until it is known what became of it."""
    answer = await rail.charge(order)
    return await final_answer(rail, order.attempt_key) if isinstance(answer, Accepted) else answer


class RailContract:
    """Inherited by the tests of each rail."""

    reference_is_final: ClassVar[bool] = True
    """Whether a charge keeps the reference under which it was accepted."""

    async def test_a_charge_moves_exactly_the_amount(self, rail: Rail, scripts: Scripts) -> None:
        answer = await outcome(rail, fresh(scripts.pays, amount_fen=1))
        assert isinstance(answer, Paid)
        assert answer.amount_fen == 1
        assert answer.rail_reference
        assert answer.paid_at.tzinfo is not None

    async def test_asking_tells_what_the_charge_told(self, rail: Rail, scripts: Scripts) -> None:
        order = fresh(scripts.pays)
        answer = await outcome(rail, order)
        assert await rail.charge_state(order.attempt_key) == answer

    async def test_a_key_never_sent_was_not_received(self, rail: Rail) -> None:
        assert await rail.charge_state("never-sent") == NotReceived()

    async def test_the_same_attempt_again_moves_nothing_more(
        self, rail: Rail, scripts: Scripts, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh(scripts.pays)
        first = await outcome(rail, order)
        assert isinstance(first, Paid)
        assert [await outcome(rail, order) for _ in range(3)] == [first] * 3
        assert await captured(order.order_key) == 1

    async def test_the_same_attempt_many_times_at_once_moves_the_money_once(
        self, rail: Rail, scripts: Scripts, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh(scripts.pays)
        async with asyncio.TaskGroup() as tasks:
            charges = [tasks.create_task(outcome(rail, order)) for _ in range(20)]
        answers = {charge.result() for charge in charges}
        assert len(answers) == 1
        assert isinstance(answers.pop(), Paid)
        assert await captured(order.order_key) == 1

    async def test_a_key_used_for_another_amount_leaves_a_doubt_and_moves_nothing(
        self, rail: Rail, scripts: Scripts, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh(scripts.pays)
        first = await outcome(rail, order)
        assert isinstance(await rail.charge(replace(order, amount_fen=order.amount_fen + 1)), Unknown)
        assert await rail.charge_state(order.attempt_key) == first
        assert await captured(order.order_key) == 1

    async def test_a_hard_decline_stands(
        self, rail: Rail, scripts: Scripts, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh(scripts.declines_hard)
        answer = await outcome(rail, order)
        assert isinstance(answer, Declined)
        assert answer.hard
        assert await outcome(rail, order) == answer
        assert await rail.charge_state(order.attempt_key) == answer
        other = await outcome(rail, fresh(scripts.declines_hard, order_key=order.order_key))
        assert isinstance(other, Declined)
        assert await captured(order.order_key) == 0

    async def test_a_soft_decline_binds_its_attempt_but_not_the_next(
        self, rail: Rail, scripts: Scripts, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh(scripts.declines_soft_once)
        answer = await outcome(rail, order)
        assert isinstance(answer, Declined)
        assert not answer.hard
        assert await outcome(rail, order) == answer
        second = await outcome(rail, fresh(scripts.declines_soft_once, order_key=order.order_key))
        assert isinstance(second, Paid)
        assert await captured(order.order_key) == 1

    async def test_an_accepted_charge_is_paid_later_under_the_same_reference(
        self, rail: Rail, scripts: Scripts, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh(scripts.accepts)
        accepted = await rail.charge(order)
        assert isinstance(accepted, Accepted)
        paid = await final_answer(rail, order.attempt_key)
        assert isinstance(paid, Paid)
        assert paid.rail_reference
        if self.reference_is_final:
            assert paid.rail_reference == accepted.rail_reference
        assert await outcome(rail, order) == paid
        assert await captured(order.order_key) == 1

    async def test_a_cancelled_caller_leaves_the_rail_usable(self, rail: Rail, scripts: Scripts) -> None:
        orders = [fresh(scripts.pays) for _ in range(20)]
        async with asyncio.TaskGroup() as tasks:
            charges = [tasks.create_task(rail.charge(order)) for order in orders]
            for number, charge in enumerate(charges):
                if number % 2:
                    await asyncio.sleep(0.001)
                    charge.cancel()
        for order in orders:
            answer = await outcome(rail, order)
            assert isinstance(answer, Paid)

    async def test_a_rail_out_of_reach_leaves_a_doubt_and_raises_nothing(
        self, unreachable_rail: Rail, scripts: Scripts
    ) -> None:
        order = fresh(scripts.pays)
        assert isinstance(await unreachable_rail.charge(order), Unknown)
        assert isinstance(await unreachable_rail.charge_state(order.attempt_key), Unknown)


class RefundContract:
    """Inherited, beside the other, by the tests of each rail that gives money back."""

    async def test_a_refund_out_of_reach_leaves_a_doubt(
        self, unreachable_rail: Rail, scripts: Scripts
    ) -> None:
        order = fresh(scripts.pays)
        assert isinstance(await unreachable_rail.refund(order), Unknown)
        assert isinstance(await unreachable_rail.refund_state(order.attempt_key), Unknown)

    async def test_a_refund_never_sent_was_not_received(self, rail: Rail) -> None:
        assert await rail.refund_state("never-sent") == NotReceived()

    async def test_a_refund_gives_back_once(self, rail: Rail, scripts: Scripts) -> None:
        order = fresh(scripts.pays)
        assert isinstance(await rail.charge(order), Paid)
        refund = fresh(scripts.pays, order_key=order.order_key)
        answer = await rail.refund(refund)
        assert isinstance(answer, Paid)
        assert answer.amount_fen == order.amount_fen
        assert await rail.refund(refund) == answer
        assert await rail.refund_state(refund.attempt_key) == answer
        assert await rail.charge_state(refund.attempt_key) == NotReceived()

    async def test_no_more_is_given_back_than_was_taken(self, rail: Rail, scripts: Scripts) -> None:
        order = fresh(scripts.pays, amount_fen=1_000)
        assert isinstance(await rail.charge(order), Paid)
        key = order.order_key
        assert isinstance(await rail.refund(fresh(scripts.pays, order_key=key, amount_fen=600)), Paid)
        refused = await rail.refund(fresh(scripts.pays, order_key=key, amount_fen=401))
        assert isinstance(refused, Declined)
        assert refused.hard
        assert isinstance(await rail.refund(fresh(scripts.pays, order_key=key, amount_fen=400)), Paid)
