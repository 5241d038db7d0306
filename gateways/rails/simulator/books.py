"""The rail's own books: what was asked, what came of it, and every movement of money.

An attempt key has one outcome for ever; the same key with another body is a conflict. An order may be
charged by as many attempts as we send: that is for us to prevent, and the books show when we did not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from gateways.group_commit import open_durable
from gateways.rails.simulator.faults import Fault, Kind, Plan
from gateways.rails.simulator.sql_text import sql_text
from parking.errors import Conflict

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from gateways.group_commit import GroupCommit
    from gateways.rails.simulator.wire import OrderBody

__all__ = ["Attempt", "Booked", "Books", "Movement", "Settled", "State", "Totals", "open_books"]

SCHEMA = ("create_attempts", "create_attempts_by_order", "create_attempts_to_settle", "create_movements")


@unique
class State(StrEnum):
    """Where an attempt stands; only ``ACCEPTED`` is not final."""

    ACCEPTED = "accepted"
    PAID = "paid"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt as it is booked."""

    kind: Kind
    attempt_key: str
    order_key: str
    agreement: str
    amount_fen: int
    subject: str
    state: State
    code: str | None
    hard: bool
    rail_reference: str
    paid_at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An attempt, and whether this request booked it (else it is the first answer again)."""

    attempt: Attempt
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Accepted attempts that have their outcome now, and when the next one will, on the machine's clock."""

    attempts: tuple[Attempt, ...]
    next_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that moved."""

    sequence: int
    kind: Kind
    order_key: str
    attempt_key: str
    amount_fen: int
    paid_at_ms: int
    rail_reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The books in one row."""

    charges: int
    charged_fen: int
    refunds: int
    refunded_fen: int
    declined: int
    pending: int
    orders_charged_twice: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a new attempt is booked with."""

    state: State
    code: str | None = None
    hard: bool = False
    later_state: State | None = None


def open_books(path: Path) -> sqlite3.Connection:
    """Open the file, with its tables."""
    connection = open_durable(path)
    for name in SCHEMA:
        connection.execute(sql_text(name))
    return connection


class Books:
    """The books, written by group commit; each answer is on disk before it is given."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer

    async def book(self, kind: Kind, order: OrderBody, plan: Plan, *, now_ms: int, wall_ms: int) -> Booked:
        """Book an order as its plan says; raises :class:`Conflict` for a key used for something else.

        ``now_ms`` is on the clock that the rail shows, ``wall_ms`` on the machine's.
        """
        settled_after_ms = wall_ms + round(plan.accepted_s * 1000)
        return await self._writer.submit(partial(_book, kind, order, plan, now_ms, settled_after_ms))

    async def find(self, kind: Kind, attempt_key: str) -> Attempt | None:
        """The attempt, if the rail has seen it."""
        return await self._writer.submit(partial(_find, kind, attempt_key))

    async def settle_due(self, *, now_ms: int, wall_ms: int, limit: int) -> Settled:
        """Give up to ``limit`` accepted attempts the outcome that was decided for them."""
        return await self._writer.submit(partial(_settle_due, now_ms, wall_ms, limit))

    async def movements(self, after: int, limit: int) -> list[Movement]:
        """A page of the books, in the order of commits."""
        return await self._writer.submit(partial(_movements, after, limit))

    async def totals(self) -> Totals:
        """The books in one row."""
        return await self._writer.submit(_totals)


def _book(
    kind: Kind,
    order: OrderBody,
    plan: Plan,
    now_ms: int,
    settled_after_ms: int,
    connection: sqlite3.Connection,
) -> Booked:
    known = _find(kind, order.attempt_key, connection)
    if known is not None:
        if not _same(known, order):
            raise Conflict("this attempt key was used for another order")
        return Booked(attempt=known, fresh=False)
    outcome = _outcome(kind, order, plan, connection)
    attempt = Attempt(
        kind=kind,
        attempt_key=order.attempt_key,
        order_key=order.order_key,
        agreement=order.agreement,
        amount_fen=order.amount_fen,
        subject=order.subject,
        state=outcome.state,
        code=outcome.code,
        hard=outcome.hard,
        rail_reference=_reference(kind, order.attempt_key),
        paid_at_ms=now_ms if outcome.state is State.PAID else None,
    )
    later = {
        "later_state": outcome.later_state,
        "settled_after_ms": settled_after_ms if outcome.later_state else None,
    }
    connection.execute(sql_text("insert_attempt"), _row(attempt) | later)
    if attempt.state is State.PAID:
        connection.execute(sql_text("insert_movement"), _row(attempt))
    return Booked(attempt=attempt, fresh=True)


