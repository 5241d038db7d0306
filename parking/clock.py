"""The one place that reads the time.

Everything else gets a :class:`Clock`, or the time itself, as an argument. Deadlines of network calls
are measured by the event loop's monotonic clock and are no business of this module.

The test clock is eight bytes in a file that several processes map: a player moves it, and lateness,
grant expiry, due dates and retries follow. Settings refuse it outside a demo or a test.
"""

from __future__ import annotations

import mmap
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Clock", "FileClock", "SystemClock", "from_ms", "to_ms"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since 1970; sub-millisecond parts are dropped."""
    return (moment - EPOCH) // MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """The moment, in UTC."""
    return EPOCH + timedelta(0, 0, 0, milliseconds)


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The current moment, in UTC."""
        ...


class SystemClock(Clock):
    """The machine's clock."""

    @override
    def now(self) -> datetime:
        return from_ms(time.time_ns() // 1_000_000)


class FileClock(Clock):
    """A clock that stands still until somebody moves it, shared by all processes that map its file."""

    def __init__(self, path: Path, *, start: datetime | None = None) -> None:
        """Map ``path``; with ``start``, create it and set it there."""
        if start is not None:
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._milliseconds = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")
        if start is not None:
            self.move_to(start)

    @override
    def now(self) -> datetime:
        return from_ms(self._milliseconds[0])

    def move_to(self, moment: datetime) -> None:
        """Set the time: one store of an aligned word, so that nobody who reads sees half of it."""
        self._milliseconds[0] = to_ms(moment)
