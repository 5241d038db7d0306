"""The door of a listening port: who may come in, and for how long without a word.

One connection too many is refused at once, and one that has not sent the head of its first request in time
is closed, so that whoever opens many and says little cannot keep others out. What is no HTTP gets a problem
as everything else does; it is neither repeated to its sender nor logged, because it may hold anything.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web
from typing_extensions import override

from gateways.web.problems import refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Middleware

__all__ = ["Door", "Limits", "listening"]

CONNECTIONS_MAX: Final = 4096
"""Several for every lane of a city; about 20 KiB each."""
HEAD_TIMEOUT_S: Final = 10.0
"""A new connection sends the head of its first request within this."""
SWEEP_S: Final = 1.0
BUSY_BODY: Final = (
    b'{"title": "Busy", "status": 503, "outcome": "retryable", "detail": "too many connections are open"}'
)
BUSY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(BUSY_BODY), BUSY_BODY)
)


def _connections_max() -> int:
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(CONNECTIONS_MAX, descriptors * 3 // 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one listening port puts up with."""

    connections_max: int = field(default_factory=_connections_max)
    """A quarter of the file descriptors is left for everything else."""
    head_timeout_s: float = HEAD_TIMEOUT_S


class TooMany(asyncio.Protocol):
    """A connection too many: told so and closed."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        told = cast("asyncio.Transport", transport)
        told.write(BUSY)
        told.close()


class Connection(web.RequestHandler):
    """One connection; what cannot be read as HTTP is answered as a problem."""

    __slots__ = ()

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            super().handle_error(request, status, exc, message)
        elif request.writer.output_size:
            raise ConnectionError("a part of another response was sent")
        response = refused(status)
        response.force_close()
        return response


class Door:
    """Makes the protocol of every connection; ``options`` are aiohttp's."""

    def __init__(self, server: web.Server, limits: Limits, **options: object) -> None:
        self._server = server
        self._limits = limits
        self._options: dict[str, Any] = options
        self._loop = asyncio.get_running_loop()
        self._silent: dict[asyncio.BaseProtocol, float] = {}
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)

    def admit(self) -> asyncio.BaseProtocol:
        """The protocol of a new connection."""
        if len(self._server.connections) >= self._limits.connections_max:
            return TooMany()
        connection = Connection(self._server, loop=self._loop, **self._options)
        self._silent[connection] = self._loop.time()
        return connection

    def heard(self, connection: asyncio.BaseProtocol) -> None:
        """A whole head has arrived there."""
        self._silent.pop(connection, None)

    def close(self) -> None:
        """Look after nobody any more."""
        self._timer.cancel()
        self._silent.clear()

    def _sweep(self) -> None:
        late = self._loop.time() - self._limits.head_timeout_s
        for connection in self._server.connections:
            opened_at = self._silent.get(connection)
            if opened_at is not None and opened_at <= late:
                connection.force_close()
        self._silent = {one: opened_at for one, opened_at in self._silent.items() if opened_at > late}
        self._timer = self._loop.call_later(SWEEP_S, self._sweep)


def listening(doors: list[Door]) -> Middleware:
    """A middleware that tells doors, once there are any, of every request."""

    @web.middleware
    async def tell(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        for door in doors:
            door.heard(request.protocol)
        return await handler(request)

    return tell
