"""The city as a rail, against a real simulated city."""

from __future__ import annotations

import json
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from typing_extensions import override

from gateways.hangzhou.client import CityClient, open_client
from gateways.hangzhou.envelope import seal
from gateways.hangzhou.messages import Heartbeat, Operation
from gateways.hangzhou.rail import HangzhouRail, Visits
from gateways.hangzhou.simulator.city import Driver
from gateways.hangzhou.simulator.keys import key_pair
from parking.errors import OutcomeUnknown, Unavailable
from parking.plate import Colour, parse_plate
from settlement.rail import Declined, NotReceived, Order, Paid, Unknown
from settlement.visit_report import PaidVisit
from tests.gateways.hangzhou_city import CODE, GARAGE, TestCity, city_task, connection_to
from tests.gateways.rail_contract import RailContract, Scripts, fresh, outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from gateways.hangzhou.connection import Connection
    from settlement.rail import Answer

HEARTBEAT = Heartbeat(parking_code=CODE, upload_time="2026-10-10 12:10:00").wire()
NOON = datetime(2026, 10, 10, 4, 10, tzinfo=UTC)
SCRIPTS = Scripts(
    pays="浙A00001", declines_hard="浙A00002", declines_soft_once="浙A00003", accepts="浙A00004"
)
DRIVERS = {
    SCRIPTS.pays: Driver(limit_fen=5_000, script="sim:none"),
    SCRIPTS.declines_hard: Driver(limit_fen=5_000, script="sim:decline-hard"),
    SCRIPTS.declines_soft_once: Driver(limit_fen=5_000, script="sim:decline-soft-once"),
    SCRIPTS.accepts: Driver(limit_fen=5_000, script="sim:accepted"),
    "浙A00005": Driver(limit_fen=5_000, script="sim:error-after-capture"),
}


def uid_named(order_key: str) -> str:
    return f"{CODE}-{order_key}"


