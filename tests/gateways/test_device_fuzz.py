"""Whatever a device sends, its protocol answers with messages or with a clear refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.gate_wiring import PROTOCOLS
from gateways.gates.protocol import Answered, DeviceRequest, Signals
from parking.device import Channel, Device
from parking.errors import InvalidInput
from parking.ids import LaneId
from tests.conformance.cases import cases

if TYPE_CHECKING:
    from gateways.gates.protocol import GateProtocol

REQUESTS: dict[str, list[bytes]] = {}
for a_case in cases():
    known = REQUESTS.setdefault(a_case.path.parent.name, [])
    known += [one.request for one in a_case.exchanges()]
SIGNALS = Signals(lines=("浙A12345", "先离场"), speech="一路平安", frames=(b"\xaa\x55\x01",))


def a_request(whole: bytes) -> DeviceRequest:
    head, _, body = whole.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, *_ = first.split(" ")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return DeviceRequest(method=method, path=path, query={}, headers=headers, body=body)


@st.composite
def damaged(draw: st.DrawFn, requests: list[bytes]) -> DeviceRequest:
    """A real request with some of its body cut, doubled or replaced."""
    asked = a_request(draw(st.sampled_from(requests)))
    body = asked.body
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        end = min(len(body), at + draw(st.integers(0, 40)))
        body = body[:at] + draw(st.binary(max_size=12) | st.just(body[at:end] * 2)) + body[end:]
    return DeviceRequest(
        method=asked.method,
        path=draw(st.sampled_from([asked.path, "", "/", "/comet"])),
        query=draw(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=2)),
        headers=asked.headers if draw(st.booleans()) else {},
        body=draw(st.just(body) | st.binary(max_size=300)),
    )


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_codec_survives_what_it_is_sent(protocol: GateProtocol, data: st.DataObject) -> None:
    device = Device(protocol=protocol.name, channels={"*": Channel(lane_id=LaneId("in-1"))})
    asked = data.draw(damaged(REQUESTS[protocol.name]))
    try:
        messages = protocol.parse(asked, device)
    except InvalidInput:
        return
    opens = data.draw(st.booleans())
    answers = [Answered(message=one, opens=opens, signals=SIGNALS) for one in messages]
    reply = protocol.reply(asked, answers, device)
    assert 200 <= reply.status < 300
    assert all("\r" not in value and "\n" not in value for pair in reply.headers for value in pair)
