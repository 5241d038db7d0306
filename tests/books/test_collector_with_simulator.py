"""Collector, books and a rail simulator as its own process, with faults, and both sets of books compared."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from gateways.rails.simulator.client import SimulatorRail, open_rail_session
from gateways.rails.simulator.faults import Kind
from gateways.rails.simulator.statement import StatementLine, read_statement
from settlement.charge import Direction
from tests.books.charging import RAIL, ChargeBooks, HandClock, open_books
from tests.books.collecting import DAY, MINUTE, QUICK, WAIT_S, a_collector, running, until
from tests.gateways.rail_process import rail_process

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    import asyncpg

ENDED = {"paid", "unpaid", "review", "voided"}
SCRIPTS = (
    "timeout-before-capture",
    "timeout-after-capture",
    "error-before-capture",
    "error-after-capture",
    "rate-limited",
    "accepted",
    "accepted-then-declined",
    "decline-hard",
    "decline-soft",
    "decline-soft-once",
    "slow",
)
FAULTS = """
hang_s = 1.0
slow_s = [0.1, 0.7]
accepted_s = [0.0, 0.1]
[rates]
error_before_capture = 0.03
error_after_capture = 0.05
decline_soft = 0.05
decline_hard = 0.02
accepted = 0.05
slow = 0.05
timeout_after_capture = 0.03
"""


async def test_a_simulated_rail_with_faults_charges_nobody_twice(postgres_dsn: str, tmp_path: Path) -> None:
    async with open_books(postgres_dsn) as books:
        await books.add(250)
        for number, script in enumerate(SCRIPTS):
            await books.add(5, agreement=f"sim:{script}", first=1000 + 10 * number)
        with rail_process(tmp_path / "rail", faults=FAULTS, timeout_s=0.5) as process:
            async with open_rail_session(process.where) as session:
                await collect_all(books, SimulatorRail(session, process.where))
                movements = [line async for line in read_statement(session, process.where)]
        check_against(await books.rows(), movements)
        states = await books.states()
        assert states["paid"] >= 250
        assert states["unpaid"] >= 10
        assert sum(line.kind is Kind.REFUND for line in movements) == 5
        await books.balances()


async def collect_all(books: ChargeBooks, rail: SimulatorRail) -> None:
    """Until every charge has ended; five bills are credited while their charges are in doubt."""
    clock = HandClock()
    credited = await books.add(5, agreement="sim:error-after-capture", first=2000)
    settings = replace(QUICK, call_deadline_s=2.0, calls_max=32, lease=DAY)
    async with running(a_collector(books.charges, {RAIL: rail}, clock, settings=settings)):
        await until(lambda: all_sent(books))
        for charge_id in credited:
            await books.credit(charge_id, clock.now())
        async with asyncio.timeout(WAIT_S):
            while not set(await books.states()) <= ENDED:
                clock.advance(10 * MINUTE)
                await asyncio.sleep(0.02)


def check_against(rows: dict[UUID, asyncpg.Record], movements: list[StatementLine]) -> None:
    """Their books and ours: nothing moved twice, and what we call paid is what moved."""
    moved = Counter((line.kind, line.order_key) for line in movements)
    assert set(moved.values()) == {1}
    kinds = {Direction.COLLECT: Kind.CHARGE, Direction.REFUND: Kind.REFUND}
    for row in rows.values():
        if row["state"] != "review":
            key = (kinds[Direction(row["direction"])], row["bill_id"].hex)
            assert moved[key] == (row["state"] == "paid"), dict(row)


async def all_sent(books: ChargeBooks) -> bool:
    """Whether every charge was sent at least once and nothing is under way."""
    rows = (await books.rows()).values()
    return all(row["attempts"] > 0 and row["state"] != "sent" for row in rows)
