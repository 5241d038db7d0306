"""A town on real stores: three garages, two of one operator; gates, settlement and a rail to command."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from gateways.catalog_texts import CATALOG_TEXTS
from gateways.policy_file import POLICY_TEXTS
from gateways.settlement_wiring import regrant_with
from parking.desk import Desk
from parking.garage import Policy
from parking.ids import AccountId, GarageId
from parking.journal import Record
from parking.live.granting import LiveDebtors, LiveGrants
from parking.live.journal import open_journal
from parking.live.sessions import Sessions
from parking.plate import Colour, parse_plate
from parking.tariff import TariffSchedule, TariffVersion, version_id_of
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.benefit_sources import benefit_sources
from settlement.books.charges import Charges
from settlement.books.claims import Claims
from settlement.books.corrections import Corrections
from settlement.books.coupons import Coupons
from settlement.books.debts import Debts
from settlement.books.exemptions import Exemptions
from settlement.books.garages import GarageRecord, Garages
from settlement.books.granting import PostgresGrantBooks
from settlement.books.late_giving import PostgresLateBooks
from settlement.books.merchants import Merchants
from settlement.books.passes import Passes
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.prepayments import Prepayments
from settlement.books.standings import Standings
from settlement.books.stay_tokens import StayTokens
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.books.views import Views
from settlement.coupon_desk import CouponDesk
from settlement.debtors import Debtors
from settlement.granter import Granter, GranterSettings
from settlement.late_giving import LateGiver
from settlement.observe import SilentObserver
from settlement.outcomes import Answered, book_answers
from settlement.rail import Declined, Paid
from settlement.retry import STANDARD as SCHEDULE
from tests.scenarios.stage import LANES, MIDNIGHT, PARTITIONS, TARIFF, ManualClock, live_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.desk import Answer
    from parking.event import GateEvent
    from parking.live.batching import BatchingConnection
    from parking.live.journal import LiveJournal
    from settlement.books.pool import Pool

__all__ = ["RAIL", "TARIFFS", "Town", "town"]

RAIL = "simulator"
MOMENT = timedelta(milliseconds=1)
"""How long an empty journal is waited for."""
OPERATORS = {"east": "kerry", "west": "kerry", "far": "other"}
TARIFFS = {version_id_of(TARIFF): TARIFF}


@dataclass(kw_only=True)
class Town:
    """What a scenario acts on."""

    pool: Pool
    live: BatchingConnection
    journal: LiveJournal
    clock: ManualClock = field(default_factory=ManualClock)
    granting: bool = True
    """Whether the granter is there."""

    def __post_init__(self) -> None:
        count, pool, clock = PARTITIONS, self.pool, self.clock
        observer = SilentObserver()
        self.policies = Policies(pool, POLICY_TEXTS)
        self.accounts, self.debts = Accounts(pool), Debts(pool, partition_count=count)
        self.claims, self.stay_tokens = Claims(pool), StayTokens(pool, partition_count=count)
        self.standings, self.views = (
            Standings(pool, partition_count=count),
            Views(pool, partition_count=count),
        )
        self.garages = Garages(pool, partition_count=count, texts=CATALOG_TEXTS)
        self.charges = Charges(pool)
        self.billed: set[AccountId] = set()
        self.record_books = PostgresRecordBooks(pool, owing_changed=self.billed.update)
        self.sessions = Sessions(self.live, partition_count=count)
        self.desk = Desk(self.sessions, clock)
        sources = benefit_sources(pool, partition_count=count)
        books = PostgresGrantBooks(pool, self.policies, partition_count=count, sources=sources)
        self.exemptions, self.passes = Exemptions(pool), Passes(pool, partition_count=count)
        self.granter = Granter(
            journal=self.journal,
            books=books,
            grants=LiveGrants(self.live, clock, partition_count=count),
            clock=clock,
            observer=observer,
            settings=GranterSettings(block=MOMENT),
        )
        self.debtors = Debtors(
            books=books,
            notices=LiveDebtors(self.live, partition_count=count),
            clock=clock,
            observer=observer,
        )
        self.regrant = partial(regrant_with, self.granter, self.debtors)
        self.merchants = Merchants(pool, partition_count=count)
        self.coupons = CouponDesk(
            books=Coupons(pool, partition_count=count),
            cars=self.sessions,
            tell=self.granter.tell,
            clock=clock,
            observer=observer,
        )
        self.prepayments = Prepayments(pool, partition_count=count)
        self.corrections = Corrections(pool, partition_count=count)
        self.owing_changed: list[AccountId] = []
        self.late_giver = LateGiver(
            books=PostgresLateBooks(
                pool, sources=sources, corrections=self.corrections, garages=self.garages
            ),
            behind=self._behind,
            owing_changed=self.owing_changed.extend,
            clock=clock,
            observer=observer,
        )

    async def _behind(self) -> timedelta:
        return timedelta() if self.granting else timedelta(hours=1)

    async def open(self) -> None:
        """Put the garages in the books."""
        tariffs = TariffSchedule(
            versions=(TariffVersion(in_force_from=MIDNIGHT - timedelta(days=365), tariff=TARIFF),)
        )
        for name, operator_id in OPERATORS.items():
            record = GarageRecord(
                garage_id=GarageId(name),
                name=name,
                spaces=100,
                lanes=LANES,
                policy=Policy(),
                tariffs=tariffs.versions,
                operator_id=operator_id,
            )
            await self.garages.put(record, self.clock.now())

    async def register(self, number: str, *, limit_fen: int = 5_000, total_fen: int = 20_000) -> AccountId:
        """An account that has bound this blue plate, with an agreement."""
        account_id = AccountId(UUID(int=sum(map(ord, number))))
        account = NewAccount(
            account_id=account_id,
            holder=number,
            limit_fen=limit_fen,
            exposure_limit_fen=total_fen,
            plates=(parse_plate(number, Colour.BLUE),),
            agreements=(Agreement(rail=RAIL, reference=account_id.hex),),
        )
        await self.accounts.open_one(account, self.clock.now())
        await self.regrant(account_id)
        return account_id

    async def gate(self, event: GateEvent) -> Answer:
        """What a lane is answered; settlement then does its part."""
        garage = (await self.garages.one(event.garage_id)).garage
        assert garage is not None
        answer = await self.desk.answer(event, garage)
        await self.settle()
        return answer

    async def settle(self) -> None:
        """Bill what the gates did, and grant for who came in."""
        while items := await self.journal.read("biller", 100, MOMENT):
            records = [item for item in items if isinstance(item, Record)]
            assert len(records) == len(items)
            await self.record_books.post(records, TARIFFS, self.clock.now())
            for record in records:
                await self.journal.settle("biller", {record.partition: [record.position]})
        while self.granting and await self.granter.step():
            pass
        if self.granting:
            await self.granter.regrant(*self.billed)
            self.billed.clear()

    async def wait(self) -> None:
        """Time has passed: what became overdue meanwhile is noticed."""
        await self.debtors.step(self.granter.regrant)

    async def ask_rail(self, *, paid: bool) -> int:
        """Have the rail answer every charge that is due; how many there were."""
        now = self.clock.now()
        attempts = await self.charges.claim(RAIL, now=now, claimed_max=100, lease=timedelta(minutes=2))
        answers = [
            Answered(
                attempt=attempt,
                answer=Paid(rail_reference="r", amount_fen=attempt.charge.amount_fen, paid_at=now)
                if paid
                else Declined(code="no_money", hard=True),
            )
            for attempt in attempts
        ]
        await book_answers(answers, books=self.charges, schedule=SCHEDULE, now=now)
        await self.regrant(*{one.charge.account_id for one in attempts if one.charge.account_id})
        return len(attempts)

    async def balances(self) -> dict[str, int]:
        """Every account of the ledger, debit minus credit, in fen."""
        rows = await self.pool.fetch("SELECT account, debit_fen - credit_fen AS fen FROM ledger_account")
        return {row["account"]: row["fen"] for row in rows}

    async def bills(self) -> dict[UUID, str]:
        """Every bill and credit note in words."""
        rows = await self.pool.fetch("SELECT bill_id, kind, amount_fen, account_id FROM bill")
        return {
            row[
                "bill_id"
            ]: f"{row['kind']}={row['amount_fen']} {'account' if row['account_id'] else 'nobody'}"
            for row in rows
        }

    async def violations(self) -> list[str]:
        """What verification finds in the tables."""
        found = await PostgresVerifiableBooks(self.pool).violations()
        return [f"{one.check}: {one.explanation}" for one in found]


@asynccontextmanager
async def town(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Town]:
    """A town on emptied stores."""
    async with (
        open_pool(postgres_dsn, size=4, application_name="test") as pool,
        live_connection(valkey_url) as live,
        open_journal(valkey_url, partition_count=PARTITIONS, reader="test") as journal,
    ):
        found = Town(pool=pool, live=live, journal=journal)
        await found.open()
        yield found
