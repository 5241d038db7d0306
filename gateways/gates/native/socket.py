"""One WebSocket of a controller: what arrives together is answered together, some such bursts side by side.

Nobody else is harmed by it: what may wait is bounded, and beyond that its messages stay in the network;
whoever sends faster than agreed is read more slowly, whoever does not read is cut off, and so is one that
sends nothing but rubbish. A socket ends by itself when its token is revoked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import WSCloseCode, WSMsgType, web

from gateways.gates.native.bursts import Arrived
from parking.errors import NotAuthenticated

if TYPE_CHECKING:
    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.native.bursts import Asked, Burst, Bursts
    from gateways.gates.native.pushes import Pushes
    from parking.catalog import Controller
    from parking.ids import GarageId

__all__ = ["MESSAGE_BYTES_MAX", "REFUSED_IN_A_ROW_MAX", "Socket", "SocketLimits"]

MESSAGE_BYTES_MAX: Final = 16 * 1024
PUSHES_MAX: Final = 64
"""Beyond this the oldest is dropped: a lane's next report is answered rightly without it."""
REFUSED_IN_A_ROW_MAX: Final = 50
BUFFER_BYTES_MAX: Final = 64 * 1024
"""More of what a controller has not taken, and nothing further is written."""
DRAIN_LOOK_S: Final = 0.02
TEXT_FRAME: Final = 0x81
LENGTH_16: Final = 126
LENGTH_64: Final = 127


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What one socket may do."""

    waiting_max: int = 256
    """Messages that are not answered; as many again wait in the network's buffers."""
    burst_max: int = 100
    bursts_max: int = 4
    """That are under way together: while one is written to the live store the next is on its way there."""
    per_s: int = 2_000
    send_timeout_s: float = 10.0
    """One that has not taken its answers by then is cut off."""
    heartbeat_s: float = 20.0
    """A ping after so long a silence; without a pong for half of it the connection is given up."""