class NamedVisits(Visits):
    """Every attempt is about the car that its order names as the agreement; the order key names the visit."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}

    @override
    async def visit_of(self, attempt_key: str) -> PaidVisit | None:
        order = self.orders.get(attempt_key) or fresh(SCRIPTS.pays)
        return PaidVisit(
            garage_id=GARAGE,
            uid=uid_named(order.order_key),
            plate=parse_plate(order.agreement, Colour.BLUE),
            entered_at=NOON,
            left_at=NOON + timedelta(hours=2),
            billed_at=NOON + timedelta(hours=2),
        )


class NamedRail(HangzhouRail):
    """Tells the visits apart by the agreement, as the contract tells drivers apart."""

    def __init__(self, client: CityClient, connection: Connection) -> None:
        self.visits = NamedVisits()
        super().__init__(client, self.visits, connection)

    @override
    async def charge(self, order: Order) -> Answer:
        self.visits.orders[order.attempt_key] = order
        return await super().charge(order)


@pytest_asyncio.fixture
async def city(tmp_path: Path) -> AsyncIterator[TestCity]:
    async with city_task(tmp_path, drivers=DRIVERS) as city:
        yield city


@pytest_asyncio.fixture
async def rail(city: TestCity) -> AsyncIterator[NamedRail]:
    async with open_client(city.connection) as client:
        yield NamedRail(client, city.connection)


class TestHangzhouRail(RailContract):
    reference_is_final = False

    @pytest_asyncio.fixture
    async def unreachable_rail(self, tmp_path: Path) -> AsyncIterator[NamedRail]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
            connection = connection_to(address, tmp_path)
            async with open_client(connection) as client:
                yield NamedRail(client, connection)

    @pytest.fixture
    def scripts(self) -> Scripts:
        return SCRIPTS

    @pytest.fixture
    def captured(self, city: TestCity) -> Callable[[str], Awaitable[int]]:
        async def captured(order_key: str) -> int:
            return sum(line.order_key == uid_named(order_key) for line in await city.movements())

        return captured

    async def test_the_city_gives_nothing_back(self, rail: NamedRail) -> None:
        order = fresh(SCRIPTS.pays)
        assert isinstance(await outcome(rail, order), Paid)
        refund = fresh(SCRIPTS.pays, order_key=order.order_key)
        answer = await rail.refund(refund)
        assert isinstance(answer, Declined)
        assert answer.hard
        assert await rail.refund_state(refund.attempt_key) == NotReceived()

    async def test_an_error_after_the_city_took_it_is_found_out_by_asking(
        self, rail: NamedRail, captured: Callable[[str], Awaitable[int]]
    ) -> None:
        order = fresh("浙A00005")
        assert isinstance(await rail.charge(order), Unknown)
        assert isinstance(await rail.charge_state(order.attempt_key), Paid)
        assert await captured(order.order_key) == 1

    async def test_another_garages_key_or_id_gets_nothing(self, city: TestCity, tmp_path: Path) -> None:
        stranger = tmp_path / "stranger"
        stranger.mkdir()
        key = key_pair(stranger, "garage")
        for connection in (
            replace(city.connection, private_key=key),
            replace(city.connection, access_id="somebody-else"),
        ):
            async with open_client(connection) as client:
                reply = await client.call(Operation.HEARTBEAT, HEARTBEAT)
                assert (reply.taken, reply.code) == (False, 401)
                assert isinstance(await NamedRail(client, connection).charge(fresh(SCRIPTS.pays)), Unknown)
        assert await city.movements() == []
        assert await city.messages("uploadHeartbeat") == []


RESULT = {
    "plateNo": "-",
    "billID": "b1",
    "shouldPay": 2050,
    "payStatus": 1,
    "actualPay": 2050,
    "dealTime": "2026-10-10 12:10:00",
    "orderCode": "o1",
}


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        pytest.param(200, "", id="nothing"),
        pytest.param(200, "[]", id="no object"),
        pytest.param(200, "[" * 50_000, id="deep"),
        pytest.param(200, '{"resultCode": 200}', id="without a result"),
        pytest.param(200, '{"resultCode": "many"}', id="without a code"),
        pytest.param(200, json.dumps({"resultCode": 200, "data": RESULT}), id="not sealed"),
        pytest.param(200, json.dumps({"resultCode": 500, "data": RESULT}), id="an error with a payment"),
        pytest.param(200, '{"resultCode": 200, "cipher": "AAAA", "sign": "AAAA"}', id="wrongly sealed"),
        pytest.param(200, " " * 300_000, id="too long"),
        pytest.param(404, '{"resultCode": 404}', id="a proxy's 404 does not say: never received"),
        pytest.param(302, '{"resultCode": 200}', id="elsewhere"),
        pytest.param(500, "oops", id="an error page"),
    ],
)
async def test_an_answer_that_is_not_clear_is_a_doubt(tmp_path: Path, status: int, reply: str) -> None:
    async with answering(tmp_path, status, reply) as rail:
        assert isinstance(await rail.charge_state("b1"), Unknown)


async def test_an_answer_about_another_bill_is_a_doubt(tmp_path: Path) -> None:
    envelope = seal(json.dumps(RESULT).encode(), key_pair(tmp_path, "platform"))
    reply = {"resultCode": "200", "msg": None, "cipher": envelope.cipher, "sign": envelope.sign}
    async with answering(tmp_path, 200, json.dumps(reply)) as rail:
        assert isinstance(await rail.charge_state("b1"), Paid)
        assert isinstance(await rail.charge_state("b2"), Unknown)


@asynccontextmanager
async def answering(folder: Path, status: int, reply: str) -> AsyncIterator[NamedRail]:
    """A rail whose city always answers the same."""

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, text=reply, headers={"Location": "/elsewhere"})

    application = web.Application()
    application.add_routes([web.post("/{rest:.*}", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        connection = connection_to(url, folder)
        async with open_client(connection) as client:
            yield NamedRail(client, connection)
    finally:
        await runner.cleanup()


async def test_a_city_that_says_nothing_is_unknown_and_one_that_is_away_was_not_reached(
    tmp_path: Path,
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with open_client(connection_to(url, tmp_path, timeout_s=0.1)) as client:
            with pytest.raises(OutcomeUnknown):
                await client.call(Operation.HEARTBEAT, HEARTBEAT)
    async with open_client(connection_to(url, tmp_path)) as client:
        with pytest.raises(Unavailable):
            await client.call(Operation.HEARTBEAT, HEARTBEAT)
