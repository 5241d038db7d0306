"""Serves an application, or one handler of all requests, for as long as a context is open.

Requests under way when the context is left are given a moment to end; a client that goes away does not
cancel its request, because what it started may be half written. Bodies arrive as they were sent: unpacking
them would let a small request become a large one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, cast

from aiohttp import web

from gateways.web.door import Door, Limits, listening
from parking.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

__all__ = ["Handler", "check_port", "serve"]

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

KEEPALIVE_TIMEOUT_S: Final = 75.0
"""Controllers send every few seconds or minutes; a connection kept is a handshake saved."""
SHUTDOWN_TIMEOUT_S: Final = 10.0
"""Longer than any answer takes."""
LINGERING_TIME_S: Final = 3.0
"""How long the rest of a refused body is read and thrown away, so that its sender sees the answer."""
BACKLOG: Final = 1024
LINE_MAX_BYTES: Final = 8190
FIELD_MAX_BYTES: Final = 8190


@asynccontextmanager
async def serve(
    app: web.Application | Handler,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    unix_path: Path | None = None,
    reuse_port: bool = False,
    limits: Limits | None = None,
) -> AsyncIterator[int]:
    """Serve on ``host`` and ``port`` (0: any free one), or on a Unix socket; yields the port, there 0.

    Raises ``Unavailable`` when it cannot be listened there.
    """
    doors: list[Door] = []
    runner = _runner(app, doors)
    await runner.setup()
    door = Door(
        cast("web.Server", runner.server),
        limits or Limits(),
        access_log=None,
        keepalive_timeout=KEEPALIVE_TIMEOUT_S,
        lingering_time=LINGERING_TIME_S,
        auto_decompress=False,
        max_line_size=LINE_MAX_BYTES,
        max_field_size=FIELD_MAX_BYTES,
    )
    doors.append(door)
    loop = asyncio.get_running_loop()
    try:
        with _told(str(unix_path) if unix_path else f"port {port} of {host}"):
            listener = await (
                loop.create_server(door.admit, host, port, backlog=BACKLOG, reuse_port=reuse_port or None)
                if unix_path is None
                else loop.create_unix_server(door.admit, unix_path, backlog=BACKLOG)
            )
        try:
            yield 0 if unix_path is not None else int(listener.sockets[0].getsockname()[1])
        finally:
            listener.close()
    finally:
        door.close()
        await runner.cleanup()


async def check_port(host: str, port: int) -> None:
    """Raise ``Unavailable`` when somebody listens at ``port``, also one with whom it could be shared."""
    with _told(f"port {port} of {host}"):
        probe = await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)
        probe.close()
        await probe.wait_closed()


@contextmanager
def _told(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"cannot listen at {place}: {error.strerror}") from error


def _runner(app: web.Application | Handler, doors: list[Door]) -> web.BaseRunner:
    """An application with its router, or a server that has none and costs less."""
    if isinstance(app, web.Application):
        app.middlewares.insert(0, listening(doors))
        return web.AppRunner(
            app, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT_S, handler_cancellation=False
        )
    handler = app

    def answer(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        for door in doors:
            door.heard(request.protocol)
        return handler(request)

    server = web.Server(answer, handler_cancellation=False)
    return web.ServerRunner(server, handle_signals=False, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
