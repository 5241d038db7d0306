"""What the books know of cars whose passages were reported late."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from parking.benefits import parse_benefits
from parking.decision import Reason, Verdict
from parking.errors import Conflict
from parking.event import Kind
from parking.garage import Direction
from parking.ids import (
    AccountId,
    EventId,
    GarageId,
    LaneId,
    SessionId,
    TariffVersionId,
    bill_id_of,
    partition_of,
)
from parking.journal import HELD_AFTER_ALL, IN_AFTER_ALL, LEFT_AFTER_ALL
from parking.plate import Colour, Plate
from parking.session import Session, State
from parking.visits import Passage
from settlement.books.corrections import BilledStay, Corrections
from settlement.books.pool import connection
from settlement.books.session_rows import paid_session_of
from settlement.books.statements import sql
from settlement.closing import closing_event_id
from settlement.correction import Correction
from settlement.reorderer import Car, VisitBooks
from settlement.review import NOBODY, Resolution, item_id_of
from settlement.visit_repairs import Stay

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from parking.garage import Garage
    from parking.tariff import Tariff
    from settlement.visit_repairs import Settled

__all__ = ["PostgresVisitBooks"]

OPEN_FOR: Final = timedelta(days=30)
"""A stay that no exit has ended for longer than this is no late report's."""
PASSED_REASONS: Final = frozenset({Reason.LATE, Reason.OFFLINE_GRANT, Reason.GRANT_REFUSED})
"""History: the car has passed, whatever the barrier was told."""
TOLD: Final = "its passages were put in order once all were reported"


