"""Bills under a test's hand: drivers with plates, a rail that takes it all, books that are verified."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from parking.ids import AccountId
from parking.plate import Colour, Plate
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.charges import Charges
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.charge import Direction
from settlement.outcomes import Answered, book_answers
from settlement.rail import Paid
from settlement.retry import STANDARD
from settlement.verify import Capture, verify
from tests.books.records import MORNING, TARIFFS, FixedTariffs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from parking.journal import Record
    from settlement.books.pool import Pool
    from settlement.charge import Attempt
    from settlement.rail import Answer
    from settlement.verify import Violation

__all__ = ["EVENING", "RAIL", "Office", "account_of", "open_office"]

RAIL = "sim"
EVENING = MORNING + timedelta(hours=12)
LEASE = timedelta(minutes=1)


@dataclass
class Office:
    """Books, and what the rail has in its own; ``now`` is moved by the test."""

    dsn: str
    pool: Pool
    charges: Charges
    now: datetime = EVENING
    captures: list[Capture] = field(default_factory=list)

    async def register(self, number: int, *plates: str, colour: Colour = Colour.BLUE) -> AccountId:
        """A driver who has agreed to pay by the rail."""
        account = NewAccount(
            account_id=account_of(number),
            holder=f"d{number}",
            limit_fen=10_000,
            exposure_limit_fen=100_000,
            plates=tuple(Plate(number=plate, colour=colour) for plate in plates),
            agreements=(Agreement(rail=RAIL, reference=f"r{number}"),),
        )
        await Accounts(self.pool).open_one(account, MORNING)
        return account.account_id

    async def post(self, *records: Record) -> None:
        await PostgresRecordBooks(self.pool).post(records, TARIFFS, self.now)

    async def sent(self) -> list[Attempt]:
        return await self.charges.claim(RAIL, now=self.now, claimed_max=100, lease=LEASE)

    async def answered(self, attempts: Sequence[Attempt], answer: Answer | None = None) -> None:
        """What the rail says of attempts; that it has taken, or given back, all of the money by default."""
        told = []
        for attempt in attempts:
            charge = attempt.charge
            paid = Paid(rail_reference=attempt.key, amount_fen=charge.amount_fen, paid_at=self.now)
            told.append(Answered(attempt=attempt, answer=answer or paid))
            if answer is None:
                self.captures.append(
                    Capture(
                        direction=charge.direction,
                        order_key=charge.bill_id.hex,
                        attempt_key=attempt.key,
                        amount_fen=charge.amount_fen,
                    )
                )
        await book_answers(told, books=self.charges, schedule=STANDARD, now=self.now)

    async def collect(self) -> None:
        """The rail moves everything that is due."""
        while attempts := await self.sent():
            await self.answered(attempts)

    async def taken_fen(self) -> int:
        """What the rail holds in the end."""
        signs = {Direction.COLLECT: 1, Direction.REFUND: -1}
        return sum(signs[one.direction] * one.amount_fen for one in self.captures)

    async def charged(self) -> list[tuple[str, str, int, str | None]]:
        """Every charge: direction, state, amount and agreement."""
        rows = await self.pool.fetch(
            "SELECT direction, state, amount_fen, agreement FROM charge"
            " ORDER BY raised_at, direction, amount_fen"
        )
        return [tuple(row) for row in rows]

    async def billed(self) -> list[tuple[str, int, str, int]]:
        """Every bill: kind, correction, plate and amount, in the order of their making."""
        rows = await self.pool.fetch(
            "SELECT kind, correction, number, amount_fen FROM bill ORDER BY version, correction, kind"
        )
        return [tuple(row) for row in rows]

    async def balances(self) -> dict[str, int]:
        """Debit minus credit, of accounts that are not even."""
        rows = await self.pool.fetch(
            "SELECT split_part(account, ':', 1) AS account, sum(debit_fen - credit_fen)::bigint AS fen"
            " FROM ledger_account GROUP BY 1 HAVING sum(debit_fen - credit_fen) <> 0"
        )
        return {row["account"]: row["fen"] for row in rows}

    async def violations(self) -> tuple[Violation, ...]:
        """What verification finds wrong in our books, and against the rail's."""

        async def read() -> dict[str, list[Capture]]:
            return {RAIL: list(self.captures)}

        found = await verify(PostgresVerifiableBooks(self.pool), FixedTariffs(), read)
        assert found.imbalance_fen == 0
        return found.violations


def account_of(number: int) -> AccountId:
    return AccountId(UUID(int=number))


@asynccontextmanager
async def open_office(dsn: str) -> AsyncIterator[Office]:
    async with open_pool(dsn, size=4, application_name="test") as pool:
        yield Office(dsn=dsn, pool=pool, charges=Charges(pool))
