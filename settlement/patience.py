"""Waiting for a store that is away: the same act again until it is done, or all of it in the next round."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Never, TypeVar

from parking.errors import DependencyError, LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from settlement.observe import Observer

__all__ = ["Patience", "in_rounds"]

Answer = TypeVar("Answer")


class Patience:
    """For acts that may be repeated; pauses are doubled from ``min_s`` to ``max_s``."""

    def __init__(self, *, loop: str, observer: Observer, min_s: float = 0.1, max_s: float = 5.0) -> None:
        self._loop = loop
        self._observer = observer
        self._min_s = min_s
        self._max_s = max_s

    async def until_done(self, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer of ``act``; errors that are not a dependency's leave at once."""
        pause_s = self._min_s
        while True:
            try:
                return await act()
            except DependencyError as error:
                self._observer.loop_held_up(loop=self._loop, error=error, retry_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._max_s)


async def in_rounds(
    act: Callable[[], Awaitable[object]], *, loop: str, every_s: float, observer: Observer
) -> Never:
    """Do ``act`` again and again; what could not be done in one round is looked at in the next."""
    while True:
        try:
            await act()
        except LeaveFirstError as error:
            observer.loop_held_up(loop=loop, error=error, retry_in_s=every_s)
        await asyncio.sleep(every_s)
