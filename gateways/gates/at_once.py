"""What the live store says at once: a car stands and waits, and is served by what is known without it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from parking.errors import LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["at_once"]

STORE_S: Final = 0.1
T = TypeVar("T")


async def at_once(asked: Awaitable[T]) -> T | None:
    """Its answer, or ``None`` where it does not answer in a tenth of a second."""
    with suppress(LeaveFirstError, TimeoutError):
        async with asyncio.timeout(STORE_S):
            return await asked
    return None
