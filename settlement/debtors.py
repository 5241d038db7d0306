"""Debtors who may come: their notices are with the entries of the garages before they are.

A lane cannot ask the books. So this loop leaves in each garage's partition of the live store what its
entries have to know, for the plates that owe most, and brings it up to date at once for whoever pays,
disputes or is let pass. It also watches the clock: a bill becomes overdue without anything happening, and
the cars inside of its driver are then granted anew.

The set is bounded, ``plates_max`` for each garage: about 100 bytes of live memory each, and each round reads
them all. Who is left out is met at the exit, where the notice comes with the grant; that somebody is, the
observer is told. Plates are kept as they are: those of the cars inside
are in the same store, and a hash of eight characters hides nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from parking.debt import Measure
from settlement.patience import Patience
from settlement.policy import STANDARD, policy_version_id_of
from settlement.returning import found_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from datetime import datetime

    from parking.clock import Clock
    from parking.debt import DebtNotice
    from parking.ids import AccountId, GarageId
    from parking.plate import Plate
    from settlement.deciding import Known, PolicyBook
    from settlement.observe import Observer
    from settlement.policy import PolicyVersionId
    from settlement.returning import Found

__all__ = ["DebtBooks", "Debtors", "DebtorsSettings", "EntryNotices", "Telling"]

LOOP: Final = "debtors"


class EntryNotices(Protocol):
    """Where the entries find the notices."""

    async def replace(self, garage_id: GarageId, notices: Mapping[Plate, DebtNotice]) -> None:
        """These, and no others."""
        ...

    async def put(self, garage_id: GarageId, plate: Plate, notice: DebtNotice | None) -> None:
        """One debtor; ``None``: he owes nothing that matters there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the entries of some garages are told of a debtor, by the same rules of one policy."""

    plate: Plate
    known: Known
    found: Found
    policy_version_id: PolicyVersionId
    garage_ids: list[GarageId]


class DebtBooks(Protocol):
    """What the books know of debtors."""

    async def known(self, plates: Sequence[Plate], now: datetime) -> list[Known]:
        """What is known behind each plate."""
        ...

    async def policies(self, now: datetime) -> PolicyBook:
        """The policies in force, and whose the garages are."""
        ...

    async def plates_owing(self, raised_until: datetime, plates_max: int) -> list[Plate]:
        """The plates that owe most for bills raised until then."""
        ...

    async def plates_of(self, account_ids: Sequence[AccountId], numbers: Sequence[str]) -> list[Plate]:
        """The accounts' plates, and those with these numbers."""
        ...

    async def newly_overdue(
        self, raised_after: datetime, raised_until: datetime
    ) -> tuple[Sequence[AccountId], Sequence[str]]:
        """Who could have paid bills of this span: accounts, and numbers of plates that nobody has bound."""
        ...

    async def keep_notices(self, tellings: Sequence[Telling], now: datetime) -> None:
        """Keep what the entries are about to be told, and by which rules."""
        ...


