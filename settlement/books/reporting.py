"""What is told to somebody outside of visits and their payments, in the books."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from parking.ids import (
    BillId,
    EventId,
    GarageId,
    LaneId,
    Partition,
    SessionId,
    partition_of,
)
from parking.plate import Colour, Plate
from parking.session import State
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.visit_report import (
    BillNow,
    DayTotal,
    PaidVisit,
    PaymentNow,
    Report,
    ReportBooks,
    Told,
    Visit,
    VisitNow,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date, timedelta

    import asyncpg

    from settlement.books.pool import Pool

__all__ = ["PostgresReportBooks"]


class PostgresReportBooks(ReportBooks):
    """For one ``recipient``; ``partition_count`` is that of the installation."""

    def __init__(self, pool: Pool, *, recipient: str, partition_count: int) -> None:
        self._pool = pool
        self._recipient = recipient
        self._partition_count = partition_count

    @override
    async def new_visits(
        self, garage_ids: Collection[GarageId], *, since: datetime, limit: int
    ) -> list[Visit]:
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("reporting/new_visits"),
                self._recipient,
                list({self._partition(garage_id) for garage_id in garage_ids}),
                list(garage_ids),
                since,
                limit,
            )
        return [_visit(row) for row in rows]

    @override
    async def taken(self, uids: Collection[str]) -> set[str]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("reporting/taken"), self._recipient, list(uids))
        return {row["uid"] for row in rows}

    @override
    async def occupied(self, garage_ids: Collection[GarageId]) -> Mapping[GarageId, int]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("reporting/occupied"), self._recipient, list(garage_ids))
        return {GarageId(row["garage_id"]): row["visits"] for row in rows}

    @override
    async def add_visits(
        self, visits: Sequence[tuple[Visit, str]], reports: Sequence[Report], now: datetime
    ) -> None:
        async with connection(self._pool) as held:
            await held.execute(
                sql("reporting/add_visits"),
                self._recipient,
                [visit.partition for visit, _ in visits],
                [visit.session_id for visit, _ in visits],
                [visit.garage_id for visit, _ in visits],
                [visit.entered_at for visit, _ in visits],
                [uid for _, uid in visits],
                *self._columns(reports),
                now,
            )

    @override
    async def changed(self, limit: int) -> list[VisitNow]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("reporting/changed"), self._recipient, limit)
        return [_visit_now(row) for row in rows]

    @override
    async def told(self, visits: Sequence[VisitNow], reports: Sequence[Report], now: datetime) -> None:
        told = [one.told_all() for one in visits]
        async with connection(self._pool) as held:
            await held.execute(
                sql("reporting/told"),
                self._recipient,
                [one.visit.partition for one in visits],
                [one.visit.session_id for one in visits],
                [one.closings for one in told],
                [one.bill_id for one in told],
                [one.is_paid for one in told],
                [one.is_open for one in told],
                *self._columns(reports),
                now,
            )

    @override
    async def waiting(self, resting: Collection[GarageId], limit: int) -> list[Waiting]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("reporting/waiting"), self._recipient, list(resting), limit)
        return [
            Waiting(
                report=Report(
                    garage_id=GarageId(row["garage_id"]), operation=row["operation"], body=row["body"]
                ),
                added_at=row["added_at"],
                place=row["place"],
            )
            for row in rows
        ]

    @override
    async def arrived(self, reports: Sequence[Waiting]) -> None:
        async with connection(self._pool) as held:
            await held.execute(
                sql("reporting/arrived"),
                self._recipient,
                [self._partition(one.report.garage_id) for one in reports],
                [one.report.garage_id for one in reports],
                [one.place for one in reports],
            )

    @override
    async def refused(self, report: Waiting, why: str, now: datetime) -> None:
        garage_id = report.report.garage_id
        async with connection(self._pool) as held:
            await held.execute(
                sql("reporting/refused"),
                self._recipient,
                self._partition(garage_id),
                garage_id,
                report.place,
                f"report:{self._recipient}/{garage_id}/{report.added_at.isoformat()}/{report.place}",
                why,
                now,
            )

    @override
    async def collected(
        self, garage_ids: Collection[GarageId], day: date, offset: timedelta
    ) -> list[DayTotal]:
        begins = datetime.combine(day, time(), tzinfo=UTC) - offset
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("reporting/collected"), self._recipient, list(garage_ids), begins)
        return [
            DayTotal(garage_id=GarageId(row["garage_id"]), payments=row["payments"], paid_fen=row["paid_fen"])
            for row in rows
        ]

    @override
    async def forget(self, before: datetime) -> None:
        async with connection(self._pool) as held:
            await held.execute(sql("reporting/forget"), self._recipient, before)

    async def visit_of(self, attempt_key: str) -> PaidVisit | None:
        """The visit that an attempt is about; ``None`` until it is numbered."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("reporting/visit_of"), self._recipient, attempt_key)
        if row is None:
            return None
        return PaidVisit(
            garage_id=GarageId(row["garage_id"]),
            uid=row["uid"],
            plate=Plate(number=row["number"], colour=Colour(row["colour"])),
            entered_at=row["stayed_from"],
            left_at=row["left_at"],
            billed_at=row["raised_at"],
        )

    async def keep_unknown_payment(
        self, garage_id: GarageId, payment_id: str, details: Mapping[str, Any], now: datetime
    ) -> None:
        """Somebody paid for a bill that is not ours: have a person look, once."""
        async with connection(self._pool) as held:
            await held.execute(
                sql("reporting/keep_unknown_payment"),
                self._partition(garage_id),
                f"payment:{self._recipient}/{payment_id}",
                garage_id,
                json.dumps({"rail": self._recipient, "told": dict(details)}),
                now,
            )

    async def uid_of(self, garage_id: GarageId, session_id: SessionId) -> str | None:
        """The number of a visit, if it has one."""
        async with connection(self._pool) as held:
            uid: str | None = await held.fetchval(
                sql("reporting/uid_of"), self._partition(garage_id), self._recipient, session_id
            )
        return uid

    def _partition(self, garage_id: GarageId) -> Partition:
        return partition_of(garage_id, self._partition_count)

    def _columns(
        self, reports: Sequence[Report]
    ) -> tuple[list[Partition], list[GarageId], list[str], list[str]]:
        return (
            [self._partition(one.garage_id) for one in reports],
            [one.garage_id for one in reports],
            [one.operation for one in reports],
            [one.body for one in reports],
        )


