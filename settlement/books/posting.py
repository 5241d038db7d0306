"""Books what the gates did: one statement for a segment of records, a transaction when exits are undone.

Charges are locked before balances, as everywhere in the books, so that two writers cannot wait for each
other.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from parking.decision import Reason
from parking.errors import CallerError, Conflict, Defect
from parking.event import Kind
from parking.ids import bill_id_of
from parking.journal import Record
from parking.session import Step
from settlement.books.bill_rows import billed_of
from settlement.books.coupon_uses import free_coupons
from settlement.books.owners import with_owners
from settlement.books.pool import connection
from settlement.books.presented import keep_presented
from settlement.books.statements import sql
from settlement.charge import State
from settlement.record_books import Booked, RecordBooks
from settlement.review import NOBODY
from settlement.segment import post_of, post_of_unbookable, segments
from settlement.undo import undo_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from parking.ids import AccountId, BillId, Partition, SessionId, TariffVersionId
    from parking.session import Session
    from parking.tariff import Tariff
    from settlement.record_books import Unbookable
    from settlement.segment import Posting
    from settlement.undo import Undo

__all__ = ["COLLECT_DELAY", "PostgresRecordBooks", "take_back", "void"]

COLLECT_DELAY: Final = timedelta(minutes=15)
"""As long as a car may turn back by default, so that an undone exit seldom needs a refund."""
SHOWN_MAX: Final = 4000
"""Characters of an unreadable message that a person is shown."""
MESSAGE_MAX: Final = 64 * 1024
"""Characters of a message that is kept to be sent once more."""


class PostgresRecordBooks(RecordBooks):
    """The books in PostgreSQL; a charge falls due ``collect_delay`` after the exit was reported.

    ``owing_changed`` is told, without waiting, whose bills were raised or taken back.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        collect_delay: timedelta = COLLECT_DELAY,
        owing_changed: Callable[[Collection[AccountId]], None] | None = None,
    ) -> None:
        self._pool = pool
        self._collect_delay = collect_delay
        self._owing_changed = owing_changed

    @override
    async def post(
        self, records: Sequence[Record], tariffs: Mapping[TariffVersionId, Tariff], now: datetime
    ) -> Booked:
        booked = Booked()
        async with connection(self._pool) as held:
            records = await with_owners(held, records)
            for segment in segments(records):
                posting = post_of(segment, tariffs, self._collect_delay)
                if any(record.step is Step.EXIT_UNDONE for record in segment):
                    booked += await _post_with_undone(held, posting, now)
                else:
                    booked += (await _post_segment(held, posting, now))[0]
                if self._owing_changed is not None:
                    self._owing_changed(posting.accounts())
            await keep_presented(held, records, now)
        return booked

    @override
    async def keep_aside(self, unbookable: Unbookable, now: datetime) -> None:
        record = unbookable.record
        if isinstance(record, Record):
            posting = post_of_unbookable(record, unbookable.detail)
            # Of an event, the candidates alone may hold what the archive cannot.
            bare = replace(posting, events=[one._replace(candidates=None) for one in posting.events])
            for archived in (posting, bare):
                try:
                    async with connection(self._pool) as held, held.transaction():
                        await _post_segment(held, archived, now)
                        await _keep_message(held, unbookable, archived.quarantined[0].item_id, now)
                except (Defect, CallerError):
                    continue
                return
        # Not even the event can be archived: the message alone is kept.
        async with connection(self._pool) as held:
            await _keep_message(held, unbookable, f"message:{record.position}", now)


async def _keep_message(
    held: asyncpg.pool.PoolConnectionProxy, unbookable: Unbookable, item_id: str, now: datetime
) -> None:
    """Keep a message in plain ASCII, whatever it holds; one too long to be ours is only shown in part."""
    record, raw = unbookable.record, dict(unbookable.record.raw)
    details = json.dumps({"detail": ascii(unbookable.detail), "message": ascii(raw)[:SHOWN_MAX]})
    message = json.dumps(raw)
    kept = message if raw and len(message) <= MESSAGE_MAX else None
    await held.execute(sql("posting/keep_message"), record.partition, item_id, details, kept, now)


async def _post_segment(
    held: asyncpg.pool.PoolConnectionProxy, posting: Posting, now: datetime
) -> tuple[Booked, list[int]]:
    row = await held.fetchrow(
        sql("posting/post"),
        posting.events,
        [step + bill for step, bill in posting.steps.values()],
        posting.entries,
        posting.quarantined,
        posting.uses,
        now,
        NOBODY,
    )
    if row is None:
        raise Defect("posting a segment gave no answer")
    fresh: list[int] = row["fresh"]
    counts = {name: value for name, value in row.items() if name != "fresh"}
    return Booked(fresh=len(fresh), **counts), fresh


