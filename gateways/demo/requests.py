"""Requests that are repeated until they are answered, as a controller or a till does it.

A lost connection, a time-out and a 5xx are no answers: the same request goes out again, because every
one of them carries a key that makes repeating harmless. Anything else is an answer.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Final

import aiohttp

from parking.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Reply", "Requests", "open_requests"]

CONNECTIONS_MAX: Final = 64
ATTEMPT_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 90.0
PAUSE_SECONDS: Final = 0.1
SERVER_ERROR: Final = 500
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, and how long the attempt took that brought it."""

    status: int
    body: bytes
    seconds: float


class Requests:
    """Sends over one bounded set of connections; ``repeated`` counts what had to be sent again."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.repeated = 0

    async def send(
        self, method: str, url: str, *, token: str = "", body: bytes | None = None, content_type: str = ""
    ) -> Reply:
        """The first answer; raises :class:`Unavailable` when there is none for a long time."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if content_type:
            headers["Content-Type"] = content_type
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + PATIENCE_SECONDS
        while True:
            started = perf_counter()
            try:
                async with self._session.request(method, url, data=body, headers=headers) as response:
                    content = await response.read()
                    reply = Reply(status=response.status, body=content, seconds=perf_counter() - started)
                if reply.status < SERVER_ERROR and reply.status != TOO_MANY:
                    return reply
                wrong = f"status {reply.status}: {content[:300].decode(errors='replace')}"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                wrong = f"{type(error).__name__} {error}"
            if clock() > give_up_at:
                raise Unavailable(f"{method} {url} has no answer: {wrong}")
            self.repeated += 1
            await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def open_requests() -> AsyncIterator[Requests]:
    """Keep-alive connections, closed at the end."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        timeout=aiohttp.ClientTimeout(total=ATTEMPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield Requests(session)
