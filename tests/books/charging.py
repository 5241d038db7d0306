"""Charges for tests: put into real books, and a rail that does what an agreement says.

The rail keeps books of its own, so that a test can compare them with ours: what it captured per order is
the truth about who was charged how often.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from typing_extensions import override

from parking.clock import Clock
from parking.ids import BillId, GarageId
from settlement.books.charges import Charges
from settlement.books.pool import connection, open_pool
from settlement.charge import Direction, charge_id_of
from settlement.rail import Accepted, Answer, Declined, NotReceived, Order, Paid, Rail, Unknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from settlement.charge import ChargeId

__all__ = ["GARAGE", "NOON", "RAIL", "ChargeBooks", "HandClock", "ScriptedRail", "open_books"]

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
RAIL = "scripted"
GARAGE = GarageId("g1")
PARTITION = 3

ADD_CHARGES = """
WITH due AS (
    INSERT INTO charge (partition, charge_id, direction, garage_id, bill_id, session_id, rail, agreement,
                        amount_fen, state, previous_state, last_step, raised_at, next_at, moved_at)
    SELECT $1, charge_id, 'collect', $2, bill_id, bill_id, $3, agreement, amount_fen, 'due', 'none', 'raised',
           $4, $4, $4
    FROM unnest($5::uuid[], $6::uuid[], $7::text[], $8::bigint[])
        AS x (charge_id, bill_id, agreement, amount_fen)
    RETURNING *
), posted AS (
    INSERT INTO ledger_entry (partition, posted_at, transaction_id, line, kind, debit_account, credit_account,
                              amount_fen, garage_id, bill_id)
    SELECT partition, $4, bill_id, 1, 'bill_raised', 'receivable:' || garage_id,
           'garage_payable:' || garage_id, amount_fen, garage_id, bill_id
    FROM due
)
INSERT INTO ledger_account
SELECT $1, account, sum(debit_fen), sum(credit_fen)
FROM due, LATERAL (VALUES ('receivable:' || $2, amount_fen, 0), ('garage_payable:' || $2, 0, amount_fen))
    AS side (account, debit_fen, credit_fen)
GROUP BY account
ON CONFLICT (partition, account) DO UPDATE SET
    debit_fen = ledger_account.debit_fen + excluded.debit_fen,
    credit_fen = ledger_account.credit_fen + excluded.credit_fen
"""
CREDIT = """
WITH asked AS (
    UPDATE charge SET void_requested = true WHERE charge_id = $1 RETURNING *
), posted AS (
    INSERT INTO ledger_entry (partition, posted_at, transaction_id, line, kind, debit_account, credit_account,
                              amount_fen, garage_id, bill_id)
    SELECT partition, $2, charge_id, 1, 'bill_credited', 'garage_payable:' || garage_id,
           'receivable:' || garage_id, amount_fen, garage_id, bill_id
    FROM asked
)
UPDATE ledger_account SET
    debit_fen = debit_fen + CASE WHEN account LIKE 'garage_payable:%' THEN amount_fen ELSE 0 END,
    credit_fen = credit_fen + CASE WHEN account LIKE 'receivable:%' THEN amount_fen ELSE 0 END
FROM asked
WHERE account IN ('garage_payable:' || garage_id, 'receivable:' || garage_id)
"""
BALANCES = "SELECT account, debit_fen - credit_fen AS fen FROM ledger_account WHERE debit_fen <> credit_fen"
FROM_ENTRIES = """
SELECT account, sum(fen) AS fen
FROM ledger_entry,
    LATERAL (VALUES (debit_account, amount_fen), (credit_account, -amount_fen)) AS s (account, fen)
