"""A connection that batches by itself.

Callers await their own call. What is waiting when a link becomes free travels as one pipeline, and two
links take turns, so a lone call leaves at once and a crowd shares its round trips and, with
``appendfsync always``, its fsyncs. There is no timer.

* A caller that is cancelled or times out harms nobody: the batch is owned by the link, not by a caller.
* Every waiter gets an answer or an error. A link that fails gives :class:`OutcomeUnknown` to the calls it
  had sent; while no link is connected, calls that wait get :class:`Unavailable`.
* The queue is bounded: beyond it a call gets :class:`Busy` and was never sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from redis.asyncio import Connection
from redis.asyncio.connection import parse_url
from redis.exceptions import RedisError, ResponseError

from parking.errors import Busy, Unavailable
from parking.live.failures import translated, wants_library

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BatchingConnection"]

Command = tuple[str | bytes | int, ...]
RECONNECT_FIRST_S = 0.05
RECONNECT_MAX_S = 1.0


class BatchingConnection:
    """Calls to one server, batched; :meth:`start` puts its links into the owner's task group."""

    def __init__(
        self,
        url: str,
        *,
        library: str,
        batch_max: int = 250,
        links: int = 2,
        waiting_max: int = 10_000,
        reply_timeout_s: float = 2.0,
        observe_batch: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._url = url
        self._library = library
        self._batch_max = batch_max
        self._links = links
        self._waiting_max = waiting_max
        self._reply_timeout_s = reply_timeout_s
        self._observe_batch = observe_batch
        self._waiting: deque[tuple[Command, asyncio.Future[Any]]] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._connected = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._first_try: asyncio.Event = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether at least one link has a server."""
        return self._connected > 0

    @property
    def waiting(self) -> int:
        """Calls not yet sent."""
        return len(self._waiting)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start the links; returns after the first attempt to connect, successful or not."""
        self._tasks = [
            tasks.create_task(self._link(), name=f"live-link-{number}") for number in range(self._links)
        ]
        await self._first_try.wait()

    def stop(self) -> None:
        """End the links; whatever still waits gets :class:`Unavailable`."""
        for task in self._tasks:
            task.cancel()
        self._refuse_waiting()

    async def call(self, *command: str | bytes | int) -> Any:
        """The server's reply to one command.

        Raises :class:`Busy`, :class:`Unavailable`, :class:`OutcomeUnknown` or :class:`Defect`.
        """
        if not self._connected:
            raise Unavailable("the live store is not connected")
        if len(self._waiting) >= self._waiting_max:
            raise Busy("too many calls wait for the live store")
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, reply))
        self._wake_one()
        return await reply

    def _wake_one(self) -> None:
        while self._idle:
            sleeper = self._idle.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
                return

    async def _link(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while True:
            connection = _connection(self._url, self._reply_timeout_s)
            try:
                async with asyncio.timeout(self._reply_timeout_s):
                    await connection.connect()
                    await self._load_library(connection)
            except (RedisError, OSError, TimeoutError):
                await _drop(connection)
                self._first_try.set()
                if not self._connected:
                    self._refuse_waiting()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RECONNECT_MAX_S)
                continue
            pause_s = RECONNECT_FIRST_S
            self._connected += 1
            self._first_try.set()
            try:
                await self._serve(connection)
            finally:
                self._connected -= 1
                await _drop(connection)
                if not self._connected:
                    self._refuse_waiting()

    async def _serve(self, connection: Connection) -> None:
        """Carry batches until the connection fails."""
        while True:
            batch = await self._next_batch()
            self._observe_batch(len(batch))
            try:
                async with asyncio.timeout(self._reply_timeout_s):
                    await self._exchange(connection, batch)
            except (RedisError, OSError, TimeoutError) as error:
                _fail(batch, error)
                return
            except asyncio.CancelledError:
                _fail(batch, ConnectionError("closing"))
                raise

    async def _next_batch(self) -> list[tuple[Command, asyncio.Future[Any]]]:
        waiting = self._waiting
        while True:
            batch = []
            while waiting and len(batch) < self._batch_max:
                command, reply = waiting.popleft()
                if not reply.done():
                    batch.append((command, reply))
            if batch:
                return batch
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(sleeper)
            await sleeper

    async def _exchange(
        self, connection: Connection, batch: list[tuple[Command, asyncio.Future[Any]]]
    ) -> None:
        await connection.send_packed_command(
            connection.pack_commands([command for command, _ in batch]), check_health=False
        )
        without_library = []
        for command, reply in batch:
            try:
                answer = await connection.read_response()
            except ResponseError as error:
                if wants_library(error):
                    without_library.append((command, reply))
                elif not reply.done():
                    reply.set_exception(translated(error))
            else:
                if not reply.done():
                    reply.set_result(answer)
        if without_library:
            await self._load_library(connection)
            self._waiting.extendleft(reversed(without_library))

    async def _load_library(self, connection: Connection) -> None:
        await connection.send_command("FUNCTION", "LOAD", "REPLACE", self._library)
        await connection.read_response()

    def _refuse_waiting(self) -> None:
        while self._waiting:
            _, reply = self._waiting.popleft()
            if not reply.done():
                reply.set_exception(Unavailable("the live store is not connected"))


def _connection(url: str, timeout_s: float) -> Connection:
    options: dict[str, Any] = dict(parse_url(url))
    kind = options.pop("connection_class", Connection)
    made: Connection = kind(
        **options, socket_connect_timeout=timeout_s, socket_timeout=None, decode_responses=False, protocol=2
    )
    return made


async def _drop(connection: Connection) -> None:
    await connection.disconnect(nowait=True)


def _fail(batch: list[tuple[Command, asyncio.Future[Any]]], error: Exception) -> None:
    for _, reply in batch:
        if not reply.done():
            failure = translated(error)
            failure.__cause__ = error
            reply.set_exception(failure)