class Socket:
    """Serves one connection; ``authorization`` is its header, looked up anew for every burst."""

    def __init__(
        self,
        authorization: str | None,
        *,
        garage_id: GarageId,
        gatehouse: Gatehouse,
        bursts: Bursts,
        pushes: Pushes,
        limits: SocketLimits,
    ) -> None:
        self._authorization = authorization
        self.garage_id = garage_id
        self.place = ""
        self._gatehouse = gatehouse
        self._bursts = bursts
        self._pushes = pushes
        self._limits = limits
        self._arrived: deque[Arrived] = deque()
        self._outbox: deque[str] = deque(maxlen=PUSHES_MAX)
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._ending: tuple[WSCloseCode, bytes] | None = None
        self._gone = False
        self._refused = 0
        self._unanswered = 0
        self._under_way: dict[asyncio.Task[None], frozenset[str]] = {}
        self._transport: asyncio.Transport | None = None
        self._ws = web.WebSocketResponse[bool](
            heartbeat=limits.heartbeat_s,
            max_msg_size=MESSAGE_BYTES_MAX,
            compress=False,
            timeout=1.0,
            decode_text=False,
        )

    def push(self, text: str) -> None:
        """Send a message between two bursts."""
        self._outbox.append(text)
        self._work.set()

    def end(self, code: WSCloseCode, why: bytes) -> None:
        """Answer what has arrived, then close."""
        self._ending = self._ending or (code, why)
        self._work.set()

    def check(self) -> None:
        """End it when its token is not valid any more."""
        try:
            self._gatehouse.controller(self._authorization)
        except NotAuthenticated:
            self.end(WSCloseCode.POLICY_VIOLATION, b"the token is not valid any more")

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve it until either side ends it; raises HTTP's errors for what is no WebSocket."""
        await self._ws.prepare(request)
        self._transport = request.transport
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(), name="socket-read")
            try:
                await self._answer(tasks)
            except (ConnectionError, TimeoutError):
                self._abort()
            reading.cancel()
        return self._ws

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    async def _read(self) -> None:
        time, limits = asyncio.get_running_loop().time, self._limits
        read, since = 0, time()
        while (message := await self._ws.receive()).type is WSMsgType.TEXT:
            self._arrived.append(Arrived(message.data, time()))
            self._unanswered += 1
            self._work.set()
            read += 1
            if read == limits.per_s:
                await asyncio.sleep(since + 1.0 - time())
                read, since = 0, time()
            while self._unanswered >= limits.waiting_max:
                self._room.clear()
                await self._room.wait()
        if message.type is WSMsgType.BINARY:
            self.end(WSCloseCode.UNSUPPORTED_DATA, b"messages are text")
        else:
            self._gone = True
        self._work.set()

    async def _answer(self, tasks: asyncio.TaskGroup) -> None:
        """Bursts as they come, some of them side by side, until the end."""
        while not self._gone:
            await self._send_pushes()
            if self._arrived and len(self._under_way) < self._limits.bursts_max:
                await self._begin_burst(tasks)
            elif self._ending is not None and not self._under_way:
                code, why = self._ending
                await self._ws.close(code=code, message=why)
                return
            else:
                self._work.clear()
                await self._work.wait()

    async def _begin_burst(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to answer what has arrived, behind those under way that have a plate or an id in common."""
        arrived = self._arrived
        try:
            controller = self._gatehouse.controller(self._authorization)
        except NotAuthenticated:
            arrived.clear()
            self.check()
            return
        burst = [arrived.popleft() for _ in range(min(len(arrived), self._limits.burst_max))]
        asked = self._bursts.read(burst)
        if before := [task for task, names in self._under_way.items() if names & asked.names]:
            await asyncio.wait(before)
        task = tasks.create_task(self._answer_burst(asked, controller), name="socket-burst")
        self._under_way[task] = asked.names
        task.add_done_callback(self._end_burst)

    def _end_burst(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._work.set()

    async def _answer_burst(self, asked: Asked, controller: Controller) -> None:
        told = await self._bursts.answer(asked, controller, self)
        try:
            await self._send([text for text in told.texts if text is not None])
        except (ConnectionError, TimeoutError):
            self._abort()
        self._unanswered -= len(asked.arrived)
        self._room.set()
        self._judge(told, len(asked.arrived))
        if told.grants is not None:
            self.place = told.grants
            self._pushes.want(self)

    def _judge(self, told: Burst, size: int) -> None:
        self._refused = self._refused + told.refused if told.refused == size else 0
        if self._refused > REFUSED_IN_A_ROW_MAX:
            self._arrived.clear()
            self.end(WSCloseCode.POLICY_VIOLATION, b"nothing but messages that cannot be read")

    async def _send_pushes(self) -> None:
        texts = list(self._outbox)
        self._outbox.clear()
        await self._send(texts)

    async def _send(self, texts: list[str]) -> None:
        """Send messages in one write: it costs about as much as the answer to an event."""
        transport = self._transport
        if not texts or transport is None:
            return
        if self._ws.closed or transport.is_closing():
            raise ConnectionResetError("the connection is ending")
        transport.write(b"".join([_frame(text.encode()) for text in texts]))
        async with asyncio.timeout(self._limits.send_timeout_s):
            while transport.get_write_buffer_size() > BUFFER_BYTES_MAX:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(DRAIN_LOOK_S)


def _frame(text: bytes) -> bytes:
    """A text message as a server sends it (RFC 6455, 5.2): whole, unmasked."""
    size = len(text)
    if size < LENGTH_16:
        return bytes((TEXT_FRAME, size)) + text
    if size <= 0xFFFF:  # noqa: PLR2004 - what two bytes hold
        return bytes((TEXT_FRAME, LENGTH_16)) + size.to_bytes(2) + text
    return bytes((TEXT_FRAME, LENGTH_64)) + size.to_bytes(8) + text
