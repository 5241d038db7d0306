"""Dahua: what becomes of a command to its barrier, and what a device's configuration may say."""

from __future__ import annotations

import pytest

from gateways.gates.dahua.commands import DahuaCommands
from gateways.gates.dahua.protocol import DahuaItsapi
from parking.barrier import GateOutcome
from parking.device import Channel, Device, Proof
from parking.errors import InvalidInput, NotAuthenticated
from parking.ids import LaneId
from tests.gateways.locking_device import PASSWORD, LockingDevice, a_device, calling

STROBE = "/cgi-bin/trafficSnap.cgi"
CHANNELS = {"*": Channel(lane_id=LaneId("in-1"))}


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (200, "OK\r\n", GateOutcome.ACCEPTED),
        (200, "Error\r\nBad Request!", GateOutcome.REJECTED),
        (501, "", GateOutcome.REJECTED),
    ],
)
async def test_what_the_device_says_of_a_command(
    status: int, text: str, outcome: GateOutcome, valkey_url: str
) -> None:
    device = LockingDevice(answers={("GET", STROBE): (status, text)})
    async with calling(device, valkey_url) as (calls, address):
        result = await DahuaCommands(calls).open(a_device("dahua", address), "1", PASSWORD)
    assert result.outcome is outcome
    assert device.asked == [("GET", f"{STROBE}?action=openStrobe&channel=1&info.openType=Normal")]


async def test_a_wrong_password_is_tried_once(valkey_url: str) -> None:
    device = LockingDevice(answers={("GET", STROBE): (200, "OK")})
    async with calling(device, valkey_url) as (calls, address):
        commands = DahuaCommands(calls)
        for _ in range(2):
            with pytest.raises(NotAuthenticated):
                await commands.open(a_device("dahua", address), "1", "wrong")
    assert device.wrong == 1


@pytest.mark.parametrize(
    "options", [{"open_by": "../x"}, {"open_channel": "x"}, {"open_type": "Always"}, {"other": "1"}]
)
def test_an_option_that_is_none_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        DahuaItsapi().check(Device(protocol="dahua", channels=CHANNELS, options=options))


def test_digest_is_no_proof_of_these_cameras() -> None:
    device = Device(protocol="dahua", channels=CHANNELS, proof=Proof.DIGEST, digest_ha1="0" * 32)
    with pytest.raises(InvalidInput):
        DahuaItsapi().check(device)
