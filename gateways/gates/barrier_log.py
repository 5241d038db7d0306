"""Notes what barriers are told and what is seen of them, without keeping any lane waiting.

A note is taken in memory and written to the live store a moment later; settlement carries it into the books.
When the live store is away for long the oldest notes are lost, and counted: the decisions behind them are
kept by the spool, only what the gate said of them is not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import structlog

from parking.errors import LeaveFirstError
from parking.live.barrier_log import append_records

if TYPE_CHECKING:
    from gateways.metrics import GateMetrics
    from parking.barrier import BarrierRecord
    from parking.live.batching import BatchingConnection

__all__ = ["BarrierLog"]

log = structlog.get_logger()
WAITING_MAX: Final = 10_000
BATCH: Final = 100
RETRY_S: Final = 1.0


class BarrierLog:
    """The notes of one gate process."""

    def __init__(self, live: BatchingConnection, metrics: GateMetrics) -> None:
        self._live = live
        self._metrics = metrics
        self._waiting: deque[BarrierRecord] = deque()
        self._added = asyncio.Event()

    def note(self, record: BarrierRecord) -> None:
        """Take one note; returns at once."""
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            self._metrics.barrier_records_lost.inc()
        self._waiting.append(record)
        self._metrics.barrier(record)
        self._added.set()

    async def run(self) -> None:
        """Write down what waits, for ever."""
        while True:
            await self._added.wait()
            self._added.clear()
            while self._waiting:
                batch = [one for one, _ in zip(self._waiting, range(BATCH), strict=False)]
                try:
                    await append_records(self._live, batch)
                except LeaveFirstError as error:
                    log.warning("barrier_records_wait", error=str(error))
                    await asyncio.sleep(RETRY_S)
                    continue
                for record in batch:
                    if self._waiting and self._waiting[0] is record:
                        self._waiting.popleft()
