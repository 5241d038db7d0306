"""A load generator that costs little: prepared requests over raw keep-alive connections.

A full client library would use more of the machine than the server that it measures. Each connection
sends its next request when the answer to the one before is complete, and looks into every answer.
"""

from __future__ import annotations

import asyncio
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from benchmarks.processes import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.traffic import Request

__all__ = ["ROUND_SECONDS_MAX", "Load", "WrongAnswer", "as_expected", "send_all"]

ROUND_SECONDS_MAX = 120.0


class WrongAnswer(Exception):
    """A server answered otherwise than it must; what was measured would mean nothing."""


class Load:
    """What a load came to; latencies in seconds, in order of completion."""

    def __init__(self) -> None:
        self.latencies_s: list[float] = []
        self.events = 0
        self.wall_s = 0.0
        self.cpu_s = 0.0

    @property
    def rate(self) -> float:
        """Events answered a second."""
        return self.events / self.wall_s

    def percentile_ms(self, share: float) -> float:
        """A latency that ``share`` of the requests did not exceed."""
        ordered = sorted(self.latencies_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection(asyncio.Protocol):
    """One lane's controller: a request, its answer, the next request."""

    def __init__(self, requests: Iterator[Request], load: Load, *, check: bool) -> None:
        self._requests = requests
        self._load = load
        self._check = check
        self._buffer = b""
        self._sent_at = 0.0
        self._current: Request | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send_next(self) -> None:
        """Send the next request, or end."""
        request = self._current = next(self._requests, None)
        if request is None:
            self._end(None)
            return
        self._sent_at = perf_counter()
        self._transport.write(request.sent)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        length = _answer_length(self._buffer)
        if length is None or len(self._buffer) < length or self._current is None:
            return
        self._load.latencies_s.append(perf_counter() - self._sent_at)
        self._load.events += self._current.events
        answer, self._buffer = self._buffer, b""
        if not answer.startswith(b"HTTP/1.1 200 ") or (
            self._check and not as_expected(self._current, answer)
        ):
            self._end(WrongAnswer(_wrong_part(self._current, answer)))
            return
        self.send_next()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or WrongAnswer("the server closed the connection"))

    def _end(self, error: Exception | None) -> None:
        self._transport.close()
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


async def send_all(port: int, sequences: Sequence[Sequence[Request]], *, check: bool) -> Load:
    """Send each sequence over a connection of its own, all at once; every answer must be a right one."""
    load, loop = Load(), asyncio.get_running_loop()
    connections = []
    for sequence in sequences:
        _, connection = await loop.create_connection(
            partial(Connection, iter(sequence), load, check=check), "127.0.0.1", port
        )
        connections.append(connection)
    started, cpu_started = perf_counter(), cpu_seconds()
    for connection in connections:
        connection.send_next()
    async with asyncio.timeout(ROUND_SECONDS_MAX):
        for connection in connections:
            await connection.done
    load.wall_s = perf_counter() - started
    load.cpu_s = cpu_seconds() - cpu_started
    return load


def _answer_length(received: bytes) -> int | None:
    """How long the answer is that begins so, as soon as its head is here."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    length_at = received.index(b"Content-Length:") + 15
    return head_end + 4 + int(received[length_at : received.index(b"\r\n", length_at)])


def as_expected(request: Request, answer: bytes) -> bool:
    """Whether an answer holds what it must."""
    return all(answer.count(text) == times for text, times in request.expected)


def _wrong_part(request: Request, answer: bytes) -> str:
    """The head, and the first lines that are not as they should be."""
    head, _, body = answer.partition(b"\r\n\r\n")
    wanted = [text for text, times in request.expected if times]
    unwanted = [text for text, times in request.expected if not times]
    wrong = [
        line
        for line in body.split(b"\n")
        if not all(text in line for text in wanted) or any(text in line for text in unwanted)
    ]
    return b"\n".join([head, *wrong[:5]]).decode(errors="replace")
