"""The rows in which the books take a journal record: event, step, bill, ledger entry, item for a person.

Every row but the event's names by ``record_no`` the record of its segment that it comes from.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from parking.benefits import benefits_text
from parking.ids import bill_id_of
from parking.price_facts import changes_text, earlier_text
from parking.session import State, Step
from settlement.charge import Direction, charge_id_of
from settlement.review import item_id_of

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from parking.journal import Record
    from parking.session import Session
    from settlement.bill import Bill
    from settlement.ledger import Entry

__all__ = [
    "NO_BILL",
    "UNCHARGED",
    "BillRow",
    "Causes",
    "EntryRow",
    "EventRow",
    "QuarantineRow",
    "StepRow",
    "bill_row_of",
    "entry_row_of",
    "event_row_of",
    "item_row_of",
    "missed_exit_row_of",
    "no_bill_row_of",
    "step_row_of",
]


class Causes:
    """Why an item waits for a person, beside the reasons that a gate gives."""

    EXIT_MISSED: Final = "exit_missed"
    """The car entered again; how its first stay ended was not seen."""
    UNCONFIRMED: Final = "unconfirmed_plate"
    """It left on a plate that was not read surely; nobody is charged until a person confirms it."""
    GRANT_REFUSED: Final = "grant_refused"
    """A cut-off garage let it out on what is no valid grant; nobody is charged until a person confirms it."""
    IMPOSSIBLE: Final = "impossible_stay"
    """The car was elsewhere at that time; nobody is charged until a person confirms it."""
    CHARGE_REVIEW: Final = "charge_review"
    """Asking its rail did not help; a person finds out whether the money moved."""
    REFUND_UNPAID: Final = "refund_unpaid"
    """A rail will not give the money back; a person does, by another way."""
    UNBOOKABLE: Final = "unbookable"
    """The books refuse the record each time it is tried."""


class EventRow(NamedTuple):
    """One event for the archive."""

    partition: int
    captured_at: datetime
    garage_id: str
    event_id: str
    lane_id: str
    kind: str
    received_at: datetime
    number: str
    colour: str
    confidence: float
    candidates: str | None
    offline: bool
    verdict: str
    reason: str
    amount_fen: int
    limit_fen: int
    result: str
    session_id: UUID | None
    token_digest: str | None
    image_reference: str | None
    debt_reference: str | None


class StepRow(NamedTuple):
    """One step of a session."""

    record_no: int
    partition: int
    entered_at: datetime
    session_id: UUID
    garage_id: str
    number: str
    colour: str
    entry_lane_id: str
    entry_event_id: str
    tariff_version_id: str
    account_id: UUID | None
    state: str
    previous_state: str
    last_step: str
    version: int
    left_at: datetime | None
    exit_lane_id: str | None


class BillRow(NamedTuple):
    """What goes with a step: the bill where it closes the session, a charge where something is due."""

    bill_id: UUID | None = None
    amount_fen: int | None = None
    prepaid_fen: int | None = None
    reason: str | None = None
    proof: str | None = None
    charge_id: UUID | None = None
    collect_from: UUID | None = None
    collect_at: datetime | None = None
    benefits: str | None = None
    earlier: str | None = None
    """Of the session, whether it is closed or not; a bill's ``benefits`` are ``None`` while not known."""
    changes: str | None = None


class EntryRow(NamedTuple):
    """One ledger entry of a bill."""

    record_no: int
    partition: int
    transaction_id: UUID
    line: int
    kind: str
    debit_account: str
    credit_account: str
    amount_fen: int
    garage_id: str
    bill_id: UUID | None


class QuarantineRow(NamedTuple):
    """One item for a person."""

    record_no: int
    partition: int
    item_id: str
    garage_id: str
    cause: str
    details: str
    opened_at: datetime


UNCHARGED: Final = frozenset({Causes.UNCONFIRMED, Causes.GRANT_REFUSED, Causes.IMPOSSIBLE})
"""Its item names a bill that nobody is asked to pay before a person has confirmed it."""
NO_BILL: Final = BillRow()
TARGETS: Final[dict[Step, tuple[State, State]]] = {
    Step.ENTERED: (State.NONE, State.INSIDE),
    Step.LEFT: (State.INSIDE, State.CLOSED),
    Step.ENTRY_UNDONE: (State.INSIDE, State.VOIDED),
    Step.EXIT_UNDONE: (State.CLOSED, State.INSIDE),
    Step.SUPERSEDED: (State.INSIDE, State.SUPERSEDED),
    Step.RESUMED: (State.SUPERSEDED, State.INSIDE),
}
"""Where each step leads, and where it comes from when the books have not seen the session before."""


