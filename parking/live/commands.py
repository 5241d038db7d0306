"""Which reads a barrier was commanded for: once, however often and to whichever process a read is sent.

The car of a read that comes again may have gone, and another stand there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from parking.live.keys import command_key

if TYPE_CHECKING:
    from parking.live.batching import BatchingConnection

__all__ = ["claim_command", "drop_command", "keep_command"]

UNDER_WAY_MS: Final = 10_000
"""After this a command of a process that died is given again."""
KEPT_MS: Final = 15 * 60 * 1000
"""Longer than a read opens anything."""


async def claim_command(live: BatchingConnection, record: str) -> bool:
    """Whether the caller, and nobody else, is to give the command of a read."""
    return await live.call("SET", command_key(record), "", "NX", "PX", UNDER_WAY_MS) is not None


async def keep_command(live: BatchingConnection, record: str) -> None:
    """It was given, and taken: it is not given again."""
    await live.call("SET", command_key(record), "", "PX", KEPT_MS)


async def drop_command(live: BatchingConnection, record: str) -> None:
    """It failed: a read that comes again tries once more."""
    await live.call("DEL", command_key(record))
