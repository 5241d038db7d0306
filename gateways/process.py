"""What each of our processes does alike: its clock, its logs, its end."""

from __future__ import annotations

import asyncio
import gc
import signal
from typing import TYPE_CHECKING

import structlog
import uvloop

from gateways.logs import configure_logs
from gateways.supervisor import lifeline_lost
from parking.clock import FileClock, SystemClock
from parking.errors import DependencyError
from parking.live.store_check import check_store

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateways.settings import Settings
    from parking.clock import Clock

__all__ = ["check_live_store", "clock_of", "collect_seldom", "ended", "run"]

log = structlog.get_logger()
COLLECT_AFTER = (20_000, 20, 50)
"""Neither requests nor batches leave cycles behind; looking for them every 700 objects took up to a quarter
of the time."""


def run(main: Coroutine[object, object, None], settings: Settings, *, process: str) -> None:
    """Run a process's coroutine on the fast loop, with logs configured."""
    configure_logs(settings.log_level, process=process)
    uvloop.run(main)


def clock_of(settings: Settings) -> Clock:
    """The machine's clock, or the file that a player moves."""
    return SystemClock() if settings.test_clock is None else FileClock(settings.test_clock)


async def check_live_store(settings: Settings) -> None:
    """Refuse a named live store that would lose what it was told; one that is away now is taken on trust."""
    if settings.valkey_url is None:
        return
    try:
        await check_store(settings.valkey_url.get_secret_value(), settings.valkey_durability)
    except DependencyError as error:
        log.warning("live_store_not_checked", error=str(error))


def collect_seldom() -> None:
    """Let the garbage collector pass over what is here by now, and look seldom at what comes."""
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def ended(lifeline_fd: int | None) -> None:
    """Return at SIGTERM, at SIGINT, or when the supervisor is gone."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    async with asyncio.TaskGroup() as tasks:
        watches = [tasks.create_task(_ask_when_lost(fd, asked)) for fd in (lifeline_fd,) if fd is not None]
        await asked.wait()
        for watch in watches:
            watch.cancel()


async def _ask_when_lost(lifeline_fd: int, asked: asyncio.Event) -> None:
    await lifeline_lost(lifeline_fd)
    asked.set()
