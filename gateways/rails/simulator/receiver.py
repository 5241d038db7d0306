"""Where the rail simulator reports outcomes: verified, then booked like any other answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateways.rails.simulator.notice import parse_notice
from settlement.charge import Direction
from settlement.notices import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.clock import Clock
    from settlement.notices import NoticeDesk

__all__ = ["SIMULATOR", "SimulatorNotices"]

SIMULATOR = "simulator"
"""The rail's name in agreements, charges and ledger accounts."""
DIRECTIONS = {"charge": Direction.COLLECT, "refund": Direction.REFUND}


class SimulatorNotices:
    """``POST /v1/rails/simulator/notices``."""

    def __init__(self, *, desk: NoticeDesk, clock: Clock, secrets: Sequence[str]) -> None:
        self._desk = desk
        self._clock = clock
        self._secrets = secrets

    async def take(self, request: web.Request) -> web.Response:
        """204 when it is booked or was before; an error of ours makes the rail send it again."""
        now = self._clock.now()
        told = parse_notice(request.headers, await request.read(), self._secrets, now)
        notice = Notice(
            rail=SIMULATOR,
            direction=DIRECTIONS[told.kind],
            attempt_key=told.attempt_key,
            answer=told.answer,
        )
        await self._desk.take(notice)
        return web.Response(status=204)
