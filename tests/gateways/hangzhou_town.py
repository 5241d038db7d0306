"""A garage of the town that is connected to a simulated city, and the steps of its connection one by one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateways.hangzhou.client import open_client
from gateways.hangzhou.connection import RAIL, CityGarage
from gateways.hangzhou.liaison import Liaison
from gateways.hangzhou.metrics import CityMetrics
from gateways.hangzhou.orders import Orders
from gateways.hangzhou.quotes import Quotes
from gateways.hangzhou.rail import HangzhouRail
from gateways.hangzhou.reporter import Reporter
from gateways.hangzhou.sender import Sender
from gateways.hangzhou.simulator.keys import key_pair
from gateways.hangzhou.simulator.publisher import Broker
from gateways.mqtt.options import Received
from gateways.pictures.folder import FolderPictures
from parking.event import Kind
from parking.ids import GarageId
from settlement.books.reporting import PostgresReportBooks
from settlement.books.vouchers import Vouchers
from settlement.desk import desks_of
from settlement.notices import notice_desk
from settlement.outcomes import Answered, book_answers
from settlement.retry import STANDARD
from tests.gateways.hangzhou_city import CODE, QUICK, TestCity, city_task
from tests.scenarios.stage import PARTITIONS, an_event
from tests.scenarios.town import Town, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from gateways.hangzhou.client import CityClient
    from gateways.hangzhou.simulator.city import Driver
    from gateways.rails.simulator.faults import Profile
    from parking.desk import Answer
    from settlement.notices import NoticeDesk

__all__ = ["EAST", "CityTown", "city_town", "connected_east"]

EAST = GarageId("east")
WAIT_S = 20.0


@dataclass
class Passed(Broker):
    """Hands over what the city publishes, as a broker does; ``deaf``: to nobody, as a broken line."""

    orders: Orders | None = None
    deaf: bool = False
    passed: list[tuple[str, bytes]] = field(default_factory=list)
    _under_way: asyncio.Lock = field(default_factory=asyncio.Lock)

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        if not self.deaf:
            await self._hand_over(topic, payload)
        self.passed.append((topic, payload))

    async def again(self) -> None:
        """Deliver the last message once more."""
        await self._hand_over(*self.passed[-1])

    async def end(self) -> None:
        """Hand over nothing more, once what is under way has been."""
        self.deaf = True
        async with self._under_way:
            pass

    async def _hand_over(self, topic: str, payload: bytes) -> None:
        assert self.orders is not None
        async with self._under_way:
            await self.orders.take([Received(topic=topic, payload=payload, retained=False, properties={})])


@dataclass(kw_only=True)
class CityTown:
    """The town, its city, and the connection of garage east."""

    town: Town
    city: TestCity
    broker: Passed
    books: PostgresReportBooks
    reporter: Reporter
    sender: Sender
    liaison: Liaison
    rail: HangzhouRail
    platform: RSAPrivateKey

    def __post_init__(self) -> None:
        self._events = 0

    async def passes(self, kind: Kind, plate: str, at: datetime, *, image: str = "") -> Answer:
        """A car at a lane of garage east."""
        self.town.clock.moment = at
        self._events += 1
        lanes = {Kind.ENTRY: "in-1", Kind.EXIT: "out-1", Kind.TURN_BACK: "out-1"}
        event = an_event(f"e{self._events}", kind, at=at, plate=plate, lane=lanes[kind])
        return await self.town.gate(replace(event, garage_id=EAST, image_reference=image))

    async def report(self) -> int:
        """Bring up everything that is new; how many reports arrived."""
        while await self.reporter.step():
            pass
        arrived = 0
        while sent := await self.sender.step():
            arrived += sent
        return arrived

    async def heard(self, messages: int) -> None:
        """Wait until the city has said so much in all."""
        async with asyncio.timeout(WAIT_S):
            while len(self.broker.passed) < messages:  # noqa: ASYNC110 - the city is a task of its own
                await asyncio.sleep(0.01)

    async def told(self, operation: str) -> list[dict[str, Any]]:
        """What the city was told by such messages, once there is one."""
        async with asyncio.timeout(WAIT_S):
            while not (messages := await self.city.messages(operation)):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        return messages

    async def collect(self) -> int:
        """Ask the city for every charge that is due; how many."""
        charges, now = self.town.charges, self.town.clock.now()
        due = await charges.claim(RAIL, now=now, claimed_max=100, lease=timedelta(minutes=2))
        send, _ = desks_of(RAIL, self.rail, calls_max=1, questions_max=1)
        answers = [Answered(attempt=one, answer=await send.call(one)) for one in due]
        await book_answers(answers, books=charges, schedule=STANDARD, now=now)
        return len(due)

    async def ask(self) -> int:
        """Ask about every charge that it is time to ask about; how many."""
        charges, now = self.town.charges, self.town.clock.now()
        doubts = await charges.claim_questions(
            RAIL, now=now, claimed_max=100, lease=timedelta(minutes=2), with_sent=True, in_hand=()
        )
        answers = [Answered(attempt=one, answer=await self.rail.charge_state(one.key)) for one in doubts]
        await book_answers(answers, books=charges, schedule=STANDARD, now=now)
        return len(doubts)

    async def charges(self) -> list[tuple[str, str | None, int]]:
        """State, rail and amount of every charge, oldest first."""
        rows = await self.town.pool.fetch(
            "SELECT state, rail, amount_fen FROM charge ORDER BY raised_at, charge_id"
        )
        return [(row["state"], row["rail"], row["amount_fen"]) for row in rows]

    async def until(self, state: str) -> None:
        """Wait until every charge is in this state."""
        async with asyncio.timeout(WAIT_S):
            while {one for one, _, _ in await self.charges()} != {state}:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)

    async def items(self) -> list[tuple[str, dict[str, Any]]]:
        """What waits for a person."""
        rows = await self.town.pool.fetch("SELECT cause, details FROM quarantine ORDER BY opened_at, item_id")
        return [(row["cause"], row["details"]) for row in rows]


@asynccontextmanager
async def city_town(
    folder: Path,
    postgres_dsn: str,
    valkey_url: str,
    *,
    drivers: Mapping[str, Driver],
    profile: Profile = QUICK,
) -> AsyncIterator[CityTown]:
    """Garage east, connected; what the city publishes is handed over at once."""
    broker = Passed()
    async with (
        town(postgres_dsn, valkey_url) as on,
        city_task(folder, drivers=drivers, broker=nullcontext(broker), profile=profile) as city,
        notice_desk(books=on.charges, schedule=STANDARD, clock=on.clock) as desk,
    ):
        connected = connected_east(city)
        async with open_client(connected.connection) as client:
            yield _joined(on, connected, broker, client, desk, folder)
            await broker.end()


def connected_east(city: TestCity) -> TestCity:
    """The city's only garage is east."""
    garages = {EAST: CityGarage(parking_code=CODE, lanes={"in-1": "1", "out-1": "2"})}
    return TestCity(connection=replace(city.connection, garages=garages))


