"""One connection to the live store: commands leave as one write, their replies arrive in order.

A pipeline is handed over whole, with a future for every reply. Replies are parsed by hiredis where they
arrive and go straight to their futures: no reply costs a task or a turn of the event loop.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import hiredis
from redis.asyncio.connection import parse_url
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import ResponseError
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Command", "Refusal", "Reply", "Wire", "connect", "packed"]

Command = tuple[str | bytes | int, ...]
Reply = asyncio.Future[Any]
packed = cast("Callable[[Command], bytes]", hiredis.pack_command)
"""A command as it goes over the wire; its published type allows a single word only."""


class Refusal(NamedTuple):
    """An error reply and the place of its command in the pipeline."""

    place: int
    error: ResponseError


class Wire(asyncio.Protocol):
    """Made by :func:`connect`. It carries one pipeline at a time."""

    def __init__(self) -> None:
        self._parser = hiredis.Reader(protocolError=LostConnection, replyError=ResponseError)
        self._transport: asyncio.Transport | None = None
        self._replies: Sequence[Reply] = ()
        self._arrived = 0
        self._refused: list[Refusal] = []
        self._complete: asyncio.Future[list[Refusal]] | None = None
        self._lost: Exception | None = None
        self.on_lost: Callable[[], None] = lambda: None
        """Called when the connection has ended, also while nothing was under way."""

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost is not None

    async def exchange(self, pipeline: bytes, replies: Sequence[Reply]) -> list[Refusal]:
        """Send packed commands; return when all replies are here, with the error replies and their places.

        Every other reply is in its future, unless that was done already because nobody waits any more.
        Raises what ended the connection: what did not arrive by then never will.
        """
        if self._transport is None or self._lost is not None:
            raise self._lost or LostConnection("not connected")
        self._replies, self._arrived, self._refused = replies, 0, []
        self._complete = asyncio.get_running_loop().create_future()
        self._transport.write(pipeline)
        try:
            return await self._complete
        finally:
            self._complete = None

    async def ask(self, *command: str | bytes | int) -> object:
        """The reply to a single command; an error reply is raised."""
        reply: Reply = asyncio.get_running_loop().create_future()
        for refusal in await self.exchange(packed(command), [reply]):
            raise refusal.error
        return await reply

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
            self._hand_out()
        except (LostConnection, IndexError) as error:
            self._fail(LostConnection(f"the server does not keep to the protocol: {error}"))
            self.close()

    def _hand_out(self) -> None:
        gets, replies, place = self._parser.gets, self._replies, self._arrived
        while (answer := gets()) is not False:
            reply = replies[place]
            if isinstance(answer, ResponseError):
                self._refused.append(Refusal(place, answer))
            elif not reply.done():
                reply.set_result(answer)
            place += 1
        self._arrived = place
        if place == len(replies) and self._complete is not None and not self._complete.done():
            self._complete.set_result(self._refused)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(LostConnection("the connection was closed") if exc is None else exc)

    def _fail(self, error: Exception) -> None:
        self._lost = self._lost or error
        if self._complete is not None and not self._complete.done():
            self._complete.set_exception(error)
        self.on_lost()


async def connect(url: str) -> Wire:
    """A connection that is authenticated and has its database selected."""
    options: dict[str, Any] = dict(parse_url(url))
    loop = asyncio.get_running_loop()
    if "path" in options:
        _, wire = await loop.create_unix_connection(Wire, options["path"])
    else:
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        _, wire = await loop.create_connection(Wire, host, port, ssl=_tls(url, options))
    try:
        if "password" in options:
            user = (options["username"],) if "username" in options else ()
            await wire.ask("AUTH", *user, options["password"])
        if options.get("db"):
            await wire.ask("SELECT", int(options["db"]))
    except BaseException:
        wire.close()
        raise
    return wire


def _tls(url: str, options: dict[str, Any]) -> ssl.SSLContext | None:
    if not url.startswith("rediss:"):
        return None
    context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
    if "ssl_certfile" in options:
        context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    return context
