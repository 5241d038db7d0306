"""Folds journal records into the rows that book them.

A *segment* is as long a run of records as one statement can book: within it no event occurs twice, and
a session takes one step, or an entry and the step after it. Undone exits are segments of their own: they
move balances in a second statement, and a transaction that locked balances twice could wait for somebody
who waits for it. Segments keep the records' order, so whatever builds on an earlier step finds it booked.

Every row names the record that it comes from: the statement books only the rows whose event it sees for
the first time, which is what makes a redelivered record harmless.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from parking.decision import Reason
from parking.errors import Defect
from parking.ids import AccountId
from parking.journal import Result
from parking.session import TRANSITIONS, State, Step
from settlement.bill import bill_of
from settlement.funding import entries_of, use_rows_of
from settlement.rows import (
    NO_BILL,
    Causes,
    bill_row_of,
    entry_row_of,
    event_row_of,
    item_row_of,
    missed_exit_row_of,
    no_bill_row_of,
    step_row_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import timedelta
    from uuid import UUID

    from parking.ids import TariffVersionId
    from parking.journal import Record
    from parking.tariff import Tariff
    from settlement.funding import CouponUseRow
    from settlement.rows import BillRow, EntryRow, EventRow, QuarantineRow, StepRow

__all__ = ["Posting", "post_of", "post_of_unbookable", "segments"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """The rows of one segment; ``records`` are numbered from 1."""

    records: Sequence[Record]
    events: list[EventRow] = field(default_factory=list)
    steps: dict[UUID, tuple[StepRow, BillRow]] = field(default_factory=dict)
    entries: list[EntryRow] = field(default_factory=list)
    quarantined: list[QuarantineRow] = field(default_factory=list)
    uses: list[CouponUseRow] = field(default_factory=list)

    def accounts(self) -> set[AccountId]:
        """Who owes more by it, or less: whose bills it raises with a charge, or takes back."""
        return {
            AccountId(step.account_id)
            for step, bill in self.steps.values()
            if step.account_id is not None and (bill.charge_id or step.last_step == Step.EXIT_UNDONE)
        }


FOLDABLE: Final = frozenset((Step.ENTERED, step) for (state, step) in TRANSITIONS if state is State.INSIDE)
"""Two steps of one session that a single row can stand for."""


def segments(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Cut ``records`` into runs that one statement can book, in order."""
    run: list[Record] = []
    events: set[tuple[str, str]] = set()
    last_steps: dict[UUID, Step] = {}
    for record in records:
        event = (record.event.garage_id, record.event.event_id)
        touched = _touched(record)
        # Only an entry may be followed, once, by what can follow it: two steps then make one row.
        clash = any(
            session_id in last_steps and (last_steps[session_id], step) not in FOLDABLE
            for session_id, step in touched.items()
        )
        turns = bool(run) and (run[-1].step is Step.EXIT_UNDONE) != (record.step is Step.EXIT_UNDONE)
        if event in events or clash or turns:
            yield run
            run, events, last_steps = [], set(), {}
        run.append(record)
        events.add(event)
        last_steps |= touched
    if run:
        yield run


def _touched(record: Record) -> dict[UUID, Step]:
    """The sessions that a record moves, and how."""
    touched: dict[UUID, Step] = {}
    if record.superseded is not None:
        touched[record.superseded.session_id] = Step.SUPERSEDED
    if record.resumed is not None:
        touched[record.resumed.session_id] = Step.RESUMED
    if record.session is not None and record.step is not None:
        touched[record.session.session_id] = record.step
    return touched


def post_of(
    records: Sequence[Record], tariffs: Mapping[TariffVersionId, Tariff], collect_delay: timedelta
) -> Posting:
    """The rows that book one segment; :class:`Defect` when one of its records cannot be booked.

    A charge falls due ``collect_delay`` after it was known that the car has left.
    """
    posting = Posting(records=records)
    for record_no, record in enumerate(records, start=1):
        posting.events.append(event_row_of(record))
        if record.superseded is not None:
            displaced = step_row_of(record_no, record, Step.SUPERSEDED, record.superseded)
            posting.steps[record.superseded.session_id] = displaced, NO_BILL
            posting.quarantined.append(missed_exit_row_of(record_no, record, record.superseded))
        if record.resumed is not None:
            row = step_row_of(record_no, record, Step.RESUMED, record.resumed)
            posting.steps[record.resumed.session_id] = row, NO_BILL
        if record.result is Result.QUARANTINED:
            posting.quarantined.append(item_row_of(record_no, record, record.decision.reason))
        if record.step is Step.LEFT:
            _add_bill(posting, record_no, record, tariffs, collect_delay)
        elif record.step is not None and record.session is not None:
            step_row = step_row_of(record_no, record, record.step, record.session)
            posting.steps[record.session.session_id] = step_row, no_bill_row_of(record.session)
    return posting


def post_of_unbookable(record: Record, detail: str) -> Posting:
    """The rows that archive an event as quarantined and open an item for a person."""
    event_row = event_row_of(record)._replace(result=Result.QUARANTINED)
    item_row = item_row_of(1, record, Causes.UNBOOKABLE)
    details = json.loads(item_row.details) | {"step": record.step, "detail": detail}
    return Posting(
        records=[record], events=[event_row], quarantined=[item_row._replace(details=json.dumps(details))]
    )


def _add_bill(
    posting: Posting,
    record_no: int,
    record: Record,
    tariffs: Mapping[TariffVersionId, Tariff],
    collect_delay: timedelta,
) -> None:
    session = record.session
    if session is None:
        raise Defect("an exit without a session")
    bill = bill_of(record, tariffs)
    bill_row = bill_row_of(bill, record.received_at, collect_delay)
    if session.benefits is None:
        bill_row = bill_row._replace(benefits=None)
    posting.steps[session.session_id] = step_row_of(record_no, record, Step.LEFT, session), bill_row
    posting.entries.extend([entry_row_of(record_no, bill, entry) for entry in entries_of(bill)])
    posting.uses.extend(use_rows_of(bill, record_no))
    if bill.due_fen and not bill.collectable:
        refused = bill.reason == Reason.GRANT_REFUSED
        cause = Causes.GRANT_REFUSED if refused else Causes.UNCONFIRMED
        posting.quarantined.append(item_row_of(record_no, record, cause))