async def _post_with_undone(
    held: asyncpg.pool.PoolConnectionProxy, posting: Posting, now: datetime
) -> Booked:
    undone = {
        record_no: (record.partition, record.session.entered_at, _bill_id(record.session))
        for record_no, record in enumerate(posting.records, start=1)
        if record.step is Step.EXIT_UNDONE and record.session
    }
    sessions = [
        (record.partition, record.session.entered_at, record.session.session_id)
        for record in posting.records
        if record.step is Step.EXIT_UNDONE and record.session
    ]
    async with held.transaction():
        await held.fetch(sql("posting/lock_sessions"), *_columns(sessions, 3))
        found = await held.fetch(sql("posting/lock_bills"), *_columns(undone.values(), 3))
        booked, fresh = await _post_segment(held, posting, now)
        fresh_bills = {
            undone[record_no][2]: _why_undone(posting.records[record_no - 1])
            for record_no in fresh
            if record_no in undone
        }
        fresh_rows = [row for row in found if row["named_bill_id"] in fresh_bills]
        if len(fresh_rows) != len(fresh_bills):
            raise Defect("an exit is undone whose bill is not there")
        undos = [
            undo_of(billed_of(row), fresh_bills[row["named_bill_id"]])
            for row in fresh_rows
            if not row["credited"]
        ]
        return booked + await void(held, undos, now)


def _why_undone(record: Record) -> Reason:
    """The car turned back, or its gate had never opened."""
    return Reason.TURN_BACK if record.event.kind is Kind.TURN_BACK else record.decision.reason


async def take_back(
    held: asyncpg.pool.PoolConnectionProxy,
    place: tuple[Partition, datetime, SessionId, BillId],
    *,
    reason: str,
    now: datetime,
    unasked_only: bool = True,
) -> None:
    """Credit a bill, inside the caller's transaction.

    ``place`` is its partition, the session's entry and id, and its own id. One that is credited already
    stays so, and so does a bill that has taken its place; with ``unasked_only``, raises :class:`Conflict`
    when its charge is on its way.
    """
    partition, entered_at, session_id, bill_id = place
    await held.fetch(sql("posting/lock_sessions"), [partition], [entered_at], [session_id])
    for row in await held.fetch(sql("posting/lock_bills"), [partition], [entered_at], [bill_id]):
        billed = billed_of(row)
        if row["credited"] or row["bill_id"] != row["named_bill_id"]:
            continue
        if unasked_only and billed.charge_state is not State.UNASSIGNED:
            raise Conflict(f"the bill's charge is {billed.charge_state} by now")
        await void(held, [undo_of(billed, reason)], now)


def _bill_id(session: Session) -> BillId:
    return bill_id_of(session.session_id, session.version)


async def void(held: asyncpg.pool.PoolConnectionProxy, undos: list[Undo], now: datetime) -> Booked:
    """Book bills that are taken back, whose charges the caller's transaction has locked."""
    if not undos:
        return Booked()
    row = await held.fetchrow(
        sql("posting/void_exits"),
        *_columns(
            [
                (note.partition, note.entered_at, note.bill_id, note.credits_bill_id, note.reason)
                for note in (undo.credit_note for undo in undos)
            ],
            5,
        ),
        *_columns([_entry_columns(undo, line) for undo in undos for line in range(len(undo.entries))], 10),
        *_columns([(undo.credit_note.partition, undo.voided) for undo in undos if undo.voided], 2),
        *_columns(
            [(undo.credit_note.partition, undo.void_requested) for undo in undos if undo.void_requested], 2
        ),
        *_columns(
            [
                (undo.credit_note.partition, undo.refund.charge_id, undo.credit_note.credits_bill_id)
                for undo in undos
                if undo.refund
            ],
            3,
        ),
        now,
    )
    if row is None:
        raise Defect("voiding exits gave no answer")
    freed = await free_coupons(held, [undo.credit_note for undo in undos], now)
    released = [(undo.credit_note.partition, undo.released) for undo in undos if undo.released]
    if released:
        await held.execute(sql("posting/report_released"), *_columns(released, 2), now)
    return Booked(
        credit_notes=row["credit_notes"], entries=row["entries"], refunds=row["refunds"], coupons_freed=freed
    )


def _entry_columns(undo: Undo, line: int) -> tuple[object, ...]:
    entry = undo.entries[line]
    return (
        undo.credit_note.partition,
        entry.transaction_id,
        entry.line,
        entry.kind,
        entry.debit_account,
        entry.credit_account,
        entry.amount_fen,
        entry.garage_id,
        entry.bill_id,
        entry.charge_id,
    )


def _columns(rows: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as one array a column; no rows are ``width`` empty arrays."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]
