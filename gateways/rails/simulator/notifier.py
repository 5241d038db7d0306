"""Sends the rail's notices: signed, a bounded number at once, each tried a bounded number of times.

They are kept in memory only. A notice that finds the queue full, that nobody takes, or that waits
when the process dies is lost; a rail promises no more, and can be asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
from typing_extensions import override

from gateways.rails.simulator.books import State
from gateways.rails.simulator.notice import sign_notice
from gateways.rails.simulator.teller import Notices
from gateways.rails.simulator.wire import DeclinedNotice, PaidNotice
from parking.clock import from_ms

if TYPE_CHECKING:
    from gateways.rails.simulator.books import Attempt
    from parking.clock import Clock

__all__ = ["Notifier"]

QUEUE_MAX = 20_000
WORKERS = 16
TRIES = 4
BACKOFF_S = 0.2
POST_TIMEOUT_S = 3.0


class Notifier(Notices):
    """The outgoing notices of one rail; without a URL, it sends none."""

    def __init__(self, session: aiohttp.ClientSession, url: str | None, secret: str, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._secret = secret
        self._clock = clock
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE_MAX)
        self.delivered = 0
        self.failed = 0

    @property
    @override
    def enabled(self) -> bool:
        return self._url is not None

    @override
    def enqueue(self, attempt: Attempt, copies: int = 1, *, too_much_fen: int = 0) -> None:
        if not self.enabled:
            return
        body = _body(replace(attempt, amount_fen=attempt.amount_fen + too_much_fen))
        for _ in range(copies):
            try:
                self._queue.put_nowait(body)
            except asyncio.QueueFull:
                self.failed += 1

    @override
    async def deliver(self, attempt: Attempt) -> None:
        if self.enabled:
            await self._send(_body(attempt))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(WORKERS):
                workers.create_task(self._work())

    async def drain(self, timeout_s: float) -> None:
        """Wait until every notice is sent or given up, but not for ever."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._queue.join()
        except TimeoutError:
            self.failed += self._queue.qsize()

    async def _work(self) -> None:
        while True:
            body = await self._queue.get()
            try:
                await self._send(body)
            finally:
                self._queue.task_done()

    async def _send(self, body: bytes) -> None:
        for attempt in range(TRIES):
            if await self._taken(body):
                self.delivered += 1
                return
            if attempt + 1 < TRIES:
                await asyncio.sleep(BACKOFF_S * 2**attempt)
        self.failed += 1

    async def _taken(self, body: bytes) -> bool:
        if self._url is None:
            return False
        headers = sign_notice(body, self._secret, self._clock.now()) | {"Content-Type": "application/json"}
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_S),
            ) as response:
                return 200 <= response.status < 300  # noqa: PLR2004 - the statuses of success
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def _body(attempt: Attempt) -> bytes:
    notice: PaidNotice | DeclinedNotice
    notice_id = f"{attempt.kind}-{attempt.attempt_key}-{attempt.state}"
    if attempt.state is State.PAID and attempt.paid_at_ms is not None:
        notice = PaidNotice(
            notice_id=notice_id,
            kind=attempt.kind,
            attempt_key=attempt.attempt_key,
            amount_fen=attempt.amount_fen,
            rail_reference=attempt.rail_reference,
            paid_at=from_ms(attempt.paid_at_ms),
        )
    else:
        notice = DeclinedNotice(
            notice_id=notice_id,
            kind=attempt.kind,
            attempt_key=attempt.attempt_key,
            amount_fen=attempt.amount_fen,
            rail_reference=attempt.rail_reference,
            code=attempt.code or "declined",
            hard=attempt.hard,
        )
    return notice.model_dump_json().encode()
