"""What stands in the way of a settlement process's work, for ``/readyz``."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from parking.live.batching import BatchingConnection

__all__ = ["Readiness"]

BOOKS_SILENT_S: Final = 5.0
"""Longer than a busy server keeps anybody waiting."""


@dataclass(slots=True)
class Readiness:
    """What stands in the way of work, by part; empty when nothing does."""

    live: BatchingConnection
    books: str = "not reached yet"
    books_answered_s: float = 0.0
    """When they last did, by the event loop's clock."""
    draining: str = ""

    def checks(self) -> dict[str, str]:
        """For ``/readyz``."""
        live = "" if self.live.connected else "not connected"
        silent_s = asyncio.get_running_loop().time() - self.books_answered_s
        books = self.books or ("not answering" if silent_s > BOOKS_SILENT_S else "")
        return {"live_store": live, "books": books, "draining": self.draining}
