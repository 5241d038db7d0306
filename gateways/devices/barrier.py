"""A barrier: it opens when it is told to, unless somebody has locked it, and closes behind the car."""

from __future__ import annotations

import asyncio
from typing import Final

__all__ = ["Barrier"]

STANDS_OPEN_S: Final = 5.0


class Barrier:
    """``openings`` counts how often it moved. A locked one stays as it is, whatever it is told."""

    def __init__(self) -> None:
        self.openings = 0
        self.locked = False
        self._opened_at = -STANDS_OPEN_S
        self._moved = asyncio.Event()

    @property
    def is_open(self) -> bool:
        """Whether a car can pass now."""
        return asyncio.get_running_loop().time() - self._opened_at < STANDS_OPEN_S

    def open(self) -> None:
        """Let a car pass."""
        if not self.locked:
            self.openings += 1
            self._opened_at = asyncio.get_running_loop().time()
            self._moved.set()

    async def until_opened(self, openings: int) -> None:
        """Wait until it has opened more often than that."""
        while self.openings <= openings:
            self._moved.clear()
            await self._moved.wait()
