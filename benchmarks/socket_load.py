"""The same load over WebSockets: one connection a garage, one event under way for each of its lanes.

Frames are made before the clock starts; as in ``load.py`` every answer is looked into, and the next event of
a lane leaves when the one before is answered.
"""

from __future__ import annotations

import asyncio
import struct
from collections import defaultdict
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final, cast

from typing_extensions import override

from benchmarks.load import ROUND_SECONDS_MAX, Load, WrongAnswer, as_expected
from benchmarks.processes import cpu_seconds
from benchmarks.traffic import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["send_over_sockets"]

TEXT: Final = 0x81
MASKED: Final = 0x80
LENGTH_16: Final = 126
PREFIX: Final = b'{"type":"answer","id":"'


class GarageSocket(asyncio.Protocol):
    """One controller with several lanes."""

    def __init__(self, lanes: Sequence[Sequence[Request]], load: Load) -> None:
        self._head = lanes[0][0].sent.partition(b"\r\n\r\n")[0]
        self._waiting: dict[bytes, Iterator[Request]] = {
            str(number).encode(): iter(requests) for number, requests in enumerate(_framed(lanes))
        }
        self._under_way: dict[bytes, tuple[Request, float]] = {}
        self._load = load
        self._received = b""
        self._upgraded = False
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        token = next(line for line in self._head.split(b"\r\n") if line.startswith(b"Authorization"))
        self._transport.write(
            b"GET /v1/gates/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            + token
            + b"\r\n\r\n"
        )

    def begin(self) -> None:
        """Send the first event of every lane."""
        for lane in list(self._waiting):
            self._send_next(lane)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._upgraded:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                self._end(WrongAnswer(head.decode(errors="replace")))
                return
            self._upgraded, self._received = True, rest
            self.ready.set_result(None)
        at = 0
        while (end_at := _frame_end(self._received, at)) is not None:
            self._take(self._received[at:end_at])
            at = end_at
        self._received = self._received[at:]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or WrongAnswer("the server closed the connection"))

    def _take(self, frame: bytes) -> None:
        place = frame.find(PREFIX)
        lane = frame[place + len(PREFIX) :].partition(b'"')[0] if place >= 0 else b""
        request, sent_at = self._under_way.pop(lane, (None, 0.0))
        if request is None or not as_expected(request, frame):
            self._end(WrongAnswer(frame.decode(errors="replace")))
            return
        self._load.latencies_s.append(perf_counter() - sent_at)
        self._load.events += 1
        self._send_next(lane)

    def _send_next(self, lane: bytes) -> None:
        request = next(self._waiting[lane], None)
        if request is not None:
            self._under_way[lane] = request, perf_counter()
            self._transport.write(request.sent)
        elif not self._under_way:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        self._transport.close()
        for future in (self.ready, self.done):
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


async def send_over_sockets(port: int, sequences: Sequence[Sequence[Request]]) -> Load:
    """Send each sequence as a lane of its garage's connection, all at once; every answer must be right."""
    load, loop = Load(), asyncio.get_running_loop()
    lanes: dict[bytes, list[Sequence[Request]]] = defaultdict(list)
    for sequence in sequences:
        lanes[sequence[0].sent.partition(b"Bearer ")[2].partition(b"\r\n")[0]].append(sequence)
    sockets = []
    for of_garage in lanes.values():
        _, socket = await loop.create_connection(partial(GarageSocket, of_garage, load), "127.0.0.1", port)
        sockets.append(socket)
    async with asyncio.timeout(ROUND_SECONDS_MAX):
        for socket in sockets:
            await socket.ready
        started, cpu_started = perf_counter(), cpu_seconds()
        for socket in sockets:
            socket.begin()
        for socket in sockets:
            await socket.done
    load.wall_s = perf_counter() - started
    load.cpu_s = cpu_seconds() - cpu_started
    return load


def _framed(lanes: Sequence[Sequence[Request]]) -> list[list[Request]]:
    return [
        [Request(_frame(number, one.sent), one.events, one.expected) for one in lane]
        for number, lane in enumerate(lanes)
    ]


def _frame(lane: int, request: bytes) -> bytes:
    """The event of a request as a message in a frame, masked with zeros."""
    event = request.partition(b"\r\n\r\n")[2]
    text = b'{"type":"event","id":"%d",%s' % (lane, event[1:])
    return struct.pack("!BBH", TEXT, MASKED | LENGTH_16, len(text)) + bytes(4) + text


def _frame_end(received: bytes, at: int) -> int | None:
    """Where the frame ends that begins at a place, once all of it is here."""
    if len(received) < at + 4:
        return None
    length = received[at + 1]
    end = at + 2 + length
    if length == LENGTH_16:
        end = at + 4 + int.from_bytes(received[at + 2 : at + 4])
    return end if end <= len(received) else None
