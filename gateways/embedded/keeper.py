"""Keeps one store running: starts it, waits until it answers, starts it again whenever it dies.

The first start has to succeed; what is wrong then will not get better by itself. Later the store comes
back on the same socket, with growing pauses, for as long as it takes.
"""

from __future__ import annotations

import asyncio
import signal
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Protocol

from gateways.embedded.backoff import Backoff
from gateways.embedded.process import Child, describe_status, last_lines
from parking.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateways.embedded.process import Command

__all__ = ["Keeper", "Log", "Store", "StoreNotStarted", "StoreState"]

START_SECONDS = 600.0
"""A store that was killed may have much to recover."""
PROBE_PAUSE_SECONDS = 0.02
STOP_SECONDS = 60.0
LOG_ROTATE_BYTES = 16 * 1024 * 1024


class StoreNotStarted(Unavailable):
    """A store ended, or did not answer, when it was started."""


@unique
class StoreState(StrEnum):
    """Where a store is."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    DOWN = "down"


class Log(Protocol):
    """What is needed of a structured logger."""

    def info(self, event: str, **fields: object) -> object:
        """Something normal happened."""
        ...

    def warning(self, event: str, **fields: object) -> object:
        """Something happened that somebody should know of."""
        ...


class Store(Protocol):
    """One kind of store."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def stop_signal(self) -> signal.Signals:
        """Asks it to end with everything saved."""
        ...

    def prepare(self) -> Command:
        """Lay out its folder, end orphans in it, and say what to run; blocks."""
        ...

    async def is_ready(self, pid: int) -> bool:
        """Whether the process ``pid`` serves requests by now."""
        ...


class Keeper:
    """Owns the process of one store."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log
        self._child: Child | None = None
        self.state = StoreState.STOPPED

    @property
    def name(self) -> str:
        """The store's name."""
        return self._store.name

    @property
    def pid(self) -> int | None:
        """The store's process while it runs."""
        return self._child.pid if self._child is not None and self._child.status is None else None

    async def start(self) -> None:
        """Start the store and wait until it answers; raises :class:`StoreNotStarted`."""
        self.state = StoreState.STARTING
        try:
            pid = await self._bring_up()
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError):
                raise StoreNotStarted(f"{self.name} cannot be run: {error}") from error
            raise
        self.state = StoreState.READY
        self._log.info("store_ready", store=self.name, pid=pid)

    async def keep(self) -> None:
        """Start the store again whenever it dies; stops it when cancelled. To be called when it is ready."""
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        try:
            while self._child is not None:
                started = clock()
                status = await self._child.exited()
                self.state = StoreState.DOWN
                delay = backoff.delay_after(clock() - started)
                self._log.warning(
                    "store_died",
                    store=self.name,
                    how=describe_status(status),
                    restart_in_seconds=delay,
                )
                await asyncio.sleep(delay)
                await self._restart(backoff)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """End the store with everything saved."""
        if self._child is not None:
            await self._child.stop(self._store.stop_signal, patience_seconds=STOP_SECONDS)
        self.state = StoreState.STOPPED

    async def _restart(self, backoff: Backoff) -> None:
        while self.state is not StoreState.READY:
            try:
                await self.start()
            except StoreNotStarted as error:
                self.state = StoreState.DOWN
                delay = backoff.delay_after(0)
                self._log.warning(
                    "store_not_started", store=self.name, why=str(error), retry_in_seconds=delay
                )
                await asyncio.sleep(delay)

    async def _bring_up(self) -> int:
        command = await to_its_end(self._store.prepare)
        if command.log_path is not None:
            rotate(command.log_path)
        self._child = Child(command)
        if not await self._answers(self._child):
            status = describe_status(self._child.status)
            said = last_lines(command.log_path) if command.log_path is not None else ""
            raise StoreNotStarted(f"{self.name} {status} before it answered. It said:\n{said}")
        return self._child.pid

    async def _answers(self, child: Child) -> bool:
        """Wait until it does; false when it ended instead, or took too long."""
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while await child.exited(within_seconds=PROBE_PAUSE_SECONDS) is None:
            if await self._store.is_ready(child.pid):
                return True
            if asyncio.get_running_loop().time() > deadline:
                return False
        return False


async def to_its_end(blocking: Callable[[], Command]) -> Command:
    """Run it in a thread; cancelled, wait all the same: it works in a folder that we are to release."""
    running = asyncio.get_running_loop().run_in_executor(None, blocking)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if not running.done():
            await asyncio.wait([running])
        raise


def rotate(log_path: Path) -> None:
    """Keep one old log file beside the current one."""
    if log_path.exists() and log_path.stat().st_size > LOG_ROTATE_BYTES:
        log_path.replace(log_path.with_suffix(".old.log"))
