"""Axis: what becomes of a command to a barrier on its output, and what its configuration may say."""

from __future__ import annotations

import pytest

from gateways.gates.axis.commands import AxisCommands
from gateways.gates.axis.protocol import AxisPlateVerifier
from parking.barrier import GateOutcome
from parking.device import Channel, Device
from parking.errors import InvalidInput
from parking.ids import LaneId
from tests.gateways.locking_device import PASSWORD, LockingDevice, a_device, calling

PORT = "/axis-cgi/io/port.cgi"
CHANNELS = {"*": Channel(lane_id=LaneId("in-1"))}


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (200, "", GateOutcome.ACCEPTED),
        (204, "", GateOutcome.ACCEPTED),
        (200, "Error: invalid port", GateOutcome.REJECTED),
        (404, "", GateOutcome.REJECTED),
    ],
)
async def test_what_the_camera_says_of_a_pulse(
    status: int, text: str, outcome: GateOutcome, valkey_url: str
) -> None:
    device = LockingDevice(answers={("GET", PORT): (status, text)})
    async with calling(device, valkey_url) as (calls, address):
        result = await AxisCommands(calls).open(a_device("axis", address), "1", PASSWORD)
    assert result.outcome is outcome
    assert device.asked == [("GET", f"{PORT}?action=1:/500%5C")]


@pytest.mark.parametrize(
    "options",
    [
        {"port": "0"},
        {"pulse_ms": "x"},
        {"settle_ms": "10001"},
        {"in_is": "up"},
        {"free_flow": "1"},
        {"x": "1"},
    ],
)
def test_an_option_that_is_none_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        AxisPlateVerifier().check(Device(protocol="axis", channels=CHANNELS, options=options))
