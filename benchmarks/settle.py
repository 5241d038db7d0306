"""Bills posted beside the database's own benchmark: both on one embedded PostgreSQL, in turn.

Ours is the biller as it runs in production, from journal records to committed rows: each exit is priced
again, and becomes a bill with its proof, ledger entries with balances, a charge that is due, a closed
session and an archived event. The entries of the same cars are booked before, outside the measured time.
Beside it runs pgbench's TPC-B with 8 clients, which commits one small transfer at a time: the usual measure
of what a database does when it is asked row by row.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from benchmarks.processes import cpu_seconds
from benchmarks.report import context, spread
from benchmarks.stays import ACCOUNTS, MORNING, PARTITIONS, TARIFFS, Backlog, stays
from gateways.embedded import embedded_stores, postgres_binary, scratch_data_dir
from gateways.embedded.process import Command, run_to_end
from gateways.process import collect_seldom
from parking.clock import Clock
from settlement.biller import Biller
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.migrate import migrate
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.observe import SilentObserver
from settlement.record_books import Booked, Tariffs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from parking.ids import TariffVersionId
    from parking.journal import Record
    from parking.tariff import Tariff
    from settlement.books.pool import Pool

__all__ = ["run", "settle"]

CLIENTS = 8
WRITERS = 2
PROGRAM_SECONDS = 300.0
TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
DURABLE = (
    "Every bill, with ledger, balances, charge and archived event, was committed with PostgreSQL's normal"
    " durability (fsync and synchronous_commit on) before its records were settled;"
    " pgbench ran on the same server."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured; ``pgbench_s`` is the length of one of its turns."""

    rounds: int
    cars: int
    pgbench_s: int
    pgbench_scale: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of each: bills, entries (records without a bill) and TPC-B transactions a second."""

    bills_per_s: float
    entries_per_s: float
    tps: float
    own_cores: float


FULL = Size(rounds=7, cars=20_000, pgbench_s=5, pgbench_scale=10)
SMALL = Size(rounds=5, cars=1_000, pgbench_s=1, pgbench_scale=1)


class Counting(SilentObserver):
    """Remembers what was booked."""

    def __init__(self) -> None:
        self.booked = Booked()

    @override
    def batch_posted(self, *, records: int, seconds: float, booked: Booked) -> None:
        self.booked += booked


class NextDay(Clock):
    """Always the day after the stays."""

    @override
    def now(self) -> datetime:
        return MORNING + timedelta(days=1)


class OneTariff(Tariffs):
    """The tariff of all stays."""

    @override
    async def of(self, version_ids: set[TariffVersionId]) -> Mapping[TariffVersionId, Tariff]:
        return TARIFFS


async def run(*, small: bool) -> dict[str, object]:
    """Bills a second beside pgbench; ``ratio`` is bills for one TPC-B transaction."""
    return _report(await settle(SMALL if small else FULL), small=small)


async def settle(size: Size) -> list[Turn]:
    """The turns, on a server of their own that is gone afterwards."""
    with scratch_data_dir() as folder:
        async with embedded_stores(folder, valkey=False, postgres=True, log=_Quiet()) as stores:
            dsn = str(stores.postgres_dsn)
            await migrate(dsn, partition_count=PARTITIONS, now=MORNING)
            await asyncio.to_thread(_program, dsn, "createdb", "pgbench")
            await asyncio.to_thread(_pgbench, dsn, "-i", "-q", "-s", str(size.pgbench_scale))
            async with open_pool(dsn, size=WRITERS, application_name="benchmark") as pool:
                await _open_accounts(pool)
                await _turn(pool, dsn, size, -1)
                return [await _turn(pool, dsn, size, number) for number in range(size.rounds)]


class _Quiet:
    """What the store says matters only when it fails, and then it raises."""

    def info(self, event: str, **fields: object) -> None:
        """Say nothing."""

    def warning(self, event: str, **fields: object) -> None:
        """Say nothing."""


async def _open_accounts(pool: Pool) -> None:
    accounts = [
        NewAccount(
            account_id=account_id,
            holder="driver",
            limit_fen=10_000,
            exposure_limit_fen=100_000,
            agreements=(Agreement(rail="simulator", reference=account_id.hex),),
        )
        for account_id in ACCOUNTS
    ]
    await Accounts(pool).open(accounts, MORNING)


async def _turn(pool: Pool, dsn: str, size: Size, number: int) -> Turn:
    made = stays(size.cars, number)
    collect_seldom()  # as settlement does; the records that wait here are the benchmark's own
    entries_s, _, _ = await _book(pool, made.entries)
    exits_s, cpu_s, bills = await _book(pool, made.exits)
    if bills != size.cars:
        raise RuntimeError(f"{bills} bills for {size.cars} exits")
    said = await asyncio.to_thread(
        _pgbench, dsn, "-c", str(CLIENTS), "-j", "2", "-T", str(size.pgbench_s), "--no-vacuum"
    )
    found = TPS.search(said)
    if found is None:
        raise RuntimeError("pgbench named no rate")
    return Turn(
        bills_per_s=bills / exits_s,
        entries_per_s=size.cars / entries_s,
        tps=float(found[1]),
        own_cores=cpu_s / exits_s,
    )


async def _book(pool: Pool, records: Sequence[Record]) -> tuple[float, float, int]:
    """Seconds, our own processor seconds, and the bills that were new."""
    observer = Counting()
    biller = Biller(
        journal=Backlog(records),
        books=PostgresRecordBooks(pool),
        tariffs=OneTariff(),
        clock=NextDay(),
        observer=observer,
    )
    loop = asyncio.get_running_loop()
    started, cpu_started = loop.time(), cpu_seconds()
    while await biller.step():
        pass
    return loop.time() - started, cpu_seconds() - cpu_started, observer.booked.bills


def _pgbench(dsn: str, *options: str) -> str:
    return _program(dsn, "pgbench", *options, "pgbench")


def _program(dsn: str, name: str, *options: str) -> str:
    """Run one of PostgreSQL's programs against the server of ``dsn``."""
    parts = urlsplit(dsn)
    server = ("--host", parse_qs(parts.query)["host"][0], "--username", parts.username or "")
    command = Command(argv=(str(postgres_binary(name)), *server, *options), environment={})
    ran = run_to_end(command, within_seconds=PROGRAM_SECONDS)
    if ran.returncode != 0:
        raise RuntimeError(f"{name}: {ran.stderr.strip()}")
    return ran.stdout


def _report(turns: Sequence[Turn], *, small: bool) -> dict[str, object]:
    ratios = [turn.bills_per_s / turn.tps for turn in turns]
    return {
        "benchmark": "settle",
        "ratio": round(median(ratios), 2),
        "rate": round(median(turn.bills_per_s for turn in turns)),
        "ceiling_rate": round(median(turn.tps for turn in turns)),
        "unit": "bills a second; the ceiling is pgbench TPC-B transactions a second",
        "entries_per_s": round(median(turn.entries_per_s for turn in turns)),
        "rounds": len(turns),
        "ratio_range": spread(ratios),
        "rate_range": spread([turn.bills_per_s for turn in turns]),
        "ceiling_range": spread([turn.tps for turn in turns]),
        "own_cores": round(median(turn.own_cores for turn in turns), 2),
        "durable": DURABLE,
        **context("settle", small=small),
    }
