"""What a rail's answer does to a charge.

Pure: the attempt as it was read, the answer, the schedule and the time go in; one of three decisions
comes out (see :mod:`settlement.charge`). The rules that cost money when broken:

* No knowledge is no decline: what is not known is asked about, in the end by a person.
* "Never seen" sends the same attempt again, under its key; it does not start another one. The request may
  still have been on its way: a payment that follows counts as one.
* Any other answer about anything but the current, open attempt moves nothing. If it tells of money that the
  books exclude, it is a contradiction.
* Another amount than ordered is never taken for a payment: the rail is asked once more at once, and if it
  insists, a person looks.
* A charge whose bill was credited meanwhile ends as soon as its outcome is known: voided when the money
  did not move, refunded when it did. "Never seen" ends it when the rail says so twice running; if it was paid
  all the same, it is refunded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from settlement.charge import Contradiction, Direction, Effect, Known, Move, Outcome, State, Step
from settlement.rail import Accepted, Declined, NotReceived, Paid, Unknown

if TYPE_CHECKING:
    from datetime import datetime

    from settlement.charge import Attempt
    from settlement.rail import Answer
    from settlement.retry import Schedule

__all__ = ["next_move"]

OPEN_STATES: Final = frozenset({State.SENT, State.ACCEPTED, State.IN_DOUBT, State.REVIEW})
FINAL_OUTCOMES: Final = frozenset({Outcome.PAID, Outcome.DECLINED})


def next_move(
    attempt: Attempt, answer: Answer, schedule: Schedule, now: datetime
) -> Move | Known | Contradiction:
    """Decide; an answer without an amount or reference of its own leaves those unset."""
    if not _is_open(attempt):
        return _paid_after_all(attempt, answer) or _late(attempt, answer)
    match answer:
        case Paid():
            return _paid(attempt, answer, now)
        case Accepted():
            return _accepted(attempt, answer, schedule, now)
        case Declined():
            return _declined(attempt, answer, schedule, now)
        case Unknown():
            return _not_known(attempt, Outcome.UNKNOWN, schedule, now)
        case NotReceived():
            return _not_received(attempt, schedule, now)
        case _ as never:
            assert_never(never)


def _is_open(attempt: Attempt) -> bool:
    charge = attempt.charge
    return (
        charge.state in OPEN_STATES
        and attempt.number == charge.attempts
        and attempt.outcome not in FINAL_OUTCOMES
    )


def _paid_after_all(attempt: Attempt, answer: Answer) -> Move | None:
    """The money moved under an attempt that the rail had never seen, and that is over or to be sent again."""
    charge = attempt.charge
    if not isinstance(answer, Paid) or answer.amount_fen != charge.amount_fen:
        return None
    never_seen = attempt.number == charge.attempts and attempt.outcome is Outcome.NOT_RECEIVED
    if not never_seen or charge.state not in {State.DUE, State.VOIDED}:
        return None
    return _to_paid(attempt, answer, credited=charge.state is State.VOIDED)


def _late(attempt: Attempt, answer: Answer) -> Known | Contradiction:
    """The attempt is over, or not the current one: only news about money counts, and then for a person."""
    match answer:
        case Paid(amount_fen=amount_fen, rail_reference=reference):
            if attempt.outcome is Outcome.PAID and amount_fen == attempt.charge.amount_fen:
                return Known(attempt=attempt)
            cause = (
                "paid_twice" if attempt.charge.state is State.PAID else f"paid_while_{attempt.charge.state}"
            )
            return Contradiction(
                attempt=attempt, cause=cause, amount_fen=amount_fen, rail_reference=reference
            )
        case Declined() if attempt.outcome is Outcome.PAID:
            return Contradiction(attempt=attempt, cause="declined_after_paid")
        case Declined() | Accepted() | Unknown() | NotReceived():
            return Known(attempt=attempt)
        case _ as never:
            assert_never(never)


def _paid(attempt: Attempt, answer: Paid, now: datetime) -> Move | Contradiction:
    charge = attempt.charge
    if answer.amount_fen != charge.amount_fen:
        return _wrong_amount(attempt, answer, now)
    return _to_paid(attempt, answer, credited=charge.void_requested)


def _to_paid(attempt: Attempt, answer: Paid, *, credited: bool) -> Move:
    if attempt.charge.direction is Direction.REFUND:
        effect = Effect.REFUND_PAID
    else:
        effect = Effect.CHARGE_PAID_AND_REFUND_OWED if credited else Effect.CHARGE_PAID
    return Move(
        attempt=attempt,
        step=Step.PAID,
        state=State.PAID,
        outcome=Outcome.PAID,
        rail_reference=answer.rail_reference,
        effect=effect,
    )


def _wrong_amount(attempt: Attempt, answer: Paid, now: datetime) -> Move | Contradiction:
    code = "amount_differs"
    reference = answer.rail_reference
    if attempt.charge.state is State.REVIEW:
        return Contradiction(
            attempt=attempt, cause=code, amount_fen=answer.amount_fen, rail_reference=reference
        )
    if attempt.charge.state is State.IN_DOUBT:
        return Move(
            attempt=attempt,
            step=Step.ESCALATED,
            state=State.REVIEW,
            outcome=Outcome.UNKNOWN,
            code=code,
            rail_reference=reference,
        )
    return Move(
        attempt=attempt,
        step=Step.LOST_SIGHT,
        state=State.IN_DOUBT,
        next_at=now,
        outcome=Outcome.UNKNOWN,
        code=code,
        rail_reference=reference,
    )


def _accepted(attempt: Attempt, answer: Accepted, schedule: Schedule, now: datetime) -> Move | Known:
    state = attempt.charge.state
    wait = schedule.ask_after(attempt.charge.asked)
    if state is State.REVIEW:
        return Known(attempt=attempt)
    if wait is None:
        return _asked_enough(attempt, Outcome.ACCEPTED, now)
    return Move(
        attempt=attempt,
        step=None if state is State.ACCEPTED else Step.ACCEPTED,
        state=State.ACCEPTED,
        next_at=now + wait,
        outcome=Outcome.ACCEPTED,
        rail_reference=answer.rail_reference,
    )


def _declined(attempt: Attempt, answer: Declined, schedule: Schedule, now: datetime) -> Move:
    charge = attempt.charge
    if charge.void_requested:
        step, state, wait = Step.VOIDED, State.VOIDED, None
    else:
        may_repeat = not answer.hard and charge.state is not State.REVIEW
        wait = schedule.retry_after(charge.attempts) if may_repeat else None
        step, state = (Step.GAVE_UP, State.UNPAID) if wait is None else (Step.DECLINED, State.DUE)
    return Move(
        attempt=attempt,
        step=step,
        state=state,
        next_at=None if wait is None else now + wait,
        outcome=Outcome.DECLINED,
        code=answer.code,
    )


def _not_received(attempt: Attempt, schedule: Schedule, now: datetime) -> Move | Known:
    charge = attempt.charge
    if charge.state is not State.IN_DOUBT:
        return _not_known(attempt, Outcome.UNKNOWN, schedule, now)
    if charge.void_requested and attempt.outcome is Outcome.NOT_RECEIVED:
        return Move(attempt=attempt, step=Step.VOIDED, state=State.VOIDED, outcome=Outcome.NOT_RECEIVED)
    if charge.void_requested or schedule.ask_after(charge.asked) is None:
        return _not_known(attempt, Outcome.NOT_RECEIVED, schedule, now)
    return Move(
        attempt=attempt,
        step=Step.NOT_RECEIVED,
        state=State.DUE,
        next_at=now,
        same_attempt=True,
        outcome=Outcome.NOT_RECEIVED,
    )


def _not_known(attempt: Attempt, outcome: Outcome, schedule: Schedule, now: datetime) -> Move | Known:
    """No news: what the rail had accepted stays accepted, the rest stays or becomes a doubt."""
    charge = attempt.charge
    wait = schedule.ask_after(charge.asked)
    if charge.state is State.REVIEW:
        return Known(attempt=attempt)
    if charge.state is State.SENT:
        next_at = now if wait is None else now + wait
        return Move(
            attempt=attempt, step=Step.LOST_SIGHT, state=State.IN_DOUBT, next_at=next_at, outcome=outcome
        )
    if wait is None:
        return _asked_enough(attempt, outcome, now)
    kept = None if charge.state is State.ACCEPTED else outcome
    return Move(attempt=attempt, step=None, state=charge.state, next_at=now + wait, outcome=kept)


def _asked_enough(attempt: Attempt, outcome: Outcome, now: datetime) -> Move:
    """The schedule is used up: one last question for what was accepted, a person for a doubt."""
    if attempt.charge.state is State.IN_DOUBT:
        return Move(
            attempt=attempt, step=Step.ESCALATED, state=State.REVIEW, outcome=outcome, code="asked_in_vain"
        )
    return Move(attempt=attempt, step=Step.LOST_SIGHT, state=State.IN_DOUBT, next_at=now, outcome=outcome)