def _visit(row: asyncpg.Record) -> Visit:
    return Visit(
        partition=Partition(row["partition"]),
        session_id=SessionId(row["session_id"]),
        garage_id=GarageId(row["garage_id"]),
        plate=Plate(number=row["number"], colour=Colour(row["colour"])),
        entered_at=row["entered_at"],
        entry_lane_id=LaneId(row["entry_lane_id"]),
        entry_event_id=EventId(row["entry_event_id"]),
        image_reference=row["entry_image"],
    )


def _visit_now(row: asyncpg.Record) -> VisitNow:
    return VisitNow(
        visit=_visit(row),
        uid=row["uid"],
        told=Told(closings=row["told_closings"], bill_id=row["told_bill_id"], is_paid=row["told_is_paid"]),
        state=State(row["state"]),
        closings=row["version"],
        left_at=row["left_at"],
        exit_lane_id=None if row["exit_lane_id"] is None else LaneId(row["exit_lane_id"]),
        exit_image=row["exit_image"],
        bill=None if row["bill_id"] is None else _bill(row),
        is_void=row["is_void"],
        payment=None if row["paid_at"] is None else _payment(row),
    )


def _bill(row: asyncpg.Record) -> BillNow:
    return BillNow(
        bill_id=BillId(row["bill_id"]),
        amount_fen=row["amount_fen"],
        prepaid_fen=row["prepaid_fen"],
        raised_at=row["raised_at"],
        prepaid_at=row["prepaid_at"],
    )


def _payment(row: asyncpg.Record) -> PaymentNow:
    return PaymentNow(
        paid_at=row["paid_at"], rail=row["rail"], attempt_key=row["attempt_key"], method=row["method"]
    )
