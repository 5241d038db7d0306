"""Notices: who is believed, and what really arrives from a simulator process."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from gateways.rails.simulator.client import open_rail_session, open_simulator_rail
from gateways.rails.simulator.faults import Fault, Kind
from gateways.rails.simulator.notice import SIGNATURE_HEADER, TIMESTAMP_HEADER, parse_notice, sign_notice
from gateways.rails.simulator.statement import read_summary
from parking.clock import FileClock
from parking.errors import InvalidInput, NotAuthenticated
from settlement.rail import Accepted, Declined, Paid, Unknown
from tests.gateways.rail_process import SECRET, an_order, rail_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateways.rails.simulator.notice import Notice

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PREVIOUS = "the-previous-secret-of-it"
BODY = (
    b'{"state":"paid","notice_id":"n","kind":"charge","attempt_key":"a","amount_fen":5,'
    b'"rail_reference":"r","paid_at":"2026-05-01T11:59:00Z"}'
)


def test_a_signed_notice_is_read() -> None:
    notice = parse_notice(sign_notice(BODY, SECRET, NOW), BODY, [SECRET], NOW)
    assert (notice.kind, notice.attempt_key) == (Kind.CHARGE, "a")
    assert notice.answer == Paid(rail_reference="r", amount_fen=5, paid_at=NOW - timedelta(minutes=1))


@pytest.mark.parametrize("accepted", [[SECRET, PREVIOUS], [PREVIOUS, SECRET]])
def test_during_a_rotation_both_secrets_are_believed(accepted: list[str]) -> None:
    for secret in (SECRET, PREVIOUS):
        assert parse_notice(sign_notice(BODY, secret, NOW), BODY, accepted, NOW).notice_id == "n"


@pytest.mark.parametrize("late_s", [-299, 0, 299])
def test_within_five_minutes_it_is_believed(late_s: int) -> None:
    parse_notice(sign_notice(BODY, SECRET, NOW), BODY, [SECRET], NOW + timedelta(seconds=late_s))


SIGNED = sign_notice(BODY, SECRET, NOW)


@pytest.mark.parametrize(
    ("headers", "body", "late_s"),
    [
        pytest.param(sign_notice(BODY, PREVIOUS, NOW), BODY, 0, id="a secret that is no longer accepted"),
        pytest.param(SIGNED, BODY, 300, id="stale"),
        pytest.param(SIGNED, BODY, -300, id="from the future"),
        pytest.param(SIGNED, BODY.replace(b'"amount_fen":5', b'"amount_fen":1'), 0, id="another amount"),
        pytest.param(SIGNED | {TIMESTAMP_HEADER: "1777636801"}, BODY, 0, id="another time"),
        pytest.param(SIGNED | {TIMESTAMP_HEADER: "1e9"}, BODY, 0, id="no time"),
        pytest.param(SIGNED | {TIMESTAMP_HEADER: "9" * 400}, BODY, 0, id="an endless time"),
        pytest.param(SIGNED | {SIGNATURE_HEADER: ""}, BODY, 0, id="unsigned"),
        pytest.param(SIGNED | {SIGNATURE_HEADER: "签名\udc80"}, BODY, 0, id="signed in Chinese"),
        pytest.param({}, BODY, 0, id="no headers"),
    ],
)
def test_nobody_else_is_believed(headers: dict[str, str], body: bytes, late_s: int) -> None:
    with pytest.raises(NotAuthenticated):
        parse_notice(headers, body, [SECRET], NOW + timedelta(seconds=late_s))


def test_without_secrets_nobody_is_believed() -> None:
    with pytest.raises(NotAuthenticated):
        parse_notice(SIGNED, BODY, [], NOW)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", BODY.replace(b'"r"', b"7"), BODY.replace(b"5,", b'5,"x":1,')]
)
def test_a_signed_notice_must_still_be_one(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        parse_notice(sign_notice(body, SECRET, NOW), body, [SECRET], NOW)


@dataclass(kw_only=True)
class Inbox:
    """Takes notices, and refuses the first ones of each when told to."""

    clock: FileClock
    log: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)

    async def take(self, request: web.Request) -> web.Response:
        notice = parse_notice(request.headers, await request.read(), [SECRET], self.clock.now())
        if self.refuse.get(notice.attempt_key, 0) > 0:
            self.refuse[notice.attempt_key] -= 1
            return web.Response(status=500)
        self.notices.append(notice)
        self.log.append(f"notice {notice.attempt_key}")
        return web.Response(status=204)

    def of(self, attempt_key: str) -> list[Notice]:
        return [notice for notice in self.notices if notice.attempt_key == attempt_key]

    async def wait_for(self, attempt_key: str) -> Notice:
        async with asyncio.timeout(5):
            while True:
                if found := self.of(attempt_key):
                    return found[0]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def listening(inbox: Inbox) -> AsyncIterator[str]:
    application = web.Application()
    application.add_routes([web.post("/notices", inbox.take)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/notices"
    finally:
        await runner.cleanup()


async def test_what_arrives_from_a_simulator(tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock", start=NOW)
    inbox = Inbox(clock=clock, refuse={"refused": 2})
    quick = "hang_s = 0.5\naccepted_s = [0.1, 0.1]"
    async with listening(inbox) as url:
        options = ("--notice-url", url, "--test-clock", str(tmp_path / "clock"))
        with rail_process(tmp_path / "rail", *options, faults=quick) as process:
            async with open_simulator_rail(process.where) as rail:
                answer = await rail.charge(an_order("plain"))
                assert answer == (await inbox.wait_for("plain")).answer
                assert isinstance(answer, Paid)
                assert answer.paid_at == NOW

                clock.move_to(NOW + timedelta(days=1))
                await rail.charge(an_order("next-day"))
                paid = (await inbox.wait_for("next-day")).answer
                assert isinstance(paid, Paid)
                assert paid.paid_at == NOW + timedelta(days=1)

                await rail.charge(an_order("early", agreement="sim:notice-before-answer"))
                assert inbox.log[-1] == "notice early"

                await rail.charge(an_order("many", agreement="sim:duplicate-notices"))
                await rail.charge(an_order("none", agreement="sim:no-notice"))
                await rail.charge(an_order("dear", agreement="sim:wrong-amount-notice"))
                dear = (await inbox.wait_for("dear")).answer
                assert isinstance(dear, Paid)
                assert dear.amount_fen == an_order("dear").amount_fen + 1
                assert await rail.charge_state("dear") == replace(dear, amount_fen=dear.amount_fen - 1)

                await rail.charge(an_order("soft", agreement="sim:decline-soft"))
                await rail.charge(an_order("refused"))
                refund = an_order("back", order_key="bill-plain")
                assert isinstance(await rail.refund(refund), Paid)
                assert (await inbox.wait_for("back")).kind is Kind.REFUND

                hanging = an_order("hanging", agreement="sim:timeout-after-capture")
                assert isinstance(await rail.charge(hanging), Unknown)
                assert (await inbox.wait_for("hanging")).answer == await rail.charge_state("hanging")

                for key, script in (("late", "sim:accepted"), ("lost", "sim:accepted-then-declined")):
                    assert isinstance(await rail.charge(an_order(key, agreement=script)), Accepted)
                assert isinstance((await inbox.wait_for("late")).answer, Paid)
                assert isinstance((await inbox.wait_for("lost")).answer, Declined)
                await inbox.wait_for("refused")
                async with open_rail_session(process.where) as session:
                    faults = (await read_summary(session, process.where)).faults
            assert await asyncio.to_thread(process.stop) == 0
    assert {key: len(inbox.of(key)) for key in ("plain", "early", "many", "none", "soft", "refused")} == {
        "plain": 1,
        "early": 1,
        "many": 3,
        "none": 0,
        "soft": 0,
        "refused": 1,
    }
    assert len({notice.notice_id for notice in inbox.of("many")}) == 1
    for fault in (Fault.NOTICE_BEFORE_ANSWER, Fault.DUPLICATE_NOTICES, Fault.NO_NOTICE):
        assert faults[fault] == 1


async def test_a_deaf_receiver_stops_nobody(tmp_path: Path) -> None:
    options = ("--notice-url", "http://127.0.0.1:9/nobody")
    with rail_process(tmp_path, *options) as process:
        async with open_simulator_rail(process.where) as rail:
            for number in range(10):
                assert isinstance(await rail.charge(an_order(f"deaf-{number}")), Paid)
        async with asyncio.timeout(8), open_rail_session(process.where) as session:
            failed = 0
            while failed < 10:
                failed = (await read_summary(session, process.where)).notices_failed
                await asyncio.sleep(0.1)
