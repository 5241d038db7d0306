"""The port through which settlement reads what the gates did.

A reader belongs to a *group*; every group sees every record. What a group has read and not settled stays
with it and is delivered again, with a count, after a failure or a crash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from parking.ids import Partition
    from parking.journal import Record, Unreadable

__all__ = ["Journal"]


class Journal(Protocol):
    """The journal of all partitions; within each, records come in order."""

    async def read(self, group: str, count: int, block: timedelta) -> list[Record | Unreadable]:
        """New records, about ``count``; waits up to ``block`` for the first."""
        ...

    async def redelivered(
        self, group: str, count: int, idle: timedelta
    ) -> list[tuple[Record | Unreadable, int]]:
        """Records delivered at least ``idle`` ago and not settled, with their number of deliveries."""
        ...

    async def settle(self, group: str, positions: Mapping[Partition, Sequence[str]]) -> None:
        """Let records go: this group will not see them again."""
        ...
