"""Responses that are ready when their handler returns: the head is known, so they leave in one piece.

aiohttp makes a response's head from a table of headers that anybody may still change; at the gate every car
would pay for that. Here nothing can change; whatever is unusual about a request (an old version of HTTP, a
connection that is to end) takes aiohttp's way.
"""

from __future__ import annotations

from email.utils import formatdate
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import HttpVersion11, web
from typing_extensions import override

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

__all__ = ["ReadyBytes", "ReadyJson"]


@lru_cache(maxsize=1)
def _head(_second: int) -> str:
    """What all responses of one second begin with."""
    date = formatdate(usegmt=True)
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: {date}\r\nContent-Length: "


class ReadyJson(web.Response):
    """A JSON text with status 200."""

    def __init__(self, text: str) -> None:
        super().__init__(body=text.encode(), content_type="application/json")
        self._ready: AbstractStreamWriter | None = None

    @property
    @override
    def keep_alive(self) -> bool | None:
        return True if self._ready is not None else super().keep_alive

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if request.version != HttpVersion11 or not request.keep_alive or super().keep_alive is False:
            return await super().prepare(request)
        self._ready = request.writer
        return self._ready

    @override
    async def write_eof(self, data: bytes = b"") -> None:
        if self._ready is None:
            await super().write_eof(data)
            return
        body = self.body
        assert isinstance(body, bytes)  # noqa: S101 - given in __init__
        await self._ready.write_eof(f"{_head(int(monotonic()))}{len(body)}\r\n\r\n".encode() + body)


class ReadyBytes(web.Response):
    """A whole response to the byte, for devices that understand no other; ``keep`` keeps the connection."""

    def __init__(self, whole: bytes, *, status: int, keep: bool) -> None:
        super().__init__(status=status)
        self._whole = whole
        self._keep = keep
        self._writer: AbstractStreamWriter | None = None

    @property
    @override
    def keep_alive(self) -> bool | None:
        return self._keep

    @override
    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._keep = self._keep and request.keep_alive
        self._writer = request.writer
        return self._writer

    @override
    async def write_eof(self, data: bytes = b"") -> None:
        if self._writer is not None:
            await self._writer.write_eof(self._whole)
