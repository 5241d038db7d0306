"""The codecs of all devices under coverage-guided fuzzing, for as long as one likes: ``make fuzz``.

What is damaged is the body of a request from the cases of conformance; arguments are libFuzzer's.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris

with atheris.instrument_imports(include=["gateways.gates"]):
    from gateways.gate_wiring import MQTT_PROTOCOLS, PROTOCOLS

from tests.gateways.codec_check import PUBLISHED, REQUESTS, check_codec, check_mqtt_codec

TARGETS = [(protocol, asked) for protocol in PROTOCOLS for asked in REQUESTS[protocol.name]]
TOPICS = [(protocol, one) for protocol in MQTT_PROTOCOLS for one in PUBLISHED[protocol.name]]
SEEDS = [asked.body for _, asked in TARGETS] + [one.payload for _, one in TOPICS]


def survive(data: bytes) -> None:
    """Two bytes choose the request and one the decision; the rest is its body."""
    place = int.from_bytes(data[:2]) % len(SEEDS)
    if place >= len(TARGETS):
        mqtt, one = TOPICS[place - len(TARGETS)]
        check_mqtt_codec(mqtt, one.topic, data[3:])
        return
    protocol, asked = TARGETS[place]
    check_codec(protocol, replace(asked, body=data[3:]), opens=data[2:3] > b"\x7f")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        for number, body in enumerate(SEEDS):
            (Path(folder) / str(number)).write_bytes(number.to_bytes(2) + b"\xff" + body)
        atheris.Setup([*sys.argv, folder], survive)
        atheris.Fuzz()
