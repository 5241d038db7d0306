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
    from gateways.gate_wiring import PROTOCOLS

from tests.gateways.codec_check import REQUESTS, check_codec

TARGETS = [(protocol, asked) for protocol in PROTOCOLS for asked in REQUESTS[protocol.name]]


def survive(data: bytes) -> None:
    """Two bytes choose the request and one the decision; the rest is its body."""
    protocol, asked = TARGETS[int.from_bytes(data[:2]) % len(TARGETS)]
    check_codec(protocol, replace(asked, body=data[3:]), opens=data[2:3] > b"\x7f")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        for number, (_, asked) in enumerate(TARGETS):
            (Path(folder) / str(number)).write_bytes(number.to_bytes(2) + b"\xff" + asked.body)
        atheris.Setup([*sys.argv, folder], survive)
        atheris.Fuzz()
