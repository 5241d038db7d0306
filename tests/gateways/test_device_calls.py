"""Calls to devices that ask for a password, in the ways in which devices ask for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from parking.errors import NotAuthenticated, Unavailable
from parking.live.keys import login_key
from parking.live.logins import LoginState
from tests.gateways.locking_device import PASSWORD, LockingDevice, a_device, calling, calls_of_a_process
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from aiohttp import web

    from gateways.gates.device_calls import DeviceCalls

PATH = "/open"
HANGS = "/stream"
WITHIN_S = 20.0


@dataclass(slots=True)
class Hanging(LockingDevice):
    """Takes its time over one path."""

    hangs: asyncio.Event = field(default_factory=asyncio.Event)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    @override
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == HANGS:
            self.hangs.set()
            await self.goes_on.wait()
        return await LockingDevice.answer(self, request)


@pytest.mark.parametrize("offers", [("digest", "basic"), ("basic", "digest")], ids=" ".join)
async def test_digest_is_answered_wherever_it_stands_among_what_is_offered(
    offers: tuple[str, ...], valkey_url: str
) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    device.server.offers = offers
    async with calling(device, valkey_url) as (calls, address):
        answer = await calls.call(a_device("any", address), PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
    assert (answer.status, answer.body, device.wrong) == (200, b"OK", 0)


async def test_a_device_that_was_told_no_password_is_called_again(valkey_url: str) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    device.server.offers = ("basic",)
    async with calling(device, valkey_url) as (calls, address):
        called = a_device("any", address)
        with pytest.raises(NotAuthenticated, match="does not ask for Digest"):
            await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
        with pytest.raises(Unavailable):
            async with calls.stream(called, PASSWORD, PATH, opened_within_s=WITHIN_S):
                pass
        device.server.offers = ("digest",)
        answer = await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
    assert (answer.body, device.wrong) == (b"OK", 0)


async def test_a_wrong_password_is_tried_once_by_all_gate_processes(valkey_url: str) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    async with calling(device, valkey_url) as (calls, address), calls_of_a_process(valkey_url) as others:
        called = a_device("any", address)

        async def refused(by: DeviceCalls) -> None:
            with pytest.raises(NotAuthenticated):
                await by.call(called, "wrong", "GET", PATH, timeout_s=WITHIN_S)

        async with asyncio.TaskGroup() as tasks:
            for one in (calls, others) * 3:
                tasks.create_task(refused(one))
        assert device.wrong == 1
        async with calls_of_a_process(valkey_url) as later:
            await refused(later)
            assert device.wrong == 1
            anew = a_device("any", address, sealed="sealed-2")
            assert (await later.call(anew, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)).body == b"OK"


async def test_a_password_that_is_taken_no_more_is_refused_for_all(valkey_url: str) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    async with calling(device, valkey_url) as (calls, address), calls_of_a_process(valkey_url) as others:
        called = a_device("any", address)
        for one in (calls, others):
            assert (await one.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)).body == b"OK"
        for one in (calls, others):
            with pytest.raises(NotAuthenticated):
                await one.call(called, "changed on the device", "GET", PATH, timeout_s=WITHIN_S)
    assert device.wrong == 1


async def test_a_device_that_was_not_reached_keeps_no_other_process_waiting(valkey_url: str) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    async with calling(device, valkey_url) as (_, address):
        away = a_device("any", address)
    async with calls_of_a_process(valkey_url) as calls, calls_of_a_process(valkey_url) as others:
        for one in (calls, calls, others):
            with pytest.raises(Unavailable, match="not reached"):
                await one.call(away, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)


async def test_a_barrier_does_not_wait_for_a_call_of_another_process_that_hangs(valkey_url: str) -> None:
    device = Hanging(answers={("GET", PATH): (200, "OK"), ("GET", HANGS): (200, "at last")})
    async with calling(device, valkey_url) as (calls, address), calls_of_a_process(valkey_url) as others:
        called = a_device("any", address)
        async with asyncio.TaskGroup() as tasks:
            hanging = tasks.create_task(calls.call(called, PASSWORD, "GET", HANGS, timeout_s=10 * WITHIN_S))
            await device.hangs.wait()
            answer = await others.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
            assert (answer.body, hanging.done()) == (b"OK", False)
            device.goes_on.set()
        assert hanging.result().body == b"at last"


async def test_an_answer_that_only_a_locked_device_gives_is_no_word_on_the_password(valkey_url: str) -> None:
    device = LockingDevice(answers={("GET", PATH): (403, "locked")})
    async with calling(device, valkey_url) as (calls, address), live_connection(valkey_url) as live:
        called = a_device("any", address)

        async def known() -> list[bytes]:
            return [await live.call("GET", key) for key in await live.call("KEYS", login_key("*"))]

        assert (await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)).status == 403
        assert LoginState.TAKEN.encode() not in await known()
        device.answers["GET", PATH] = (200, "OK")
        await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
        assert await known() == [LoginState.TAKEN.encode()]


@pytest.mark.parametrize("holds_for_ms", [0, 60_000])
async def test_without_the_live_store_devices_are_called_all_the_same(
    holds_for_ms: int, valkey_url: str
) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    url = valkey_url if holds_for_ms else "redis://127.0.0.1:1"
    async with calling(device, url) as (calls, address), live_connection(valkey_url) as live:
        called = a_device("any", address)
        await live.call("CLIENT", "PAUSE", holds_for_ms, "WRITE")
        try:
            assert (await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)).body == b"OK"
            for _ in range(2):
                with pytest.raises(NotAuthenticated):
                    await calls.call(called, "wrong", "GET", PATH, timeout_s=WITHIN_S)
        finally:
            await live.call("CLIENT", "UNPAUSE")
    assert device.wrong == 1
