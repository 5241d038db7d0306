"""The simulator's client against a real simulator process, on a TCP and on a Unix socket."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from gateways.rails.simulator.client import (
    RailAddress,
    SimulatorRail,
    open_rail_session,
    open_simulator_rail,
)
from gateways.rails.simulator.statement import read_statement
from parking.errors import Unavailable
from settlement.rail import NotReceived, Paid, Unknown
from tests.gateways.rail_contract import RailContract, RefundContract, Scripts
from tests.gateways.rail_process import SECRET, RailProcess, an_order, rail_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

QUICK = "accepted_s = [0.1, 0.2]"


@pytest.fixture(scope="module", params=["tcp", "unix"])
def simulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RailProcess]:
    folder = tmp_path_factory.mktemp("rail")
    listen = "127.0.0.1:0" if request.param == "tcp" else str(folder / "rail.sock")
    with rail_process(folder, listen=listen, faults=QUICK) as process:
        yield process


class TestSimulatorRail(RailContract, RefundContract):
    @pytest.fixture
    async def rail(self, simulator: RailProcess) -> AsyncIterator[SimulatorRail]:
        async with open_simulator_rail(simulator.where) as rail:
            yield rail

    @pytest.fixture
    async def unreachable_rail(self) -> AsyncIterator[SimulatorRail]:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
            async with open_simulator_rail(RailAddress(address=address, secret=SECRET)) as rail:
                yield rail

    @pytest.fixture
    def scripts(self) -> Scripts:
        return Scripts(
            pays="sim:none",
            declines_hard="sim:decline-hard#driver-7",
            declines_soft_once="sim:decline-soft-once",
            accepts="sim:accepted",
        )

    @pytest.fixture
    def captured(self, simulator: RailProcess) -> Callable[[str], Awaitable[int]]:
        async def captured(order_key: str) -> int:
            async with open_rail_session(simulator.where) as session:
                lines = [line async for line in read_statement(session, simulator.where)]
            return sum(line.kind == "charge" and line.order_key == order_key for line in lines)

        return captured

    async def test_a_key_may_hold_any_printable_character(self, rail: SimulatorRail) -> None:
        order = an_order("a/b?c=%2F&d#e..")
        answer = await rail.charge(order)
        assert isinstance(answer, Paid)
        assert await rail.charge_state(order.attempt_key) == answer

    async def test_a_wrong_secret_leaves_a_doubt(self, simulator: RailProcess) -> None:
        stranger = replace(simulator.where, secret="not-the-secret-at-all")  # noqa: S106 - made up
        async with open_simulator_rail(stranger) as rail:
            assert isinstance(await rail.charge(an_order("stranger")), Unknown)
            assert isinstance(await rail.charge_state("stranger"), Unknown)
        async with open_simulator_rail(simulator.where) as rail:
            assert await rail.charge_state("stranger") == NotReceived()


PAID = (
    '{"state":"paid","attempt_key":"KEY","rail_reference":"r","amount_fen":1,'
    '"paid_at":"2026-01-01T00:00:00Z"}'
)
DECLINED = '{"state":"declined","attempt_key":"KEY","code":"c","hard":true}'


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(404, "<html>no such page</html>", id="a proxy's 404 does not say: never received"),
        pytest.param(404, PAID.replace("KEY", "k"), id="404 with a payment"),
        pytest.param(402, "payment required", id="402 without a code does not decline"),
        pytest.param(402, PAID.replace("KEY", "k"), id="402 with a payment"),
        pytest.param(200, "", id="nothing"),
        pytest.param(200, "[" * 20_000, id="deep"),
        pytest.param(200, '{"state":"paid","attempt_key":"k"}', id="half a payment"),
        pytest.param(200, PAID.replace("KEY", "other"), id="another attempt's payment"),
        pytest.param(200, PAID.replace("KEY", "k").replace(":1,", ":1.5,"), id="half a fen"),
        pytest.param(200, " " * 1_000_000, id="too long"),
        pytest.param(302, PAID.replace("KEY", "k"), id="elsewhere"),
        pytest.param(400, DECLINED.replace("KEY", "k"), id="a decline with another status"),
        pytest.param(429, "{}", id="too many requests"),
        pytest.param(503, PAID.replace("KEY", "k"), id="a payment with 503"),
    ],
)
async def test_an_answer_that_is_not_clear_is_a_doubt(status: int, body: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    application = web.Application()
    application.add_routes([web.route("*", "/v1/{rest:.*}", answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with open_simulator_rail(RailAddress(address=address, secret=SECRET)) as rail:
            assert isinstance(await rail.charge(an_order("k")), Unknown)
            assert isinstance(await rail.charge_state("k"), Unknown)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 422, id="empty"),
        pytest.param(b"\xff\xfe{}", 422, id="not UTF-8"),
        pytest.param(b"[" * 10_000, 422, id="deep"),
        pytest.param(b" " * 100_000, 413, id="long"),
        pytest.param(b'{"attempt_key":"x"}', 422, id="half"),
        pytest.param(
            b'{"order_key":"o","attempt_key":"x","agreement":"a","amount_fen":0,"subject":""}', 422, id="zero"
        ),
        pytest.param(
            b'{"order_key":"o","attempt_key":"x","agreement":"a","amount_fen":1.0,"subject":""}',
            422,
            id="float",
        ),
        pytest.param(
            b'{"order_key":"o","attempt_key":"x","agreement":"sim:nonsense","amount_fen":1,"subject":""}',
            422,
            id="unknown script",
        ),
    ],
)
async def test_a_bad_order_is_refused_and_books_nothing(
    simulator: RailProcess, body: bytes, status: int
) -> None:
    async with open_rail_session(simulator.where) as session:
        base = simulator.where.base
        async with session.post(f"{base}/v1/charges", data=body) as response:
            assert response.status == status
        async with session.get(f"{base}/v1/charges/x") as response:
            assert response.status == 404


async def test_only_the_life_sign_is_open_to_strangers(simulator: RailProcess) -> None:
    async with open_rail_session(simulator.where) as session:
        headers = {"Authorization": "Bearer wrong"}
        statuses = {}
        for path in ("/livez", "/v1/books", "/v1/books/summary", "/v1/charges/x", "/v1/refunds/x"):
            async with session.get(simulator.where.base + path, headers=headers) as response:
                statuses[path] = response.status
    assert statuses.pop("/livez") == 200
    assert set(statuses.values()) == {401}


async def test_half_a_statement_does_not_pass_for_a_whole() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        line = (
            '{"kind":"charge","order_key":"o","attempt_key":"a","amount_fen":1,'
            '"paid_at":"2026-01-01T00:00:00Z","rail_reference":"r"}\n'
        )
        await response.write(line.encode())
        if request.transport is not None:
            request.transport.close()
        return response

    application = web.Application()
    application.add_routes([web.get("/v1/books", cut)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        where = RailAddress(address=f"http://127.0.0.1:{runner.addresses[0][1]}", secret=SECRET)
        async with open_rail_session(where) as session:
            with pytest.raises(Unavailable):
                _ = [line async for line in read_statement(session, where)]
    finally:
        await runner.cleanup()
