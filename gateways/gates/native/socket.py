"""One WebSocket of a controller: what it sends is gathered while the burst before it is answered.

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
    from gateways.gates.native.bursts import Burst, Bursts
    from gateways.gates.native.pushes import Pushes
    from parking.ids import GarageId

__all__ = ["MESSAGE_BYTES_MAX", "Socket", "SocketLimits"]

MESSAGE_BYTES_MAX: Final = 16 * 1024
PUSHES_MAX: Final = 64
"""Beyond this the oldest is dropped: a lane's next report is answered rightly without it."""
REFUSED_IN_A_ROW_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketLimits:
    """What one socket may do."""

    waiting_max: int = 256
    """Messages that are not answered; as many again wait in the network's buffers."""
    burst_max: int = 100
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
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read(), name="socket-read")
            try:
                await self._answer()
            except (ConnectionError, TimeoutError):
                if request.transport is not None:
                    request.transport.abort()
            reading.cancel()
        return self._ws

    async def _read(self) -> None:
        time, limits = asyncio.get_running_loop().time, self._limits
        read, since = 0, time()
        while (message := await self._ws.receive()).type is WSMsgType.TEXT:
            self._arrived.append(Arrived(message.data, time()))
            self._work.set()
            read += 1
            if read == limits.per_s:
                await asyncio.sleep(since + 1.0 - time())
                read, since = 0, time()
            while len(self._arrived) >= limits.waiting_max:
                self._room.clear()
                await self._room.wait()
        if message.type is WSMsgType.BINARY:
            self.end(WSCloseCode.UNSUPPORTED_DATA, b"messages are text")
        else:
            self._gone = True
        self._work.set()

    async def _answer(self) -> None:
        """Burst after burst, until the end."""
        while not self._gone:
            await self._send_pushes()
            if self._arrived:
                await self._answer_burst()
            elif self._ending is not None:
                code, why = self._ending
                await self._ws.close(code=code, message=why)
                return
            else:
                self._work.clear()
                await self._work.wait()

    async def _answer_burst(self) -> None:
        arrived = self._arrived
        burst = [arrived.popleft() for _ in range(min(len(arrived), self._limits.burst_max))]
        self._room.set()
        try:
            controller = self._gatehouse.controller(self._authorization)
        except NotAuthenticated:
            arrived.clear()
            self.check()
            return
        told = await self._bursts.answer(burst, controller, self)
        await self._send([text for text in told.texts if text is not None])
        self._judge(told, len(burst))
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
        if texts:
            async with asyncio.timeout(self._limits.send_timeout_s):
                for text in texts:
                    await self._ws.send_str(text)
