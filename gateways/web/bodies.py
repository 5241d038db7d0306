"""The body of a request, whole, within limits of size and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

from parking.errors import Unavailable

if TYPE_CHECKING:
    from aiohttp.web import BaseRequest

__all__ = ["read_body"]

BODY_TIMEOUT_S: Final = 10.0


async def read_body(request: BaseRequest, bytes_max: int) -> bytes:
    """The whole body; a larger one is refused before it is read, a slow one after a while."""
    if (request.content_length or 0) > bytes_max:
        raise web.HTTPRequestEntityTooLarge(bytes_max, request.content_length or 0)
    if hdrs.EXPECT in request.headers:
        await _continue(request)
    try:
        if request.content.is_eof():
            body = request.content.read_nowait()  # it came together with its head, as small ones do
        else:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await _at_most(request, bytes_max)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ConnectionError, web.PayloadAccessError) as error:
        raise Unavailable("the request ended before its body") from error
    if len(body) > bytes_max:
        raise web.HTTPRequestEntityTooLarge(bytes_max, len(body))
    return body


async def _at_most(request: BaseRequest, bytes_max: int) -> bytes:
    """The body, read no further than it takes to see that it is too large."""
    pieces, size = [], 0
    while size <= bytes_max:
        piece = await request.content.readany()
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


async def _continue(request: BaseRequest) -> None:
    """Ask for the body of a client that sent its head alone to see whether it is welcome."""
    if request.headers[hdrs.EXPECT].lower() != "100-continue":
        raise web.HTTPExpectationFailed
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0
