"""Carries barrier records from the live store into the books, and lets old ones go."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from parking.errors import LeaveFirstError
from parking.live.barrier_log import drop_records, waiting_records

if TYPE_CHECKING:
    from parking.clock import Clock
    from parking.live.batching import BatchingConnection
    from settlement.books.barriers import Barriers

__all__ = ["carry", "keep_barrier_records"]

log = structlog.get_logger()
EVERY_S: Final = 1.0
BATCH: Final = 500
FORGET_EVERY_S: Final = 3600.0


async def keep_barrier_records(
    live: BatchingConnection, barriers: Barriers, clock: Clock, *, kept: timedelta
) -> None:
    """Carry what waits, for ever; several of these do no harm."""
    loop = asyncio.get_running_loop()
    forget_at = loop.time()
    while True:
        pause_s = EVERY_S
        try:
            if await carry(live, barriers) == BATCH:
                pause_s = 0
            if loop.time() >= forget_at:
                await barriers.forget(clock.now() - kept)
                forget_at = loop.time() + FORGET_EVERY_S
        except LeaveFirstError as error:
            log.warning("barrier_records_not_kept", error=str(error))
        await asyncio.sleep(pause_s)


async def carry(live: BatchingConnection, barriers: Barriers) -> int:
    """Carry up to :data:`BATCH` records; answers how many there were."""
    waiting = await waiting_records(live, BATCH)
    records = [one for one in waiting.values() if one is not None]
    if records:
        await barriers.add(records)
    await drop_records(live, list(waiting))
    if len(records) < len(waiting):
        log.warning("barrier_records_unreadable", count=len(waiting) - len(records))
    return len(waiting)
