"""The biller: reads what the gates did, books it, and lets it go.

A record is settled only after the books have committed it, so it can come more than once and must never
be missed; the books see to it that it counts once. While the books are away the batch in hand is kept and
tried again: nothing newer overtakes it, and nothing is lost if this process dies, because the journal
keeps what is not settled.

A batch that the books refuse for what it says is taken apart and booked record by record. The one at fault
stays behind and is delivered again later, in case it was only early; when it has waited and failed a set
number of times, while others were booked, it is put aside for a person. It holds up nobody. Deliveries in
quick succession, as after a start, say nothing about a record and are not counted. Where nothing at all can
be booked the fault is ours, not the records': they wait in the journal until we are mended.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from parking.errors import LeaveFirstError
from parking.journal import Record, Unreadable
from parking.session import Step
from settlement.patience import Patience
from settlement.record_books import Unbookable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parking.clock import Clock
    from parking.ids import Partition, TariffVersionId
    from parking.tariff import Tariff
    from settlement.journal_port import Journal
    from settlement.observe import Observer
    from settlement.record_books import RecordBooks, Tariffs

__all__ = ["GROUP", "Biller", "BillerSettings"]

GROUP: Final = "biller"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillerSettings:
    """How the biller works."""

    batch: int = 500
    """Records a statement; above it latency grows and throughput does not."""
    writers: int = 2
    """Statements under way, each for its own partitions: one is computed here while others are booked."""
    block: timedelta = timedelta(seconds=1)
    """How long to wait for a new record."""
    gather_s: float = 0.05
    """After a small batch, how long the next one gathers: statements are dear, no car waits for a bill."""
    redeliver_after: timedelta = timedelta(seconds=15)
    """How long a record may stay unsettled before it is tried again."""
    poison_after: int = 5
    """Tries, each a wait after the one before, after which a record that fails alone is put aside."""


@dataclass(slots=True)
class _Failing:
    """What is remembered of a record that is still unsettled."""

    booked_before: int
    """How many records this biller had booked when it failed first."""
    tries: int = 0
    """How often it has failed, once for each wait."""


class Biller:
    """One loop over all partitions."""

    def __init__(
        self,
        *,
        journal: Journal,
        books: RecordBooks,
        tariffs: Tariffs,
        clock: Clock,
        observer: Observer,
        settings: BillerSettings | None = None,
    ) -> None:
        self._journal = journal
        self._books = books
        self._tariffs = tariffs
        self._clock = clock
        self._observer = observer
        self._settings = settings or BillerSettings()
        self._patience = Patience(loop=GROUP, observer=observer)
        self._failing: dict[tuple[Partition, str], _Failing] = {}
        self._booked = 0

    async def run(self) -> None:
        """Work until cancelled."""
        await self.recover()
        while True:
            until = asyncio.get_running_loop().time() + self._settings.redeliver_after.total_seconds()
            while asyncio.get_running_loop().time() < until:
                if await self.step() < self._settings.batch // 4:
                    await asyncio.sleep(self._settings.gather_s)
            await self.redeliver(self._settings.redeliver_after)

    async def recover(self) -> None:
        """Book what an earlier life of this process had read and not settled."""
        while await self._redeliver(timedelta(0), counted=False):
            pass

    async def step(self) -> int:
        """Book what is new; returns how many records were read."""
        batch, block = self._settings.batch, self._settings.block
        items = await self._patience.until_done(lambda: self._journal.read(GROUP, batch, block))
        await self._settle(await self._book(items, counted=True))
        return len(items)

    async def redeliver(self, idle: timedelta) -> int:
        """Try again what has been unsettled for ``idle``; returns how many records were settled."""
        return await self._redeliver(idle, counted=True)

    async def _redeliver(self, idle: timedelta, *, counted: bool) -> int:
        batch = self._settings.batch
        items = await self._patience.until_done(lambda: self._journal.redelivered(GROUP, batch, idle))
        settled = await self._book([item for item, _ in items], counted=counted)
        await self._settle(settled)
        return len(settled)

    async def _book(
        self, items: Sequence[Record | Unreadable], *, counted: bool
    ) -> list[Record | Unreadable]:
        """Book what can be booked and put aside what failed too often; returns what may be settled."""
        failures = [
            Unbookable(record=item, detail=item.detail) for item in items if isinstance(item, Unreadable)
        ]
        failures += await self._book_all([item for item in items if isinstance(item, Record)])
        failed = {(one.record.partition, one.record.position): one for one in failures}
        booked_before, self._booked = self._booked, self._booked + len(items) - len(failed)
        settled: list[Record | Unreadable] = []
        for item in items:
            place = (item.partition, item.position)
            failure = failed.get(place)
            if failure is not None:
                self._observer.record_failed(detail=failure.detail)
                failing = self._failing.setdefault(place, _Failing(booked_before))
                failing.tries += counted
                if not self._is_poison(item, failing):
                    continue
                await self._put_aside(failure)
            self._failing.pop(place, None)
            settled.append(item)
        return settled

    def _is_poison(self, item: Record | Unreadable, failing: _Failing) -> bool:
        """Whether ``item`` has failed too often, by what it says itself."""
        is_its_own_fault = isinstance(item, Unreadable) or self._booked > failing.booked_before
        return is_its_own_fault and failing.tries >= self._settings.poison_after

    async def _book_all(self, records: Sequence[Record]) -> list[Unbookable]:
        """Book by several writers, each taking the next lot; returns the records that failed alone."""
        lots = deque(_lots(records, self._settings.batch))
        failures: list[Unbookable] = []

        async def write() -> None:
            while lots:
                failures.extend(await self._book_lot(lots.popleft()))

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._settings.writers, len(lots))):
                group.create_task(write())
        return failures

    async def _book_lot(self, records: Sequence[Record]) -> list[Unbookable]:
        failures: list[Unbookable] = []
        for start in range(0, len(records), self._settings.batch):
            batch = records[start : start + self._settings.batch]
            if await self._failure(batch) is not None:
                alone = [(record, await self._failure([record])) for record in batch]
                failures += [Unbookable(record=record, detail=detail) for record, detail in alone if detail]
        return failures

    async def _failure(self, records: Sequence[Record]) -> str | None:
        """Book ``records``; why they cannot be, or ``None`` when they are."""
        try:
            await self._patience.until_done(lambda: self._post(records))
        except LeaveFirstError as error:
            return str(error) or type(error).__name__
        except Exception as error:  # noqa: BLE001 - a fault of ours in one record must not end them all
            self._observer.booking_broken(error)
            return f"booking broke: {type(error).__name__}"
        return None

    async def _post(self, records: Sequence[Record]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        tariffs = await self._tariffs_of(records)
        now = self._clock.now()
        booked = await self._books.post(records, tariffs, now)
        self._observer.batch_posted(records=len(records), seconds=loop.time() - started, booked=booked)
        self._observer.exits_billed(
            lags_s=[
                (now - record.session.left_at).total_seconds()
                for record in records
                if record.step is Step.LEFT and record.session and record.session.left_at
            ]
        )

    async def _tariffs_of(self, records: Sequence[Record]) -> Mapping[TariffVersionId, Tariff]:
        sessions = [record.session for record in records if record.session]
        wanted = {session.tariff_version_id for session in sessions}
        wanted |= {change.tariff_version_id for session in sessions for change in session.changes}
        return await self._tariffs.of(wanted) if wanted else {}

    async def _put_aside(self, unbookable: Unbookable) -> None:
        await self._patience.until_done(lambda: self._books.keep_aside(unbookable, self._clock.now()))
        self._observer.record_set_aside(detail=unbookable.detail)

    async def _settle(self, items: Sequence[Record | Unreadable]) -> None:
        positions: dict[Partition, list[str]] = {}
        for item in items:
            positions.setdefault(item.partition, []).append(item.position)
        if positions:
            await self._patience.until_done(lambda: self._journal.settle(GROUP, positions))


def _lots(records: Sequence[Record], batch: int) -> list[list[Record]]:
    """Cut ``records`` into what one writer books at a time: all of some partitions, ``batch`` if possible.

    A partition is in one lot only, so that its records are booked in order and no two writers wait for each
    other's balances.
    """
    by_partition: dict[Partition, list[Record]] = {}
    for record in records:
        by_partition.setdefault(record.partition, []).append(record)
    lots: list[list[Record]] = []
    for share in by_partition.values():
        if not lots or len(lots[-1]) + len(share) > batch:
            lots.append([])
        lots[-1] += share
    return lots
