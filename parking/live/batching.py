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
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from parking.errors import Busy, Unavailable
from parking.live.failures import translated, wants_library
from parking.live.wire import Reply, Wire, connect, packed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BatchingConnection"]

Call = tuple[bytes, Reply]
"""A command as it goes over the wire, and who waits for its reply."""
LINKS = 2
"""While one waits for its replies the other gathers; more would only make the batches smaller."""
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
        waiting_max: int = 10_000,
        reply_timeout_s: float = 2.0,
        observe_batch: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._url = url
        self._library = library
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._reply_timeout_s = reply_timeout_s
        self._observe_batch = observe_batch
        self._waiting: deque[Call] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._connected = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._tried: set[int] = set()
        self._all_tried = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def connected(self) -> bool:
        """Whether at least one link has a server."""
        return self._connected > 0

    @property
    def waiting(self) -> int:
        """Calls not yet sent."""
        return len(self._waiting)

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Start the links; returns when each has tried to connect, with success or without."""
        self._tasks = [
            tasks.create_task(self._link(number), name=f"live-link-{number}") for number in range(LINKS)
        ]
        await self._all_tried.wait()

    def stop(self) -> None:
        """End the links; whatever still waits gets :class:`Unavailable`."""
        for task in self._tasks:
            task.cancel()
        self._refuse_waiting()

    def call(self, *command: str | bytes | int) -> Reply:
        """The server's reply to one command, to be awaited.

        Raises, here or when awaited, :class:`Busy`, :class:`Unavailable`, :class:`OutcomeUnknown` or
        :class:`Defect`. What cannot be a command fails here, before it is in anybody's batch.
        """
        if not self._connected:
            raise Unavailable("the live store is not connected")
        if len(self._waiting) >= self._waiting_max:
            raise Busy("too many calls wait for the live store")
        reply: Reply = self._loop.create_future()
        self._waiting.append((packed(command), reply))
        if self._idle:
            self._wake_one()
        return reply

    def _wake_one(self) -> None:
        while self._idle:
            sleeper = self._idle.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
                return

    def _wake_all(self) -> None:
        for _ in range(len(self._idle)):
            self._wake_one()

    async def _link(self, number: int) -> None:
        pause_s = RECONNECT_FIRST_S
        while True:
            try:
                wire = await self._connect()
            except (RedisError, OSError, TimeoutError):
                self._note_try(number)
                if not self._connected:
                    self._refuse_waiting()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RECONNECT_MAX_S)
                continue
            pause_s = RECONNECT_FIRST_S
            self._connected += 1
            self._note_try(number)
            try:
                await self._serve(wire)
            finally:
                self._connected -= 1
                wire.close()
                if not self._connected:
                    self._refuse_waiting()

    def _note_try(self, number: int) -> None:
        self._tried.add(number)
        if len(self._tried) == LINKS:
            self._all_tried.set()

    async def _connect(self) -> Wire:
        async with asyncio.timeout(self._reply_timeout_s):
            wire = await connect(self._url)
            try:
                await self._load_library(wire)
            except BaseException:
                wire.close()
                raise
            return wire

    async def _serve(self, wire: Wire) -> None:
        """Carry batches until the connection fails."""
        wire.on_lost = self._wake_all
        while batch := await self._next_batch(wire):
            self._observe_batch(len(batch))
            try:
                async with asyncio.timeout(self._reply_timeout_s):
                    await self._exchange(wire, batch)
            except (RedisError, OSError, TimeoutError) as error:
                _fail(batch, error)
                return
            except asyncio.CancelledError:
                _fail(batch, ConnectionError("closing"))
                raise

    async def _next_batch(self, wire: Wire) -> list[Call]:
        """What waits, as soon as something does; nothing when the connection has ended meanwhile."""
        waiting = self._waiting
        while not wire.lost:
            batch: list[Call] = []
            while waiting and len(batch) < self._batch_max:
                command, reply = waiting.popleft()
                if not reply.done():
                    batch.append((command, reply))
            if batch:
                return batch
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._idle.append(sleeper)
            await sleeper
        return []

    async def _exchange(self, wire: Wire, batch: list[Call]) -> None:
        replies = [reply for _, reply in batch]
        without_library = []
        for place, error in await wire.exchange(b"".join([command for command, _ in batch]), replies):
            if wants_library(error):
                without_library.append(batch[place])
            elif not replies[place].done():
                replies[place].set_exception(translated(error))
        if without_library:
            await self._load_library(wire)
            self._waiting.extendleft(reversed(without_library))

    async def _load_library(self, wire: Wire) -> None:
        await wire.ask("FUNCTION", "LOAD", "REPLACE", self._library)

    def _refuse_waiting(self) -> None:
        while self._waiting:
            _, reply = self._waiting.popleft()
            if not reply.done():
                reply.set_exception(Unavailable("the live store is not connected"))


def _fail(batch: list[Call], error: Exception) -> None:
    for _, reply in batch:
        if not reply.done():
            failure = translated(error)
            failure.__cause__ = error
            reply.set_exception(failure)
