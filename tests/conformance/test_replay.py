"""Every case of every protocol, played over a real socket against one gate process."""

from __future__ import annotations

import socket
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateways.embedded import scratch_data_dir
from parking.clock import FileClock
from tests.conformance.cases import cases, publish_cases
from tests.gateways.gate_stage import gate_process, valkey_process
from tests.scenarios.stage import MIDNIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.cases import Case

CASES = cases()
TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The gate process that all cases are played against, and its clock."""

    port: int
    clock: FileClock


@pytest.fixture(scope="module")
def gate() -> Iterator[Played]:
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_data_dir())
        valkey = stack.enter_context(valkey_process(folder / "valkey"))
        publish_cases(valkey, CASES)
        clock = FileClock(folder / "clock", start=MIDNIGHT)
        process = stack.enter_context(
            gate_process(valkey.url, folder, test_clock=folder / "clock", lane_deadline_ms=10_000)
        )
        yield Played(port=process.port, clock=clock)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_device_is_answered_to_the_byte(case: Case, gate: Played) -> None:
    with socket.create_connection(("127.0.0.1", gate.port), TIMEOUT_S) as connection:
        for exchange in case.exchanges():
            gate.clock.move_to(exchange.at)
            connection.sendall(exchange.request)
            reply = _reply(connection)
            if isinstance(exchange.reply, int):
                assert int(reply.split(b" ", 2)[1]) == exchange.reply, reply
            else:
                assert reply.decode() == exchange.reply.decode()


@pytest.mark.parametrize("megabytes", [2, 5])
def test_a_picture_that_is_too_large_is_refused_alone(megabytes: int, gate: Played) -> None:
    exchange = next(next(one for one in CASES if one.name == "vzenith-normal").exchanges())
    head, _, body = exchange.request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    picture = b64encode(b"\xff\xd8\xff" + bytes(megabytes * 1_048_576 - 3))
    body = body.replace(b'"license"', b'"imageFile": "' + picture + b'", "license"')
    length = b"Content-Length: %d" % len(body)
    with socket.create_connection(("127.0.0.1", gate.port), TIMEOUT_S) as connection:
        gate.clock.move_to(exchange.at)
        connection.sendall(b"\r\n".join([*lines, length, b"", body]))
        assert _reply(connection) == exchange.reply


def _reply(connection: socket.socket) -> bytes:
    """A whole reply; its body is as long as its head says."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection, received)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0].split(b":")[1]):
        more = _more(connection, received)
        body, received = body + more, received + more
    return received


def _more(connection: socket.socket, received: bytes) -> bytes:
    more = connection.recv(65_536)
    if not more:
        raise ConnectionError(f"the reply ended early: {received!r}")
    return more
