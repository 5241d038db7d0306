"""The operator API on real stores and a real socket, with gates and settlement at the test's command."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import BytesIO
from itertools import count
from json import JSONDecoder
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import ClientSession, ClientTimeout
from typing_extensions import override

from gateways.catalog_texts import CATALOG_TEXTS
from gateways.device_setup import DeviceSetup
from gateways.policy_file import POLICY_TEXTS
from gateways.settings import load_settings
from gateways.web.access import token_text
from gateways.web.operator import Operator, operator_app
from gateways.web.serving import serve
from parking.catalog import secret_digest
from parking.clock import Clock
from parking.desk import Desk
from parking.event import GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId
from parking.journal import Record
from parking.live.batching import BatchingConnection
from parking.live.gate_line import GateLine
from parking.live.granting import LiveDebtors, LiveGrants
from parking.live.journal import LiveJournal, library_text, open_journal
from parking.live.sessions import Sessions
from parking.plate import Colour, parse_plate
from settlement.books.accounts import Accounts
from settlement.books.barriers import Barriers
from settlement.books.benefit_sources import benefit_sources
from settlement.books.charges import Charges
from settlement.books.claims import Claims
from settlement.books.corrections import Corrections
from settlement.books.coupons import Coupons
from settlement.books.debts import Debts
from settlement.books.exemptions import Exemptions
from settlement.books.garages import Garages
from settlement.books.granting import PostgresGrantBooks
from settlement.books.merchants import Merchants
from settlement.books.passes import Passes
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.prepayments import Prepayments
from settlement.books.review import Reviews
from settlement.books.standings import Standings
from settlement.books.stay_tokens import StayTokens
from settlement.books.tokens import TokenKind, Tokens
from settlement.books.views import Views
from settlement.coupon_desk import CouponDesk
from settlement.debtors import Debtors
from settlement.granter import Granter
from settlement.observe import SilentObserver
from tests.books.operating import GARAGE, NOON, PARTITIONS, garage_record, tariff_version
from tests.scenarios.tokens import showing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from parking.desk import Answer
    from parking.ids import AccountId
    from parking.stay_token import StayToken
    from settlement.books.pool import Pool

__all__ = ["PLATE", "Answered", "Front", "StillClock", "Told", "item_path", "open_front"]

TIMEOUT = ClientTimeout(total=20)
PLATE = "浙A12345"
JSON = JSONDecoder()


@dataclass(slots=True)
class StillClock(Clock):
    moment: datetime = NOON

    @override
    def now(self) -> datetime:
        return self.moment


@dataclass(slots=True)
class Told:
    """What the API passed on."""

    regranted: list[tuple[tuple[AccountId, ...], tuple[str, ...]]] = field(default_factory=list)
    republished: int = 0

    async def regrant(self, *account_ids: AccountId, unbound_numbers: Sequence[str] = ()) -> None:
        self.regranted.append((account_ids, tuple(unbound_numbers)))

    async def republish(self) -> None:
        self.republished += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer: ``body`` parsed from JSON, or the list of its lines."""

    status: int
    body: Any
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A client of the API, the parts behind it, and a gate."""

    http: ClientSession
    pool: Pool
    live: BatchingConnection
    operator: Operator
    clock: StillClock
    told: Told
    journal: LiveJournal
    books: PostgresRecordBooks
    grants: LiveGrants
    debtors: Debtors
    full: str
    reader: str
    numbers: count[int] = field(default_factory=count)

    async def ask(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | None = None,
        content_type: str | None = None,
        token: str | None = None,
        status: int = 200,
    ) -> Any:  # noqa: ANN401 - JSON of whatever shape the test expects
        """The body of an answer that has this status."""
        answered = await self.answer(
            method, path, json=json, data=data, content_type=content_type, token=token
        )
        assert answered.status == status, answered
        return answered.body

    async def answer(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | None = None,
        content_type: str | None = None,
        token: str | None = None,
    ) -> Answered:
        headers = {"Authorization": f"Bearer {self.full if token is None else token}"}
        if content_type is not None:
            headers["Content-Type"] = content_type
        body = BytesIO(data) if data is not None else None
        sending = self.http.request(method, path, json=json, data=body, headers=headers)
        async with sending as response:
            if response.content_type == "application/x-ndjson":
                lines = (await response.text()).splitlines()
                parsed: Any = [JSON.decode(line) for line in lines]
            else:
                text = await response.text()
                parsed = JSON.decode(text) if text else None
            return Answered(status=response.status, body=parsed, content_type=response.content_type)

    async def event(
        self,
        kind: Kind,
        number: str = PLATE,
        *,
        minutes: int = 0,
        garage_id: GarageId = GARAGE,
        token: StayToken | None = None,
        **changed: object,
    ) -> Answer:
        """What a gate is answered ``minutes`` after noon; the clock is moved there.

        A car without a plate shows a token, and is taken a picture of.
        """
        self.clock.moment = NOON + timedelta(minutes=minutes)
        garage = (await self.operator.garages.one(garage_id)).garage
        assert garage is not None
        event = GateEvent(
            event_id=EventId(f"e{next(self.numbers)}"),
            garage_id=garage_id,
            lane_id=LaneId("in-1" if kind is Kind.ENTRY else "out-1"),
            kind=kind,
            captured_at=self.clock.moment,
            plate=parse_plate(number, Colour.BLUE),
            confidence=1.0,
        )
        fields: dict[str, Any] = dict(changed)
        event = replace(event, **fields)
        if token is not None:
            event = replace(showing(event, token), image_reference=f"in-1/{event.event_id}.jpg")
        return await Desk(self.operator.sessions, self.clock).answer(event, garage)

    async def settle(self) -> None:
        """Book what the gates did so far."""
        tariffs = await self.operator.garages.tariffs()
        while items := await self.journal.read("biller", 100, timedelta(milliseconds=1)):
            records = [item for item in items if isinstance(item, Record)]
            assert len(records) == len(items)
            await self.books.post(records, tariffs, self.clock.now())
            for record in records:
                await self.journal.settle("biller", {record.partition: [record.position]})


@asynccontextmanager
async def open_front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    """The API with one priced garage, a full token and one that may only read."""
    clock, told = StillClock(), Told()
    live = BatchingConnection(valkey_url, library=library_text())
    stack = ExitStack()
    async with (
        open_pool(postgres_dsn, size=5, application_name="test") as pool,
        open_journal(valkey_url, partition_count=PARTITIONS, reader="test") as journal,
        asyncio.TaskGroup() as tasks,
    ):
        await live.start(tasks)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        operator = _operator(pool, live, journal, clock, told, folder)
        full, reader = await _prepare(operator)
        app = operator_app(operator, version="0")
        try:
            async with (
                serve(app) as port,
                ClientSession(f"http://127.0.0.1:{port}", timeout=TIMEOUT) as http,
            ):
                yield Front(
                    http=http,
                    pool=pool,
                    live=live,
                    operator=operator,
                    clock=clock,
                    told=told,
                    journal=journal,
                    books=PostgresRecordBooks(pool),
                    debtors=_debtors(pool, live, clock),
                    grants=LiveGrants(live, clock, partition_count=PARTITIONS),
                    full=full,
                    reader=reader,
                )
        finally:
            live.stop()
            stack.close()


def item_path(item_id: str) -> str:
    """The path of an item under review."""
    return f"/v1/quarantine/{quote(item_id, safe='')}"


def _operator(
    pool: Pool, live: BatchingConnection, journal: LiveJournal, clock: Clock, told: Told, folder: Path
) -> Operator:
    drawn = count(1)
    sessions = Sessions(live, partition_count=PARTITIONS)
    return Operator(
        garages=Garages(pool, partition_count=PARTITIONS, texts=CATALOG_TEXTS),
        tokens=Tokens(pool),
        accounts=Accounts(pool),
        barriers=Barriers(pool, partition_count=PARTITIONS),
        prepayments=Prepayments(pool, partition_count=PARTITIONS),
        reviews=Reviews(pool),
        corrections=Corrections(pool, partition_count=PARTITIONS),
        views=Views(pool, partition_count=PARTITIONS),
        policies=Policies(pool, POLICY_TEXTS),
        standings=Standings(pool, partition_count=PARTITIONS),
        debts=Debts(pool, partition_count=PARTITIONS),
        claims=Claims(pool),
        exemptions=Exemptions(pool),
        passes=Passes(pool, partition_count=PARTITIONS),
        stay_tokens=StayTokens(pool, partition_count=PARTITIONS),
        merchants=Merchants(pool, partition_count=PARTITIONS),
        coupons=CouponDesk(
            books=Coupons(pool, partition_count=PARTITIONS),
            cars=sessions,
            tell=_granter(pool, live, journal, clock).tell,
            clock=clock,
            observer=SilentObserver(),
        ),
        rails={"simulator"},
        charges=Charges(pool),
        sessions=sessions,
        gates=GateLine(live),
        devices=DeviceSetup(load_settings(data_dir=folder)),
        clock=clock,
        draw_bytes=lambda size: next(drawn).to_bytes(size),
        regrant=told.regrant,
        republish=told.republish,
    )


def _granter(pool: Pool, live: BatchingConnection, journal: LiveJournal, clock: Clock) -> Granter:
    return Granter(
        journal=journal,
        books=PostgresGrantBooks(
            pool,
            Policies(pool, POLICY_TEXTS),
            partition_count=PARTITIONS,
            sources=benefit_sources(pool, partition_count=PARTITIONS),
        ),
        grants=LiveGrants(live, clock, partition_count=PARTITIONS),
        clock=clock,
        observer=SilentObserver(),
    )


def _debtors(pool: Pool, live: BatchingConnection, clock: Clock) -> Debtors:
    return Debtors(
        books=PostgresGrantBooks(pool, Policies(pool, POLICY_TEXTS), partition_count=PARTITIONS),
        notices=LiveDebtors(live, partition_count=PARTITIONS),
        clock=clock,
        observer=SilentObserver(),
    )


async def _prepare(operator: Operator) -> tuple[str, str]:
    """One priced garage, and an operator's full and read-only tokens."""
    await operator.garages.put(garage_record(tariffs=(tariff_version(),)), NOON)
    made = []
    for kind in (TokenKind.OPERATOR_FULL, TokenKind.OPERATOR_READ):
        token_id, secret = kind.replace("_", "-"), f"se_cret-{kind}"
        digest = secret_digest(secret)
        await operator.tokens.add_operator(token_id, digest, kind=kind, label=f"{kind} desk", now=NOON)
        made.append(token_text(token_id, secret))
    full, reader = made
    return full, reader