def _joined(
    on: Town,
    city: TestCity,
    broker: Passed,
    client: CityClient,
    desk: NoticeDesk,
    folder: Path,
) -> CityTown:
    connection, clock, metrics = city.connection, on.clock, CityMetrics(CollectorRegistry())
    books = PostgresReportBooks(on.pool, recipient=RAIL, partition_count=PARTITIONS)
    vouchers = Vouchers(on.pool, partition_count=PARTITIONS, collect_delay=timedelta(minutes=15))
    reporter = Reporter(
        connection=connection, books=books, garages=on.garages, vouchers=vouchers, clock=clock
    )
    broker.orders = Orders(
        connection=connection,
        client=client,
        vouchers=vouchers,
        notices=desk,
        books=books,
        quotes=Quotes(
            connection=connection, sessions=on.sessions, garages=on.garages, books=books, clock=clock
        ),
        regrant=on.regrant,
        clock=clock,
        metrics=metrics,
    )
    liaison = Liaison(
        connection=connection,
        client=client,
        reporter=reporter,
        orders=broker.orders,
        clock=clock,
        metrics=metrics,
    )
    return CityTown(
        town=on,
        city=city,
        broker=broker,
        books=books,
        reporter=reporter,
        sender=Sender(
            client=client,
            books=books,
            clock=clock,
            metrics=metrics,
            pictures=FolderPictures(folder / "pictures"),
        ),
        liaison=liaison,
        rail=HangzhouRail(client, books, connection),
        platform=key_pair(folder, "platform"),
    )
