"""Questions of devices whether there is anything to do, held open for a moment.

What is to be opened is told once: not to a connection that has ended, and where a device has asked again
meanwhile, in the answer to its newest question.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from parking.ids import ControllerId, GarageId

    Key = tuple[GarageId, ControllerId]

__all__ = ["Questions", "nobody_gone"]

LOOK_EVERY_S: Final = 0.5
T = TypeVar("T")


def nobody_gone() -> bool:
    """Where there is no connection that could end."""
    return False


class Questions:
    """Of one gate process."""

    def __init__(self) -> None:
        self._newest: dict[Key, object] = {}
        """The question that a device has asked last, of those that are held open."""

    async def held(
        self, device: Key, hold_s: float, look: Callable[[], Awaitable[T | None]], gone: Callable[[], bool]
    ) -> T | None:
        """What ``look`` finds, as soon as it does; ``None`` if that is nothing in so many seconds.

        ``gone`` says whether there is nobody any more to be answered.
        """
        question, time = object(), asyncio.get_running_loop().time
        until = time() + hold_s
        self._newest[device] = question
        try:
            while not gone():
                found = await look() if self._newest.get(device) is question else None
                left_s = until - time()
                if found is not None or left_s <= 0:
                    return found
                await asyncio.sleep(min(LOOK_EVERY_S, left_s))
        finally:
            if self._newest.get(device) is question:
                del self._newest[device]
        return None
