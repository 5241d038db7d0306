"""Reading the journal: one stream a partition, one consumer group a reader.

A reader sees new records of all partitions in one blocking call, in order within each partition, and
keeps what it has not settled: after a failure or a crash those come back with a count of deliveries.
Settling acknowledges them and drops from the stream what every group has settled.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from parking.errors import LeaveFirstError
from parking.ids import Partition
from parking.journal import Unreadable
from parking.live.codec import record_from
from parking.live.failures import translated
from parking.live.keys import journal_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import timedelta

    from parking.journal import Record

__all__ = ["GROUPS", "Backlog", "LiveJournal", "library_text", "open_journal"]

GROUPS = ("biller", "granter")
"""Every reader; made together, so that none misses what another has already let go."""
UNREADABLE = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    LeaveFirstError,
)
"""What reading a damaged record, or one of a newer version, can come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What a group has not settled: records, and the age of the oldest by the store's clock."""

    records: int
    oldest_ms: int


def library_text() -> str:
    """The function library, as the server loads it."""
    return resources.files(__package__).joinpath("library.lua").read_text(encoding="utf-8")


class LiveJournal:
    """The journal of all partitions; ``reader`` names this process within its groups."""

    def __init__(self, client: Redis, *, partition_count: int, reader: str, timeout_s: float) -> None:
        # The driver's annotations describe its blocking and its asyncio client in one breath.
        self._client: Any = client
        self._partitions = {
            journal_key(Partition(number)).encode(): Partition(number) for number in range(partition_count)
        }
        self._reader = reader
        self._timeout_s = timeout_s
        self._ready = False

    async def read(self, group: str, count: int, block: timedelta) -> list[Record | Unreadable]:
        """New records, up to ``count`` of each partition; waits up to ``block`` for the first."""
        async with self._bounded():
            await self._prepare()
            found = await self._client.xreadgroup(
                group,
                self._reader,
                dict.fromkeys(self._partitions, ">"),
                count=count,
                block=max(1, int(block.total_seconds() * 1000)),
            )
        return [
            self._record(key, position, fields)
            for key, entries in found or ()
            for position, fields in entries
        ]

    async def redelivered(
        self, group: str, count: int, idle: timedelta
    ) -> list[tuple[Record | Unreadable, int]]:
        """Records that were delivered to anybody at least ``idle`` ago and not settled, oldest first.

        Each comes with the number of times it was delivered, this time included.
        """
        idle_ms = int(idle.total_seconds() * 1000)
        claimed: list[tuple[Record | Unreadable, int]] = []
        async with self._bounded():
            await self._prepare()
            for key in await self._pending_partitions(group):
                counts = {
                    entry["message_id"]: entry["times_delivered"]
                    for entry in await self._client.xpending_range(key, group, "-", "+", count, idle=idle_ms)
                }
                if not counts:
                    continue
                entries = await self._client.xclaim(key, group, self._reader, idle_ms, list(counts))
                claimed += [
                    (self._record(key, position, fields), counts[position] + 1)
                    for position, fields in entries
                ]
        return claimed

    async def settle(self, group: str, positions: Mapping[Partition, Sequence[str]]) -> None:
        """Let records go."""
        async with self._bounded():
            pipeline = self._client.pipeline(transaction=False)
            for partition, settled in positions.items():
                if settled:
                    pipeline.fcall("lf1_settle", 1, journal_key(partition), len(GROUPS), group, *settled)
            await pipeline.execute()

    async def backlog(self, group: str) -> Backlog:
        """How far the group is behind."""
        records = 0
        oldest: list[int] = []
        async with self._bounded():
            await self._prepare()
            seconds, micros = await self._client.time()
            pipeline = self._client.pipeline(transaction=False)
            for key in self._partitions:
                pipeline.xinfo_groups(key)
                pipeline.xrange(key, count=1)
            replies = await pipeline.execute()
        for groups, first in zip(replies[::2], replies[1::2], strict=True):
            for info in groups:
                if info["name"] == group.encode():
                    behind = info["pending"] + (info["lag"] or 0)
                    records += behind
                    if behind and first:
                        oldest.append(int(first[0][0].split(b"-")[0]))
        now_ms = seconds * 1000 + micros // 1000
        return Backlog(records=records, oldest_ms=max(0, now_ms - min(oldest)) if oldest else 0)

    @contextlib.asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        try:
            # The driver's own timeout can swallow a cancellation; this one cannot.
            async with asyncio.timeout(self._timeout_s):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            self._ready = False  # The groups may have gone with the store's data.
            raise translated(error) from error

    async def _pending_partitions(self, group: str) -> list[bytes]:
        pipeline = self._client.pipeline(transaction=False)
        for key in self._partitions:
            pipeline.xpending(key, group)
        summaries = await pipeline.execute()
        return [key for key, summary in zip(self._partitions, summaries, strict=True) if summary["pending"]]

    async def _prepare(self) -> None:
        if self._ready:
            return
        await self._client.function_load(library_text(), replace=True)
        for key in self._partitions:
            for group in GROUPS:
                with contextlib.suppress(ResponseError):  # BUSYGROUP: it exists
                    await self._client.xgroup_create(key, group, id="0", mkstream=True)
        self._ready = True

    def _record(self, key: bytes, position: bytes, fields: Mapping[bytes, bytes]) -> Record | Unreadable:
        partition = self._partitions[key]
        place = position.decode()
        text = {name.decode(): value.decode(errors="replace") for name, value in fields.items()}
        try:
            return record_from(place, partition, text)
        except UNREADABLE as error:
            return Unreadable(
                position=place,
                partition=partition,
                raw=text,
                detail=f"{type(error).__name__}: {error}",
            )


@contextlib.asynccontextmanager
async def open_journal(
    url: str, *, partition_count: int, reader: str, timeout_s: float = 10.0
) -> AsyncIterator[LiveJournal]:
    """The journal over connections of its own, apart from those of the gates."""
    client = Redis.from_url(
        url,
        socket_connect_timeout=timeout_s,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )
    try:
        yield LiveJournal(client, partition_count=partition_count, reader=reader, timeout_s=timeout_s)
    finally:
        await client.aclose()
