"""Charges in the books: taken for sending or asking, and moved by outcomes.

One statement each. What counts is fenced in the statement itself: a move is void unless its charge is
still in the state, at the attempt and with the wish to void that the decision was made on, so outcomes
that come twice, late or at the same time as a credit note book nothing twice.

What the outcomes of one bill of 10 yuan do to its garage's accounts (debit minus credit), when it is
never credited, and when a credit note comes before, between and after:

======================  ==========  ==============  =============  ==============
                        receivable  garage_payable  rail_clearing  refund_payable
======================  ==========  ==============  =============  ==============
bill raised                     10             -10
charge paid                      0             -10             10
----------------------  ----------  --------------  -------------  --------------
raised, credited                 0               0
in flight: charge paid         -10               0             10
... and refund owed              0               0             10             -10
refund paid                      0               0              0               0
----------------------  ----------  --------------  -------------  --------------
raised, paid                     0             -10             10
credited                       -10               0             10
... and refund owed              0               0             10             -10
refund paid                      0               0              0               0
======================  ==========  ==============  =============  ==============

The lines with dots belong to the same statement as the line above them. So after every statement the
receivable of a garage is the sum of its bills that are neither paid nor credited.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from parking.errors import Defect
from settlement import ledger
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.charge import Attempt, Charge, Direction, Effect, Outcome, State, charge_id_of
from settlement.collector import CollectorBooks
from settlement.plausible import Plausible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime, timedelta

    import asyncpg

    from parking.ids import AccountId, BillId, Partition
    from settlement.charge import ChargeId, Contradiction, Move

__all__ = ["ChargeCount", "Charges"]

ENDED: Final = frozenset({State.PAID, State.UNPAID, State.VOIDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeCount:
    """How many charges of a direction are at a rail in a state; ``rail`` is ``None`` while unassigned.

    ``next_at`` is when the first of them is due for its next step, ``None`` where none waits for one.
    """

    direction: Direction
    rail: str | None
    state: State
    charges: int
    amount_fen: int
    oldest_moved_at: datetime
    next_at: datetime | None


class Charges(CollectorBooks):
    """The collector's books, and what others may read of them.

    ``owing_changed`` is told, without waiting, the accounts whose charges have just ended. A charge whose car
    cannot have been there, by ``plausible``, is not taken for sending: a person looks at it first.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        owing_changed: Callable[[Collection[AccountId]], None] | None = None,
        plausible: Plausible | None = None,
    ) -> None:
        self._pool = pool
        self._owing_changed = owing_changed
        self._plausible = plausible or Plausible()

    @override
    async def claim(self, rail: str, *, now: datetime, claimed_max: int, lease: timedelta) -> list[Attempt]:
        plausible = self._plausible
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("charges/claim"), now, rail, claimed_max, lease,
                plausible.speed_kmh, plausible.look_back, plausible.clocks_apart,
            )  # fmt: skip
        return [_attempt(row) for row in rows]

    @override
    async def claim_questions(
        self,
        rail: str,
        *,
        now: datetime,
        claimed_max: int,
        lease: timedelta,
        with_sent: bool,
        in_hand: Collection[ChargeId],
    ) -> list[Attempt]:
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("charges/claim_questions"), now, rail, claimed_max, lease, with_sent, list(in_hand)
            )
        return [_attempt(row) for row in rows]

    @override
    async def post_moves(self, moves: Sequence[Move], now: datetime) -> frozenset[ChargeId]:
        if len({move.attempt.charge.charge_id for move in moves}) < len(moves):
            raise Defect("one posting holds two moves of the same charge")
        entries = [(move.attempt.charge.charge_id, entry) for move in moves for entry in _entries(move)]
        arguments = (
            *_columns(map(_move_row, moves), 13),
            *_columns((_entry_row(*one) for one in entries), 10),
        )
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("charges/post_moves"), now, *arguments)
        counted = frozenset(row["charge_id"] for row in rows)
        if self._owing_changed is not None:
            self._owing_changed(_accounts_of_ended(moves, counted))
        return counted

    @override
    async def attempts_by_key(self, attempt_keys: Collection[str]) -> dict[str, Attempt]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("charges/attempts_by_key"), list(attempt_keys))
        return {row["attempt_key"]: _attempt(row) for row in rows}

    @override
    async def report_contradictions(self, contradictions: Sequence[Contradiction], now: datetime) -> None:
        rows = {item[1]: item for item in map(_quarantine_row, contradictions)}
        async with connection(self._pool) as held:
            await held.execute(sql("charges/report_contradictions"), now, *_columns(rows.values(), 4))

    async def charges_of(self, partition: Partition, bill_ids: Collection[BillId]) -> list[Charge]:
        """The charges of bills of one partition; a refund follows the charge that it gives back."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("charges/charges_of"), partition, list(bill_ids))
        return [_charge(row) for row in rows]

    async def open_summary(self) -> list[ChargeCount]:
        """Counts of what is neither paid nor voided; cheap enough for every scrape."""
        return await self._counts("charges/open_summary")

    async def total_summary(self) -> list[ChargeCount]:
        """Counts of everything; reads the whole table."""
        return await self._counts("charges/total_summary")

    async def _counts(self, statement: str) -> list[ChargeCount]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql(statement))
        return [
            ChargeCount(
                direction=Direction(row["direction"]),
                rail=row["rail"],
                state=State(row["state"]),
                charges=row["charges"],
                amount_fen=row["amount_fen"],
                oldest_moved_at=row["oldest_moved_at"],
                next_at=row["next_at"],
            )
            for row in rows
        ]


def _accounts_of_ended(moves: Iterable[Move], counted: Collection[ChargeId]) -> set[AccountId]:
    """The drivers who owe less by the moves that counted, or owe a debt."""
    charges = [move.attempt.charge for move in moves if move.state in ENDED]
    return {
        charge.account_id
        for charge in charges
        if charge.account_id is not None
        and charge.direction is Direction.COLLECT
        and charge.charge_id in counted
    }


def _attempt(row: asyncpg.Record) -> Attempt:
    outcome = row["outcome"]
    return Attempt(
        charge=_charge(row),
        number=row["attempt_no"],
        key=row["attempt_key"],
        outcome=None if outcome is None else Outcome(outcome),
    )


def _charge(row: asyncpg.Record) -> Charge:
    return Charge(
        partition=row["partition"],
        charge_id=row["charge_id"],
        direction=Direction(row["direction"]),
        garage_id=row["garage_id"],
        bill_id=row["bill_id"],
        session_id=row["session_id"],
        account_id=row["account_id"],
        rail=row["rail"],
        agreement=row["agreement"],
        amount_fen=row["amount_fen"],
        state=State(row["state"]),
        attempts=row["attempts"],
        asked=row["asked"],
        void_requested=row["void_requested"],
        last_code=row["last_code"],
        raised_at=row["raised_at"],
        next_at=row["next_at"],
    )


def _entries(move: Move) -> tuple[ledger.Entry, ...]:
    charge = move.attempt.charge
    garage_id, bill_id, amount_fen = charge.garage_id, charge.bill_id, charge.amount_fen
    rail = charge.rail or ""
    if move.effect is Effect.NONE:
        return ()
    if move.effect is Effect.REFUND_PAID:
        return ledger.refund_paid(garage_id, bill_id, charge.charge_id, rail=rail, amount_fen=amount_fen)
    paid = ledger.charge_paid(garage_id, bill_id, charge.charge_id, rail=rail, amount_fen=amount_fen)
    refund_id = _refund_id(move)
    if refund_id is None:
        return paid
    return (*paid, *ledger.refund_owed(garage_id, bill_id, refund_id, amount_fen=amount_fen))


def _refund_id(move: Move) -> ChargeId | None:
    """The refund that the move makes due."""
    if move.effect is not Effect.CHARGE_PAID_AND_REFUND_OWED:
        return None
    return charge_id_of(move.attempt.charge.bill_id, Direction.REFUND)


def _move_row(move: Move) -> tuple[object, ...]:
    charge = move.attempt.charge
    return (
        charge.partition,
        charge.charge_id,
        move.attempt.number,
        charge.state,
        charge.void_requested,
        move.step,
        move.state,
        move.next_at,
        move.same_attempt,
        move.outcome,
        move.code,
        move.rail_reference,
        _refund_id(move),
    )


def _entry_row(of_charge_id: ChargeId, entry: ledger.Entry) -> tuple[object, ...]:
    return (
        of_charge_id,
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


def _quarantine_row(one: Contradiction) -> tuple[object, ...]:
    charge = one.attempt.charge
    details = {
        "cause": one.cause,
        "charge_id": str(charge.charge_id),
        "attempt_key": one.attempt.key,
        "rail": charge.rail,
        "state": charge.state,
        "ordered_fen": charge.amount_fen,
        "reported_fen": one.amount_fen,
        "rail_reference": one.rail_reference,
    }
    return charge.partition, f"charge/{one.attempt.key}/{one.cause}", charge.garage_id, json.dumps(details)


def _columns(rows: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows turned into ``width`` columns, also when there are none."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]