class Regrant(Protocol):
    """Grants the cars inside of some accounts, and of plates with some numbers, anew."""

    def __call__(self, *account_ids: AccountId, unbound_numbers: Sequence[str] = ()) -> Awaitable[object]:
        """Repeating it does no harm."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtorsSettings:
    """How the loop works."""

    every_s: float = 60.0
    """How late a bill may be found overdue."""
    plates_max: int = 2_000
    batch: int = 500


class Debtors:
    """One loop, and :meth:`refresh` for what changes at once."""

    def __init__(
        self,
        *,
        books: DebtBooks,
        notices: EntryNotices,
        clock: Clock,
        observer: Observer,
        settings: DebtorsSettings | None = None,
    ) -> None:
        self._books = books
        self._notices = notices
        self._clock = clock
        self._settings = settings or DebtorsSettings()
        self._observer = observer
        self._patience = Patience(loop=LOOP, observer=observer)
        self._telling = asyncio.Lock()
        self._seen_until: datetime | None = None

    async def run(self, regrant: Regrant) -> None:
        """Work until cancelled."""
        while True:
            await self._patience.until_done(lambda: self.step(regrant))
            await asyncio.sleep(self._settings.every_s)

    async def step(self, regrant: Regrant) -> None:
        """Regrant whoever has become overdue since the last time, then tell every entry anew."""
        now = self._clock.now()
        book = await self._books.policies(now)
        # What became overdue while nobody looked is found by the grants that were made meanwhile, or here.
        since = self._seen_until or now - timedelta(days=1)
        for pay_within in {policy.pay_within for policy in book.policies.values()} or {STANDARD.pay_within}:
            accounts, numbers = await self._books.newly_overdue(since - pay_within, now - pay_within)
            if accounts or numbers:
                await regrant(*accounts, unbound_numbers=numbers)
        self._seen_until = now
        async with self._telling:
            await self._tell_all(book, now)

    async def refresh(self, account_ids: Sequence[AccountId], numbers: Sequence[str] = ()) -> None:
        """Tell every entry what these drivers owe by now."""
        now = self._clock.now()
        async with self._telling:
            plates = await self._books.plates_of(account_ids, numbers)
            book = await self._books.policies(now)
            found = await self._found(plates, book, now)
            async with asyncio.TaskGroup() as tasks:
                for garage_id in book.operators:
                    for plate in plates:
                        notice = found[garage_id].get(plate)
                        tasks.create_task(self._notices.put(garage_id, plate, notice))

    async def _tell_all(self, book: PolicyBook, now: datetime) -> None:
        policies = list(book.policies.values()) or [STANDARD]
        at_once = any(policy.declined_is_overdue for policy in policies)
        grace = timedelta(0) if at_once else min(policy.pay_within for policy in policies)
        plates_max = self._settings.plates_max
        plates = await self._books.plates_owing(now - grace, plates_max + 1)
        found = await self._found(plates[:plates_max], book, now)
        for garage_id, notices in found.items():
            await self._notices.replace(garage_id, notices)
        self._observer.debtors_told(plates=len(plates[:plates_max]), left_out=len(plates) > plates_max)

    async def _found(
        self, plates: Sequence[Plate], book: PolicyBook, now: datetime
    ) -> dict[GarageId, dict[Plate, DebtNotice]]:
        """For each garage the notices that matter at its entries; kept before anybody is told."""
        told: dict[GarageId, dict[Plate, DebtNotice]] = {garage_id: {} for garage_id in book.operators}
        tellings: list[Telling] = []
        for start in range(0, len(plates), self._settings.batch):
            some = plates[start : start + self._settings.batch]
            for plate, known in zip(some, await self._books.known(some, now), strict=True):
                for telling in _tellings(plate, known, book, now) if known.bills else ():
                    tellings.append(telling)
                    for garage_id in telling.garage_ids:
                        told[garage_id][plate] = telling.found.notice
        await self._books.keep_notices(tellings, now)
        return told


def _tellings(plate: Plate, known: Known, book: PolicyBook, now: datetime) -> list[Telling]:
    """What each garage's entries are told of one debtor, garages that are told the same together."""
    tellings: list[Telling] = []
    for garage_id in book.operators:
        place = book.place(garage_id)
        policy = book.policy_at(place)
        found = found_at(place, known.bills, policy, now, waived=garage_id in known.waived_at)
        if found is None or found.notice.entry is Measure.IGNORE:
            continue
        version_id = policy_version_id_of(policy)
        same = (one for one in tellings if (one.found, one.policy_version_id) == (found, version_id))
        telling = next(same, None)
        if telling is None:
            telling = Telling(
                plate=plate, known=known, found=found, policy_version_id=version_id, garage_ids=[]
            )
            tellings.append(telling)
        telling.garage_ids.append(garage_id)
    return tellings