def bill_row_of(bill: Bill, received_at: datetime, collect_delay: timedelta) -> BillRow:
    """The row of a bill; its charge falls due ``collect_delay`` after the exit, and after its report."""
    return BillRow(
        bill.bill_id,
        bill.amount_fen,
        bill.prepaid_fen,
        bill.reason,
        bill.proof,
        charge_id_of(bill.bill_id, Direction.COLLECT) if bill.due_fen else None,
        bill.account_id if bill.collectable else None,
        max(bill.left_at, received_at) + collect_delay,
        benefits_text(bill.benefits),
        earlier_text(bill.earlier),
        changes_text(bill.changes),
    )


def no_bill_row_of(session: Session) -> BillRow:
    """What goes with a step that closes nothing."""
    return NO_BILL._replace(earlier=earlier_text(session.earlier)) if session.earlier else NO_BILL


def step_row_of(record_no: int, record: Record, step: Step, session: Session) -> StepRow:
    """The row of one step."""
    previous_state, state = TARGETS[step]
    return StepRow(
        record_no,
        record.partition,
        session.entered_at,
        session.session_id,
        session.garage_id,
        session.plate.number,
        session.plate.colour,
        session.entry_lane_id,
        session.entry_event_id,
        session.tariff_version_id,
        session.account_id,
        state,
        previous_state,
        step,
        session.version,
        session.left_at if step is Step.LEFT else None,
        record.event.lane_id if step is Step.LEFT else None,
    )


def entry_row_of(record_no: int, bill: Bill, entry: Entry) -> EntryRow:
    """The row of a bill's ledger entry."""
    return EntryRow(
        record_no,
        bill.partition,
        entry.transaction_id,
        entry.line,
        entry.kind,
        entry.debit_account,
        entry.credit_account,
        entry.amount_fen,
        entry.garage_id,
        entry.bill_id,
    )


def event_row_of(record: Record) -> EventRow:
    """The archive's row of an event."""
    event, decision, plate = record.event, record.decision, record.event.plate
    candidates = [[one.number, one.confidence] for one in event.candidates]
    return EventRow(
        record.partition,
        event.captured_at,
        event.garage_id,
        event.event_id,
        event.lane_id,
        event.kind,
        record.received_at,
        plate.number,
        plate.colour,
        event.confidence,
        json.dumps(candidates) if candidates else None,
        event.offline,
        decision.verdict,
        decision.reason,
        decision.amount_fen,
        decision.limit_fen,
        record.result,
        record.session.session_id if record.session is not None else None,
        event.token_digest or None,
        event.image_reference or None,
        decision.reference or None,
    )


def item_row_of(record_no: int, record: Record, cause: str) -> QuarantineRow:
    """The row that has a person look at an event."""
    event, session = record.event, record.session
    details = {
        "event_id": event.event_id,
        "lane_id": event.lane_id,
        "kind": event.kind,
        "captured_at": event.captured_at.isoformat(),
        "number": event.plate.number,
        "colour": event.plate.colour,
        "confidence": event.confidence,
        "session_id": str(session.session_id) if session is not None else None,
        "amount_fen": record.decision.amount_fen,
    }
    if cause in UNCHARGED and session is not None:
        details["bill_id"] = str(bill_id_of(session.session_id, session.version))
        details["entered_at"] = session.entered_at.isoformat()
    place = record_no, record.partition, item_id_of(event.garage_id, event.event_id), event.garage_id
    return QuarantineRow(*place, cause, json.dumps(details), record.received_at)


def missed_exit_row_of(record_no: int, record: Record, session: Session) -> QuarantineRow:
    """The row that has a person look at a stay whose end was not seen."""
    details = {
        "session_id": str(session.session_id),
        "number": session.plate.number,
        "colour": session.plate.colour,
        "entered_at": session.entered_at.isoformat(),
        "entered_again_at": record.event.captured_at.isoformat(),
    }
    item_id, cause, text = f"session:{session.session_id}", Causes.EXIT_MISSED, json.dumps(details)
    return QuarantineRow(
        record_no, record.partition, item_id, session.garage_id, cause, text, record.received_at
    )
