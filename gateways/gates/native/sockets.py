"""All WebSockets of a gate process: ``GET /v1/gates/ws``.

A controller comes with its bearer token and keeps the connection. Its sockets are looked over every moment:
one whose token was revoked ends, and all of them when the process drains, after what has arrived is answered.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Never

from aiohttp import WSCloseCode, hdrs, web

from gateways.gates.native.socket import Socket, SocketLimits
from parking.errors import Busy, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.native.bursts import Bursts
    from gateways.gates.native.pushes import Pushes
    from gateways.metrics import GateMetrics
    from parking.ids import ControllerId, GarageId

__all__ = ["SOCKETS", "Sockets"]

SOCKETS: Final = "/v1/gates/ws"
PER_CONTROLLER_MAX: Final = 8
"""One, and a few that are not known to be dead yet."""
LOOK_EVERY_S: Final = 0.1
CHECK_EVERY: Final = 10
"""Every so many looks all tokens are checked: once a second, as often as the catalog is read."""


class Sockets:
    """Admits and ends sockets; ``draining`` tells when the process is about to stop."""

    def __init__(
        self,
        gatehouse: Gatehouse,
        bursts: Bursts,
        pushes: Pushes,
        metrics: GateMetrics,
        *,
        draining: Callable[[], bool],
    ) -> None:
        self._gatehouse = gatehouse
        self._bursts = bursts
        self._pushes = pushes
        self._metrics = metrics
        self._draining = draining
        self._limits = SocketLimits()
        self._open: set[Socket] = set()
        self._of: defaultdict[tuple[GarageId, ControllerId], dict[Socket, None]] = defaultdict(dict)
        """In the order in which they were opened."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One connection, for as long as it lasts."""
        if request.method != hdrs.METH_GET:
            raise web.HTTPMethodNotAllowed(request.method, [hdrs.METH_GET])
        authorization = request.headers.get("Authorization")
        controller = self._gatehouse.controller(authorization)
        if self._draining():
            raise Unavailable("this process is stopping")
        owner = controller.key
        if len(self._of.get(owner, ())) >= PER_CONTROLLER_MAX:
            raise Busy("this controller has too many connections open")
        socket = Socket(
            authorization,
            garage_id=controller.garage_id,
            gatehouse=self._gatehouse,
            bursts=self._bursts,
            pushes=self._pushes,
            limits=self._limits,
        )
        self._open.add(socket)
        self._of[owner][socket] = None
        self._metrics.sockets.set(len(self._open))
        try:
            return await socket.serve(request)
        finally:
            self._open.discard(socket)
            self._of[owner].pop(socket, None)
            if not self._of[owner]:
                del self._of[owner]
            self._bursts.forget(socket)
            self._pushes.forget(socket)
            self._metrics.sockets.set(len(self._open))

    def tell(self, owner: tuple[GarageId, ControllerId], text: str) -> bool:
        """Send a message over one connection of a controller; whether it has one here.

        Over the newest: of older ones it may only not be known yet that they are dead.
        """
        socket = next(reversed(self._of.get(owner, {})), None)
        if socket is not None:
            socket.push(text)
        return socket is not None

    async def look_after(self) -> Never:
        """End those that must end, for ever."""
        looks = 0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            looks += 1
            for socket in list(self._open):
                if self._draining():
                    socket.end(WSCloseCode.GOING_AWAY, b"this process is stopping")
                elif looks % CHECK_EVERY == 0:
                    socket.check()
