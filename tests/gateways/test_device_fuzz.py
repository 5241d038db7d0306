"""Whatever a device sends, its protocol answers with messages or with a clear refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.gate_wiring import MQTT_PROTOCOLS, PROTOCOLS
from gateways.gates.protocol import DeviceRequest
from tests.gateways.codec_check import PUBLISHED, REQUESTS, check_codec, check_mqtt_codec

if TYPE_CHECKING:
    from gateways.gates.mqtt_protocol import MqttProtocol
    from gateways.gates.protocol import GateProtocol


@st.composite
def changed(draw: st.DrawFn, body: bytes) -> bytes:
    """A body of which some is cut, doubled or replaced."""
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        end = min(len(body), at + draw(st.integers(0, 40)))
        body = body[:at] + draw(st.binary(max_size=12) | st.just(body[at:end] * 2)) + body[end:]
    return body


@st.composite
def damaged(draw: st.DrawFn, requests: list[DeviceRequest]) -> DeviceRequest:
    """A real request with some of its body cut, doubled or replaced."""
    asked = draw(st.sampled_from(requests))
    body = draw(changed(asked.body))
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
    asked = data.draw(damaged(REQUESTS[protocol.name]))
    check_codec(protocol, asked, opens=data.draw(st.booleans()))


@pytest.mark.parametrize("protocol", MQTT_PROTOCOLS, ids=lambda one: one.name)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_codec_on_a_broker_survives_what_is_published(protocol: MqttProtocol, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(PUBLISHED[protocol.name]))
    check_mqtt_codec(protocol, one.topic, data.draw(changed(one.payload)))