class PostgresVisitBooks(VisitBooks):
    """``corrections`` corrects bills, priced by the versions that ``tariffs`` knows."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        corrections: Corrections,
        tariffs: Callable[[], Awaitable[Mapping[TariffVersionId, Tariff]]],
        *,
        partition_count: int,
    ) -> None:
        self._pool = pool
        self._corrections = corrections
        self._tariffs = tariffs
        self._partition_count = partition_count

    @override
    async def late_garages(self, since: datetime) -> dict[GarageId, datetime]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("late/garages"), since)
        return {GarageId(row["garage_id"]): row["last_at"] for row in rows}

    @override
    async def late_numbers(self, garage_id: GarageId, since: datetime, until: datetime) -> list[str]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("late/numbers"), garage_id, since, until)
        return [row["number"] for row in rows]

    @override
    async def cars(self, garage: Garage, numbers: Sequence[str], since: datetime) -> list[Car]:
        partition = partition_of(garage.garage_id, self._partition_count)
        place = (partition, garage.garage_id, list(numbers), since)
        async with connection(self._pool) as held:
            stays = await held.fetch(sql("late/stays"), *place, since - OPEN_FOR, NOBODY)
            seen = await held.fetch(sql("late/passages"), *place)
        stays_of, seen_of = _by_number(stays), _by_number(seen)
        return [_car(garage, stays_of[number], seen_of[number]) for number in numbers]

    @override
    async def retime(
        self, stay: Stay, began_at: datetime, left: Passage, *, exit_within: timedelta, now: datetime
    ) -> int:
        session = stay.session
        billed = BilledStay(
            garage_id=session.garage_id,
            entered_at=session.entered_at,
            session_id=session.session_id,
            exit_within=exit_within,
            bill_id=bill_id_of(session.session_id, session.version, stay.corrections),
        )
        correction = Correction(
            correction_id=f"{NOBODY}:{left.event_id}:{session.version}.{stay.corrections}",
            entered_at=began_at if began_at < stay.billed_from else None,
            left_at=left.at,
            reason=TOLD,
            corrected_by=NOBODY,
        )
        made = await self._corrections.correct(billed, correction, await self._tariffs(), now)
        return made.amount_fen

    @override
    async def claim(self, garage_id: GarageId, item: Settled, now: datetime) -> None:
        async with connection(self._pool) as held:
            claimed = await held.fetchval(
                sql("late/claim"),
                partition_of(garage_id, self._partition_count),
                item.item_id,
                f"session {item.session_id}",
                Resolution.REORDERED,
                NOBODY,
                now,
            )
        if claimed is None:
            raise Conflict("a person has settled this stay meanwhile")

    @override
    async def settle(self, garage_id: GarageId, items: Sequence[Settled], now: datetime) -> None:
        async with connection(self._pool) as held:
            await held.execute(
                sql("late/settle"),
                partition_of(garage_id, self._partition_count),
                [one.item_id for one in items],
                [f"session {one.session_id}" for one in items],
                Resolution.REORDERED,
                NOBODY,
                now,
            )


def _by_number(rows: Sequence[asyncpg.Record]) -> dict[str, list[asyncpg.Record]]:
    found: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in rows:
        found[row["number"]].append(row)
    return found


def _car(garage: Garage, stays: Sequence[asyncpg.Record], seen: Sequence[asyncpg.Record]) -> Car:
    """Entries that have opened a session are known by it; the archive knows all else that has passed."""
    known = {SessionId(row["session_id"]): _stay(row, garage) for row in stays}
    ids = {row["event_id"] for row in seen}
    return Car(
        passages=[
            *(_entry(stay.session) for stay in known.values() if not _never_passed(stay, ids)),
            *(_passage(row, garage) for row in seen if _counts(row, ids, known, garage)),
        ],
        stays=known,
    )


def _never_passed(stay: Stay, ids: set[str]) -> bool:
    """Whether the entry that has opened it was taken back, because its gate had stayed shut."""
    return stay.state is State.VOIDED and f"{stay.session.entry_event_id}{HELD_AFTER_ALL}" in ids


def _counts(row: asyncpg.Record, ids: set[str], known: Mapping[SessionId, Stay], garage: Garage) -> bool:
    """Whether a car has passed, and nothing else that was archived stands for the same passage."""
    event_id = row["event_id"]
    if row["settled"] or closing_event_id(item_id_of(garage.garage_id, EventId(event_id))) in ids:
        return False
    session_id = None if row["session_id"] is None else SessionId(row["session_id"])
    opened = row["kind"] == Kind.ENTRY and row["result"] == "applied"
    if opened or event_id.endswith((HELD_AFTER_ALL, IN_AFTER_ALL)) or f"{event_id}{HELD_AFTER_ALL}" in ids:
        return False
    if row["kind"] == Kind.TURN_BACK:
        return True
    if session_id is not None:
        # Of a session from before, or an exit that was held: it says nothing about the others.
        passed = row["verdict"] == Verdict.OPEN or row["reason"] in PASSED_REASONS
        return session_id in known and passed
    sure = row["permille"] >= garage.policy.confidence_bar_permille
    return sure and row["reason"] in PASSED_REASONS | _left_by_policy(row)


def _left_by_policy(row: asyncpg.Record) -> frozenset[Reason]:
    """A barrier that was opened on no more than the garage's policy has let the car out all the same."""
    opened = row["verdict"] == Verdict.OPEN
    return (
        frozenset({Reason.NO_ENTRY, Reason.OUTAGE_POLICY, Reason.DUPLICATE_ENTRY}) if opened else frozenset()
    )


def _entry(session: Session) -> Passage:
    return Passage(
        event_id=session.entry_event_id,
        kind=Kind.ENTRY,
        at=session.entered_at,
        lane_id=session.entry_lane_id,
        plate=session.plate,
        session_id=session.session_id,
    )


def _passage(row: asyncpg.Record, garage: Garage) -> Passage:
    lane_id = LaneId(row["lane_id"])
    return Passage(
        event_id=EventId(row["event_id"].removesuffix(LEFT_AFTER_ALL)),
        kind=Kind(row["kind"]),
        at=row["captured_at"],
        lane_id=lane_id,
        plate=Plate(number=row["number"], colour=Colour(row["colour"])),
        direction=garage.lanes.get(lane_id, Direction.BOTH),
    )


def _stay(row: asyncpg.Record, garage: Garage) -> Stay:
    account_id = None if row["account_id"] is None else AccountId(row["account_id"])
    session = paid_session_of(row, garage.policy.prepaid_exit_within)
    return Stay(
        session=replace(
            session,
            account_id=account_id,
            left_at=row["billed_until"],
            benefits=None if row["benefits"] is None else parse_benefits(row["benefits"]),
        ),
        state=State(row["state"]),
        billed_from=row["billed_from"],
        corrections=row["corrections"],
        billed_fen=row["billed_fen"],
        corrected=row["corrected"],
    )