def _outcome(kind: Kind, order: OrderBody, plan: Plan, connection: sqlite3.Connection) -> Outcome:
    key = {"order_key": order.order_key}
    if (
        kind is Kind.REFUND
        and connection.execute(sql_text("refundable"), key).fetchone()[0] < order.amount_fen
    ):
        return Outcome(state=State.DECLINED, code="nothing_to_refund", hard=True)
    match plan.verdict:
        case Fault.DECLINE_HARD:
            return Outcome(state=State.DECLINED, code="agreement_ended", hard=True)
        case Fault.DECLINE_SOFT:
            return Outcome(state=State.DECLINED, code="insufficient_funds")
        case Fault.DECLINE_SOFT_ONCE if not connection.execute(sql_text("tried_before"), key).fetchone()[0]:
            return Outcome(state=State.DECLINED, code="insufficient_funds")
        case Fault.ACCEPTED:
            return Outcome(state=State.ACCEPTED, later_state=State.PAID)
        case Fault.ACCEPTED_THEN_DECLINED:
            return Outcome(state=State.ACCEPTED, later_state=State.DECLINED)
        case _:
            return Outcome(state=State.PAID)


def _find(kind: Kind, attempt_key: str, connection: sqlite3.Connection) -> Attempt | None:
    key = {"kind": kind, "attempt_key": attempt_key}
    row = connection.execute(sql_text("find_attempt"), key).fetchone()
    return None if row is None else _attempt(row)


def _settle_due(now_ms: int, wall_ms: int, limit: int, connection: sqlite3.Connection) -> Settled:
    due = {"now_ms": wall_ms, "paid_at_ms": now_ms, "limit": limit}
    settled = tuple(map(_attempt, connection.execute(sql_text("settle_due"), due).fetchall()))
    paid = [_row(attempt) for attempt in settled if attempt.state is State.PAID]
    connection.executemany(sql_text("insert_movement"), paid)
    (next_ms,) = connection.execute(sql_text("next_settlement")).fetchone()
    return Settled(attempts=settled, next_ms=next_ms)


def _movements(after: int, limit: int, connection: sqlite3.Connection) -> list[Movement]:
    rows = connection.execute(sql_text("movements_after"), {"after": after, "limit": limit}).fetchall()
    return [
        Movement(
            sequence=row[0],
            kind=Kind(row[1]),
            order_key=row[2],
            attempt_key=row[3],
            amount_fen=row[4],
            paid_at_ms=row[5],
            rail_reference=row[6],
        )
        for row in rows
    ]


def _totals(connection: sqlite3.Connection) -> Totals:
    cursor = connection.execute(sql_text("totals"))
    names = [column[0] for column in cursor.description]
    return Totals(**dict(zip(names, cursor.fetchone(), strict=True)))


def _same(known: Attempt, order: OrderBody) -> bool:
    booked = (known.order_key, known.agreement, known.amount_fen, known.subject)
    return booked == (order.order_key, order.agreement, order.amount_fen, order.subject)


def _reference(kind: Kind, attempt_key: str) -> str:
    return "sim_" + blake2b(f"{kind}/{attempt_key}".encode(), digest_size=10).hexdigest()


def _row(attempt: Attempt) -> dict[str, str | int | None]:
    return {name: getattr(attempt, name) for name in Attempt.__slots__}


def _attempt(row: tuple[str, str, str, str, int, str, str, str | None, int, str, int | None]) -> Attempt:
    return Attempt(
        kind=Kind(row[0]),
        attempt_key=row[1],
        order_key=row[2],
        agreement=row[3],
        amount_fen=row[4],
        subject=row[5],
        state=State(row[6]),
        code=row[7],
        hard=bool(row[8]),
        rail_reference=row[9],
        paid_at_ms=row[10],
    )