GROUP BY account
HAVING sum(fen) <> 0
"""
STATES = "SELECT charge_id, direction, state, last_step, attempts, asked, next_at, bill_id FROM charge"
ATTEMPTS = "SELECT * FROM charge_attempt ORDER BY charge_id, attempt_no"


class HandClock(Clock):
    """A clock that a test moves."""

    def __init__(self, moment: datetime = NOON) -> None:
        self._moment = moment

    @override
    def now(self) -> datetime:
        return self._moment

    def advance(self, by: timedelta) -> None:
        self._moment += by


@dataclass(frozen=True, slots=True)
class ChargeBooks:
    """The charges under test, and what a test needs to set up and to look at."""

    charges: Charges
    pool: asyncpg.Pool

    async def add(
        self,
        count: int = 1,
        *,
        agreement: str = "pays",
        amount_fen: int = 1000,
        rail: str = RAIL,
        first: int = 1,
        due_at: datetime = NOON,
    ) -> list[ChargeId]:
        """Bills ``first`` and following, each with a due charge and its ledger entry."""
        bills = [BillId(UUID(int=number << 64 | number)) for number in range(first, first + count)]
        ids = [charge_id_of(bill, Direction.COLLECT) for bill in bills]
        async with connection(self.pool) as held:
            await held.execute(
                ADD_CHARGES,
                PARTITION,
                GARAGE,
                rail,
                due_at,
                ids,
                bills,
                [agreement] * count,
                [amount_fen] * count,
            )
        return ids

    async def credit(self, charge_id: ChargeId, now: datetime = NOON) -> None:
        """A credit note while the charge is under way."""
        async with connection(self.pool) as held:
            await held.execute(CREDIT, charge_id, now)

    async def rows(self) -> dict[UUID, asyncpg.Record]:
        async with connection(self.pool) as held:
            return {row["charge_id"]: row for row in await held.fetch(STATES)}

    async def states(self) -> Counter[str]:
        return Counter(row["state"] for row in (await self.rows()).values())

    async def attempts(self) -> list[asyncpg.Record]:
        async with connection(self.pool) as held:
            return list(await held.fetch(ATTEMPTS))

    async def contradictions(self) -> list[str]:
        async with connection(self.pool) as held:
            rows = await held.fetch("SELECT item_id FROM quarantine WHERE cause = 'rail_contradiction'")
        return sorted(row["item_id"].rsplit("/", 1)[1] for row in rows)

    async def balances(self) -> dict[str, int]:
        """By account kind, after checking that balances are the sums of entries and sum to zero."""
        async with connection(self.pool) as held:
            kept = {row["account"]: int(row["fen"]) for row in await held.fetch(BALANCES)}
            summed = {row["account"]: int(row["fen"]) for row in await held.fetch(FROM_ENTRIES)}
        assert kept == summed
        assert sum(kept.values()) == 0
        return {account.partition(":")[0]: fen for account, fen in kept.items()}


@asynccontextmanager
async def open_books(dsn: str) -> AsyncIterator[ChargeBooks]:
    async with open_pool(dsn, size=6, application_name="test") as pool:
        yield ChargeBooks(Charges(pool), pool)


class ScriptedRail(Rail):
    """Does what the agreement says; the words are the names of the methods' cases.

    ``pays``; ``hard``, ``soft``, ``soft-once``; ``accepts`` (paid when asked); ``hides`` (captures, then
    hangs up); ``drops`` (hangs up on the first sending of an attempt, before anything); ``raises``;
    ``hangs`` (captures, then never answers); ``short`` (captures 1 fen less); ``mute`` (captures and never
    tells); ``waits`` (until ``released``).
    """

    def __init__(self) -> None:
        self.books: dict[tuple[Direction, str], Answer] = {}
        self.orders: dict[tuple[Direction, str], Order] = {}
        self.captured: Counter[tuple[Direction, str]] = Counter()
        """How often money moved, by direction and order."""
        self.sent: Counter[str] = Counter()
        """How often each attempt was sent."""
        self.asked: Counter[str] = Counter()
        self.released = asyncio.Event()
        self.under_way_max = 0
        self._under_way = 0

    @override
    async def charge(self, order: Order) -> Answer:
        return await self._move(Direction.COLLECT, order)

    @override
    async def charge_state(self, attempt_key: str) -> Answer:
        return self._tell(Direction.COLLECT, attempt_key)

    @override
    async def refund(self, order: Order) -> Answer:
        return await self._move(Direction.REFUND, order)

    @override
    async def refund_state(self, attempt_key: str) -> Answer:
        return self._tell(Direction.REFUND, attempt_key)

    async def _move(self, direction: Direction, order: Order) -> Answer:
        self._under_way += 1
        self.under_way_max = max(self.under_way_max, self._under_way)
        self.sent[order.attempt_key] += 1
        try:
            return await self._answer(direction, order)
        finally:
            self._under_way -= 1

    async def _answer(self, direction: Direction, order: Order) -> Answer:
        key = (direction, order.attempt_key)
        assert self.orders.setdefault(key, order) == order, "a key came again with another order"
        script = order.agreement
        if script == "raises":
            raise ConnectionResetError("the rail's client broke")
        if script == "drops" and self.sent[order.attempt_key] == 1:
            return Unknown(detail="hung up")
        if script == "waits":
            await self.released.wait()
        if key not in self.books:
            self.books[key] = self._book(direction, order)
        if script == "hangs":
            await asyncio.sleep(3600)
        return Unknown(detail="hung up") if script in {"hides", "mute"} else self.books[key]

    def _book(self, direction: Direction, order: Order) -> Answer:
        if order.agreement == "hard":
            return Declined(code="agreement_ended", hard=True)
        tried_before = any(
            other.order_key == order.order_key and key[1] in {known for _, known in self.books}
            for key, other in self.orders.items()
        )
        if order.agreement == "soft" or (order.agreement == "soft-once" and not tried_before):
            return Declined(code="no_funds", hard=False)
        if order.agreement == "accepts":
            return Accepted(rail_reference=f"r-{order.attempt_key}")
        return self._capture(direction, order)

    def _capture(self, direction: Direction, order: Order) -> Paid:
        self.captured[direction, order.order_key] += 1
        short = 1 if order.agreement == "short" else 0
        return Paid(
            rail_reference=f"r-{order.attempt_key}", amount_fen=order.amount_fen - short, paid_at=NOON
        )

    def _tell(self, direction: Direction, attempt_key: str) -> Answer:
        self.asked[attempt_key] += 1
        key = (direction, attempt_key)
        booked = self.books.get(key, NotReceived())
        if key in self.orders and self.orders[key].agreement == "mute":
            return Unknown(detail="no line")
        if isinstance(booked, Accepted):
            booked = self.books[key] = self._capture(direction, self.orders[key])
        return booked
