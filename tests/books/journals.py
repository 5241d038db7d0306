"""A journal in memory, with the deliveries and settlements that the port promises."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from typing_extensions import override

from settlement.journal_port import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from parking.ids import Partition
    from parking.journal import Record, Unreadable

__all__ = ["MemoryJournal"]


class MemoryJournal(Journal):
    """One group's view; what was read stays pending until it is settled."""

    def __init__(self, items: Sequence[Record | Unreadable] = ()) -> None:
        self.new = list(items)
        self.pending: dict[str, Record | Unreadable] = {}
        self.deliveries: dict[str, int] = {}

    @override
    async def read(self, group: str, count: int, block: timedelta) -> list[Record | Unreadable]:
        taken: Counter[Partition] = Counter()
        read: list[Record | Unreadable] = []
        left: list[Record | Unreadable] = []
        for item in self.new:  # as the live one: up to ``count`` of each partition
            (read if taken[item.partition] < count else left).append(item)
            taken[item.partition] += 1
        self.new = left
        self.pending |= {item.position: item for item in read}
        self.deliveries |= {item.position: 1 for item in read}
        return read

    @override
    async def redelivered(
        self, group: str, count: int, idle: timedelta
    ) -> list[tuple[Record | Unreadable, int]]:
        found = list(self.pending.items())[:count]
        for position, _ in found:
            self.deliveries[position] += 1
        return [(item, self.deliveries[position]) for position, item in found]

    @override
    async def settle(self, group: str, positions: Mapping[Partition, Sequence[str]]) -> None:
        for settled in positions.values():
            for position in settled:
                del self.pending[position]
