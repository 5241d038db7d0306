"""Calls to devices that ask for a password, in the ways in which devices ask for one."""

from __future__ import annotations

import pytest

from parking.errors import NotAuthenticated, Unavailable
from tests.gateways.locking_device import PASSWORD, LockingDevice, a_device, calling

PATH = "/open"
WITHIN_S = 20.0


@pytest.mark.parametrize("offers", [("digest", "basic"), ("basic", "digest")], ids=" ".join)
async def test_digest_is_answered_wherever_it_stands_among_what_is_offered(offers: tuple[str, ...]) -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    device.server.offers = offers
    async with calling(device) as (calls, address):
        answer = await calls.call(a_device("any", address), PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
    assert (answer.status, answer.body, device.wrong) == (200, b"OK", 0)


async def test_a_device_that_was_told_no_password_is_called_again() -> None:
    device = LockingDevice(answers={("GET", PATH): (200, "OK")})
    device.server.offers = ("basic",)
    async with calling(device) as (calls, address):
        called = a_device("any", address)
        with pytest.raises(NotAuthenticated, match="does not ask for Digest"):
            await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
        with pytest.raises(Unavailable):
            async with calls.stream(called, PASSWORD, PATH, opened_within_s=WITHIN_S):
                pass
        device.server.offers = ("digest",)
        answer = await calls.call(called, PASSWORD, "GET", PATH, timeout_s=WITHIN_S)
    assert (answer.body, device.wrong) == (b"OK", 0)
