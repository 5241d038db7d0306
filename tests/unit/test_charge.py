"""A charge: its table, and what every answer of a rail does to it."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from uuid import UUID

import pytest

from parking.errors import Defect
from parking.ids import BillId, GarageId, Partition, SessionId
from settlement.charge import (
    TRANSITIONS,
    Attempt,
    Charge,
    Contradiction,
    Direction,
    Effect,
    Known,
    Move,
    Outcome,
    State,
    Step,
    charge_id_of,
)
from settlement.next_move import next_move
from settlement.rail import Accepted, Answer, Declined, NotReceived, Paid, Unknown
from settlement.retry import Schedule

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
SCHEDULE = Schedule(retries=(HOUR, DAY), questions=(MINUTE, HOUR, DAY))
BILL = BillId(UUID(int=7))
PAID = Paid(rail_reference="r-1", amount_fen=1000, paid_at=NOW)
WRONG = Paid(rail_reference="r-1", amount_fen=999, paid_at=NOW)
ACCEPTED = Accepted(rail_reference="r-1")
HARD = Declined(code="agreement_ended", hard=True)
SOFT = Declined(code="no_funds", hard=False)
UNKNOWN = Unknown(detail="cut")
NEVER_SEEN = NotReceived()
ANSWERS: tuple[Answer, ...] = (PAID, WRONG, ACCEPTED, HARD, SOFT, SOFT, UNKNOWN, UNKNOWN, NEVER_SEEN)
STAYS = None


def an_attempt(  # noqa: PLR0913 - each is one fact that a rule looks at
    state: State = State.SENT,
    *,
    direction: Direction = Direction.COLLECT,
    attempts: int = 1,
    number: int | None = None,
    asked: int = 0,
    outcome: Outcome | None = None,
    void: bool = False,
) -> Attempt:
    charge = Charge(
        partition=Partition(3),
        charge_id=charge_id_of(BILL, direction),
        direction=direction,
        garage_id=GarageId("g1"),
        bill_id=BILL,
        session_id=SessionId(UUID(int=8)),
        rail="sim",
        agreement="a",
        amount_fen=1000,
        raised_at=NOW,
        state=state,
        attempts=attempts,
        asked=asked,
        void_requested=void,
    )
    number = attempts if number is None else number
    return Attempt(charge=charge, number=number, key=f"k{number}", outcome=outcome)


def test_the_table_is_the_constraint_of_the_books() -> None:
    migration = files("settlement.books").joinpath("migrations", "0017_reopened_charges.sql").read_text()
    constraint = migration.split("ADD CONSTRAINT charge_transition", 1)[1].split(";", 1)[0]
    edges = re.findall(r"\('(\w+)', '(\w+)', '(\w+)'\)", constraint)
    assert {(before, step): after for before, step, after in edges} == TRANSITIONS
    assert len(edges) == len(TRANSITIONS)


def test_paid_is_the_end_and_voided_unless_the_money_had_moved() -> None:
    assert State.PAID not in {before for before, _ in TRANSITIONS}
    assert [step for before, step in TRANSITIONS if before is State.VOIDED] == [Step.PAID]


def test_a_move_off_the_table_cannot_be_built() -> None:
    with pytest.raises(Defect):
        Move(attempt=an_attempt(State.PAID), step=Step.PAID, state=State.PAID, outcome=Outcome.PAID)
    with pytest.raises(Defect):
        Move(attempt=an_attempt(State.IN_DOUBT), step=None, state=State.PAID, outcome=Outcome.PAID)


S, A, D, R = State.SENT, State.ACCEPTED, State.IN_DOUBT, State.REVIEW


@pytest.mark.parametrize(
    ("state", "answer", "step", "reached", "wait"),
    [
        (S, PAID, Step.PAID, State.PAID, None),
        (S, ACCEPTED, Step.ACCEPTED, A, MINUTE),
        (S, HARD, Step.GAVE_UP, State.UNPAID, None),
        (S, SOFT, Step.DECLINED, State.DUE, HOUR),
        (S, UNKNOWN, Step.LOST_SIGHT, D, MINUTE),
        (S, NEVER_SEEN, Step.LOST_SIGHT, D, MINUTE),
        (S, WRONG, Step.LOST_SIGHT, D, timedelta()),
        (A, PAID, Step.PAID, State.PAID, None),
        (A, ACCEPTED, STAYS, A, MINUTE),
        (A, HARD, Step.GAVE_UP, State.UNPAID, None),
        (A, SOFT, Step.DECLINED, State.DUE, HOUR),
        (A, UNKNOWN, STAYS, A, MINUTE),
        (A, NEVER_SEEN, STAYS, A, MINUTE),
        (A, WRONG, Step.LOST_SIGHT, D, timedelta()),
        (D, PAID, Step.PAID, State.PAID, None),
        (D, ACCEPTED, Step.ACCEPTED, A, MINUTE),
        (D, HARD, Step.GAVE_UP, State.UNPAID, None),
        (D, SOFT, Step.DECLINED, State.DUE, HOUR),
        (D, UNKNOWN, STAYS, D, MINUTE),
        (D, NEVER_SEEN, Step.NOT_RECEIVED, State.DUE, timedelta()),
        (D, WRONG, Step.ESCALATED, R, None),
        (R, PAID, Step.PAID, State.PAID, None),
        (R, HARD, Step.GAVE_UP, State.UNPAID, None),
        (R, SOFT, Step.GAVE_UP, State.UNPAID, None),
    ],
)
def test_what_an_answer_does(
    state: State, answer: Answer, step: Step | None, reached: State, wait: timedelta | None
) -> None:
    move = next_move(an_attempt(state), answer, SCHEDULE, NOW)
    assert isinstance(move, Move)
    assert (move.step, move.state) == (step, reached)
    assert move.next_at == (None if wait is None else NOW + wait)
    assert move.same_attempt is (step is Step.NOT_RECEIVED)
    assert (move.effect is Effect.CHARGE_PAID) is (reached is State.PAID)


@pytest.mark.parametrize("answer", [ACCEPTED, UNKNOWN, NEVER_SEEN])
def test_what_a_person_looks_at_is_not_moved_by_less_than_an_outcome(answer: Answer) -> None:
    assert isinstance(next_move(an_attempt(R), answer, SCHEDULE, NOW), Known)


def test_soft_declines_follow_the_schedule_and_end_as_a_debt() -> None:
    reached = [next_move(an_attempt(attempts=number), SOFT, SCHEDULE, NOW) for number in (1, 2, 3)]
    assert [(move.state, move.next_at) for move in reached if isinstance(move, Move)] == [
        (State.DUE, NOW + HOUR),
        (State.DUE, NOW + DAY),
        (State.UNPAID, None),
    ]


@pytest.mark.parametrize("answer", [UNKNOWN, NEVER_SEEN, ACCEPTED])
def test_a_doubt_that_asking_does_not_end_goes_to_a_person(answer: Answer) -> None:
    move = next_move(an_attempt(D, asked=3), answer, SCHEDULE, NOW)
    assert isinstance(move, Move)
    assert (move.step, move.state, move.code) == (Step.ESCALATED, R, "asked_in_vain")


def test_what_stays_accepted_for_ever_becomes_a_doubt_and_is_asked_about_once_more() -> None:
    move = next_move(an_attempt(A, asked=3), ACCEPTED, SCHEDULE, NOW)
    assert isinstance(move, Move)
    assert (move.step, move.next_at) == (Step.LOST_SIGHT, NOW)


@pytest.mark.parametrize(
    ("state", "answer", "reached", "effect"),
    [
        (S, PAID, State.PAID, Effect.CHARGE_PAID_AND_REFUND_OWED),
        (A, PAID, State.PAID, Effect.CHARGE_PAID_AND_REFUND_OWED),
        (D, PAID, State.PAID, Effect.CHARGE_PAID_AND_REFUND_OWED),
        (S, SOFT, State.VOIDED, Effect.NONE),
        (A, HARD, State.VOIDED, Effect.NONE),
        (D, SOFT, State.VOIDED, Effect.NONE),
        (D, NEVER_SEEN, D, Effect.NONE),
        (R, HARD, State.VOIDED, Effect.NONE),
        (S, UNKNOWN, D, Effect.NONE),
    ],
)
def test_a_credited_bill_ends_its_charge_as_soon_as_the_outcome_is_known(
    state: State, answer: Answer, reached: State, effect: Effect
) -> None:
    move = next_move(an_attempt(state, void=True), answer, SCHEDULE, NOW)
    assert isinstance(move, Move)
    assert (move.state, move.effect) == (reached, effect)


def test_a_credited_bills_charge_is_voided_when_it_was_never_seen_twice_running() -> None:
    once = next_move(an_attempt(D, void=True, outcome=Outcome.UNKNOWN), NEVER_SEEN, SCHEDULE, NOW)
    assert isinstance(once, Move)
    assert (once.step, once.state, once.outcome) == (None, D, Outcome.NOT_RECEIVED)
    twice = next_move(an_attempt(D, void=True, outcome=Outcome.NOT_RECEIVED), NEVER_SEEN, SCHEDULE, NOW)
    assert isinstance(twice, Move)
    assert twice.state is State.VOIDED


@pytest.mark.parametrize(
    ("state", "direction", "effect"),
    [
        (State.DUE, Direction.COLLECT, Effect.CHARGE_PAID),
        (State.VOIDED, Direction.COLLECT, Effect.CHARGE_PAID_AND_REFUND_OWED),
        (State.DUE, Direction.REFUND, Effect.REFUND_PAID),
    ],
)
def test_what_was_never_seen_and_then_paid_is_paid(
    state: State, direction: Direction, effect: Effect
) -> None:
    attempt = an_attempt(state, direction=direction, outcome=Outcome.NOT_RECEIVED)
    move = next_move(attempt, PAID, SCHEDULE, NOW)
    assert isinstance(move, Move)
    assert (move.state, move.effect, move.next_at) == (State.PAID, effect, None)


def test_a_paid_refund_is_booked_as_one() -> None:
    move = next_move(an_attempt(direction=Direction.REFUND), PAID, SCHEDULE, NOW)
    assert isinstance(move, Move)
    assert move.effect is Effect.REFUND_PAID


@pytest.mark.parametrize("answer", [PAID, ACCEPTED, UNKNOWN, NEVER_SEEN])
def test_a_late_answer_about_a_paid_attempt_is_known(answer: Answer) -> None:
    attempt = an_attempt(State.PAID, outcome=Outcome.PAID)
    assert isinstance(next_move(attempt, answer, SCHEDULE, NOW), Known)


@pytest.mark.parametrize("state", [State.DUE, State.SENT, State.UNPAID, State.VOIDED, State.PAID])
def test_a_decline_twice_is_known(state: State) -> None:
    attempt = an_attempt(state, attempts=2, number=1, outcome=Outcome.DECLINED)
    assert isinstance(next_move(attempt, SOFT, SCHEDULE, NOW), Known)


@pytest.mark.parametrize(
    ("attempt", "answer", "cause"),
    [
        (an_attempt(State.PAID, attempts=2, number=1, outcome=Outcome.DECLINED), PAID, "paid_twice"),
        (an_attempt(State.SENT, attempts=2, number=1, outcome=Outcome.DECLINED), PAID, "paid_while_sent"),
        (an_attempt(State.UNPAID, outcome=Outcome.DECLINED), PAID, "paid_while_unpaid"),
        (an_attempt(State.VOIDED, outcome=Outcome.DECLINED), PAID, "paid_while_voided"),
        (an_attempt(State.VOIDED, outcome=Outcome.NOT_RECEIVED), WRONG, "paid_while_voided"),
        (an_attempt(State.DUE, outcome=Outcome.DECLINED), PAID, "paid_while_due"),
        (an_attempt(State.DUE, outcome=Outcome.NOT_RECEIVED), WRONG, "paid_while_due"),
        (an_attempt(State.PAID, outcome=Outcome.PAID), WRONG, "paid_twice"),
        (an_attempt(State.PAID, outcome=Outcome.PAID), HARD, "declined_after_paid"),
        (an_attempt(R), WRONG, "amount_differs"),
    ],
)
def test_what_cannot_be_goes_to_a_person_and_moves_nothing(
    attempt: Attempt, answer: Answer, cause: str
) -> None:
    decision = next_move(attempt, answer, SCHEDULE, NOW)
    assert isinstance(decision, Contradiction)
    assert decision.cause == cause


@pytest.mark.parametrize("seed", range(200))
def test_whatever_a_rail_answers_a_new_attempt_follows_a_decline_only(seed: int) -> None:
    chance = random.Random(seed)
    attempt, declined = an_attempt(), 0
    for _ in range(60):
        answer = chance.choice(ANSWERS)
        move = next_move(attempt, answer, SCHEDULE, NOW)
        if not isinstance(move, Move):
            continue
        declined += isinstance(answer, Declined)
        assert (move.next_at is None) == (move.state not in {State.DUE, S, A, D})
        attempt = carried_out(attempt, move)
        assert attempt.number == declined + 1 or attempt.charge.state in {State.UNPAID, State.PAID, R}


def carried_out(attempt: Attempt, move: Move) -> Attempt:
    """As the books do it, with the claim that follows at once."""
    charge = replace(attempt.charge, state=move.state)
    attempt = replace(attempt, charge=charge, outcome=move.outcome or attempt.outcome)
    if move.state in {A, D}:
        return replace(attempt, charge=replace(charge, asked=charge.asked + 1))
    if move.state is not State.DUE:
        return attempt
    if move.same_attempt:
        return replace(attempt, charge=replace(charge, state=State.SENT))
    charge = replace(charge, state=State.SENT, attempts=charge.attempts + 1, asked=0)
    return Attempt(charge=charge, number=charge.attempts, key=f"k{charge.attempts}")
