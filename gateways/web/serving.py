"""Serves an application, for as long as a context is open.

Requests under way when the context is left are given a moment to end; a client that goes away does not
cancel its request, because what it started may be half written. Bodies arrive as they were sent: unpacking
them would let a small request become a large one.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["serve"]

KEEPALIVE_TIMEOUT_S: Final = 75.0
"""Controllers send every few seconds or minutes; a connection kept is a handshake saved."""
SHUTDOWN_TIMEOUT_S: Final = 10.0
"""Longer than any answer takes."""
BACKLOG: Final = 1024
LINE_MAX_BYTES: Final = 8190
FIELD_MAX_BYTES: Final = 8190


@asynccontextmanager
async def serve(
    app: web.Application,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    unix_path: Path | None = None,
    reuse_port: bool = False,
) -> AsyncIterator[int]:
    """Serve on ``host`` and ``port`` (0: any free one), or on a Unix socket; yields the port, there 0."""
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        keepalive_timeout=KEEPALIVE_TIMEOUT_S,
        shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        handler_cancellation=False,
        auto_decompress=False,
        max_line_size=LINE_MAX_BYTES,
        max_field_size=FIELD_MAX_BYTES,
    )
    await runner.setup()
    try:
        if unix_path is not None:
            await web.UnixSite(runner, unix_path, backlog=BACKLOG).start()
            yield 0
            return
        await web.TCPSite(runner, host, port, backlog=BACKLOG, reuse_port=reuse_port or None).start()
        address = runner.addresses[0]
        yield int(address[1])
    finally:
        await runner.cleanup()
