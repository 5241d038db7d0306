"""A real simulated city for tests: a task of this loop, over a real socket, with keys of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from gateways.hangzhou.codes import PaidType
from gateways.hangzhou.connection import CityGarage, Connection, OpenQuestions
from gateways.hangzhou.simulator.city import DECLINED, DECLINED_FOR_NOW, NOT_FOUND, Driver
from gateways.hangzhou.simulator.keys import key_pair
from gateways.hangzhou.simulator.process import CitySettings, serve_city
from gateways.hangzhou.simulator.publisher import Broker
from gateways.hangzhou.simulator.results import FAILED
from gateways.rails.simulator.client import RailAddress, open_rail_session
from gateways.rails.simulator.faults import Profile
from gateways.rails.simulator.statement import StatementLine, read_statement
from parking.ids import GarageId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

__all__ = ["ACCESS_ID", "CODE", "GARAGE", "QUESTIONS", "QUICK", "SECRET", "Heard", "TestCity", "city_task"]

ACCESS_ID = "garages-of-g1"
SECRET = "the-secret-of-this-test"  # noqa: S105 - made up, guards nothing
GARAGE, CODE = GarageId("g1"), "330102000001"
QUICK = Profile(accepted_s=(0.05, 0.1))
QUESTIONS = OpenQuestions(
    declined=frozenset({DECLINED}),
    declined_for_now=frozenset({DECLINED_FOR_NOW}),
    not_found=frozenset({NOT_FOUND}),
    failed_status=frozenset({FAILED}),
)


@dataclass(frozen=True, slots=True)
class Heard(Broker):
    """Keeps what is published, in place of a broker."""

    messages: asyncio.Queue[tuple[str, bytes]] = field(default_factory=asyncio.Queue)

    @override
    async def publish(self, topic: str, payload: bytes) -> None:
        self.messages.put_nowait((topic, payload))


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCity:
    """A city that listens, and the connection of the garage that it knows."""

    __test__ = False

    connection: Connection

    @property
    def books(self) -> RailAddress:
        """Where its books are read."""
        return RailAddress(address=f"{self.connection.url}/rail", secret=SECRET)

    async def movements(self) -> list[StatementLine]:
        """The money that it moved."""
        async with open_rail_session(self.books) as session:
            return [line async for line in read_statement(session, self.books)]

    async def messages(self, operation: str) -> list[dict[str, Any]]:
        """The fields of the messages of one kind that a garage brought up, each once."""
        async with (
            open_rail_session(self.books) as session,
            session.get(f"{self.books.base}/v1/messages") as response,
        ):
            kept = [json.loads(line) async for line in response.content]
        return [one["fields"] for one in kept if one["operation"] == operation]

    async def ask_fee(self, plate_no: str, plate_color: int = 1) -> None:
        """Have it ask for a car's bill."""
        question = {"plateNo": plate_no, "plateColor": plate_color, "parkingCode": CODE}
        async with (
            open_rail_session(self.books) as session,
            session.post(f"{self.books.base}/v1/fees", json=question) as response,
        ):
            assert response.status == HTTPStatus.ACCEPTED


@asynccontextmanager
async def city_task(
    folder: Path,
    *,
    drivers: Mapping[str, Driver] | None = None,
    broker: AbstractAsyncContextManager[Broker] | None = None,
    profile: Profile = QUICK,
    test_clock: Path | None = None,
) -> AsyncIterator[TestCity]:
    """Run a city with its books and keys in ``folder``."""
    stop, address = asyncio.Event(), asyncio.get_running_loop().create_future()
    settings = CitySettings(
        host="127.0.0.1",
        port=0,
        data_dir=folder,
        secrets=(SECRET,),
        access_id=ACCESS_ID,
        drivers=drivers or {},
        profile=profile,
        test_clock=test_clock,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            serve_city(settings, broker or nullcontext(Heard()), announce=address.set_result, stop=stop)
        )
        try:
            yield TestCity(connection=connection_to(await address, folder))
        finally:
            stop.set()


def connection_to(url: str, folder: Path, *, timeout_s: float = 5.0) -> Connection:
    """The connection of the garage that a city with its keys in ``folder`` knows."""
    return Connection(
        access_id=ACCESS_ID,
        url=url,
        private_key=key_pair(folder, "garage"),
        platform_key=key_pair(folder, "platform").public_key(),
        garages={GARAGE: CityGarage(parking_code=CODE, lanes={"in-1": "1", "out-1": "2"})},
        timeout_s=timeout_s,
        paid_types={"cash": PaidType.CASH},
        open=QUESTIONS,
    )
