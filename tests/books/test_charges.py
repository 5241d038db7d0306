"""Charges in real books: taking, moving, and what may not happen twice."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from parking.errors import Defect
from settlement.books.pool import connection
from settlement.charge import Direction, Known, Move, State, Step, charge_id_of
from settlement.next_move import next_move
from settlement.notices import Notice, Receipt, take_notices
from settlement.outcomes import Answered, book_answers
from settlement.rail import Accepted, Declined, NotReceived, Paid, Unknown
from settlement.retry import STANDARD, Schedule
from tests.books.charging import NOON, RAIL, ChargeBooks, open_books

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from settlement.charge import Attempt
    from settlement.rail import Answer

LEASE = timedelta(minutes=2)
LATER = NOON + timedelta(minutes=1)
PAID = Paid(rail_reference="r-1", amount_fen=1000, paid_at=NOON)
SOFT = Declined(code="no_funds", hard=False)
HARD = Declined(code="agreement_ended", hard=True)
UNKNOWN = Unknown(detail="cut")


@pytest_asyncio.fixture
async def books(postgres_dsn: str) -> AsyncIterator[ChargeBooks]:
    async with open_books(postgres_dsn) as opened:
        yield opened


async def claim(books: ChargeBooks, *, claimed_max: int = 100, minutes: int = 0) -> list[Attempt]:
    now = NOON + timedelta(minutes=minutes)
    return await books.charges.claim(RAIL, now=now, claimed_max=claimed_max, lease=LEASE)


async def ask(books: ChargeBooks, *, minutes: int, with_sent: bool = True) -> list[Attempt]:
    return await books.charges.claim_questions(
        RAIL,
        now=NOON + timedelta(minutes=minutes),
        claimed_max=100,
        lease=LEASE,
        with_sent=with_sent,
        in_hand=(),
    )


async def book(books: ChargeBooks, *answers: tuple[Attempt, Answer]) -> list[object]:
    answered = [Answered(attempt=attempt, answer=answer) for attempt, answer in answers]
    return [*await book_answers(answered, books=books.charges, schedule=STANDARD, now=LATER)]


async def test_a_claim_saves_a_key_that_every_rail_accepts(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    assert attempt.charge.charge_id == charge_id
    assert (attempt.charge.state, attempt.number, attempt.charge.next_at) == (State.SENT, 1, NOON + LEASE)
    assert attempt.key == charge_id.hex[:28] + "0001"
    assert [row["attempt_key"] for row in await books.attempts()] == [attempt.key]


async def test_what_is_not_due_yet_or_belongs_to_another_rail_is_left(books: ChargeBooks) -> None:
    await books.add(2, due_at=LATER)
    await books.add(2, first=10, rail="other")
    assert await claim(books) == []
    assert len(await claim(books, minutes=1)) == 2


async def test_the_longest_due_come_first_and_only_as_many_as_asked_for(books: ChargeBooks) -> None:
    await books.add(3, first=1)
    early = await books.add(2, first=10, due_at=NOON - LEASE)
    assert {one.charge.charge_id for one in await claim(books, claimed_max=2)} == set(early)


async def test_claims_at_once_share_the_charges_without_overlap(books: ChargeBooks) -> None:
    await books.add(200)
    async with asyncio.TaskGroup() as tasks:
        claims = [tasks.create_task(claim(books, claimed_max=40)) for _ in range(6)]
    taken = [one.charge.charge_id for task in claims for one in task.result()]
    assert len(taken) == len(set(taken)) == 200


async def test_the_constraint_refuses_a_step_off_the_table(books: ChargeBooks) -> None:
    await books.add()
    with pytest.raises(Defect, match="charge_transition"):
        async with connection(books.pool) as held:
            await held.execute("UPDATE charge SET previous_state = state, state = 'paid', next_at = NULL")


async def test_a_payment_moves_the_charge_the_attempt_and_the_ledger(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    (decision,) = await book(books, (attempt, PAID))
    assert isinstance(decision, Move)
    (row,) = await books.attempts()
    assert (row["outcome"], row["rail_reference"], row["answered_at"]) == ("paid", "r-1", LATER)
    assert await books.states() == {"paid": 1}
    assert await books.balances() == {"rail_clearing": 1000, "garage_payable": -1000}


async def test_an_outcome_any_number_of_times_books_once(books: ChargeBooks) -> None:
    await books.add(5)
    answers = [(attempt, PAID) for attempt in await claim(books)]
    await book(books, *answers, *answers)
    again = await book(books, *answers)
    assert all(isinstance(one, Known) for one in again)
    assert await books.balances() == {"rail_clearing": 5000, "garage_payable": -5000}


async def test_the_same_outcomes_posted_by_several_at_once_book_once(books: ChargeBooks) -> None:
    await books.add(100)
    answers = [(attempt, PAID) for attempt in await claim(books)]
    async with asyncio.TaskGroup() as tasks:
        for turn in range(6):
            tasks.create_task(book(books, *(answers if turn % 2 else answers[::-1])))
    assert await books.states() == {"paid": 100}
    assert await books.balances() == {"rail_clearing": 100_000, "garage_payable": -100_000}


async def test_a_posting_with_two_moves_of_one_charge_is_refused(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    move = next_move(attempt, PAID, STANDARD, NOON)
    assert isinstance(move, Move)
    with pytest.raises(Defect):
        await books.charges.post_moves([move, move], NOON)


async def test_outcomes_of_every_kind_go_in_one_posting(books: ChargeBooks) -> None:
    await books.add(6)
    answers: list[Answer] = [PAID, SOFT, HARD, UNKNOWN, Accepted(rail_reference="r"), PAID]
    await book(books, *zip(await claim(books), answers, strict=True))
    assert await books.states() == {"paid": 2, "due": 1, "unpaid": 1, "in_doubt": 1, "accepted": 1}
    assert (await books.balances())["receivable"] == 4000


async def test_a_soft_decline_is_tried_again_under_a_new_key_when_its_time_has_come(
    books: ChargeBooks,
) -> None:
    await books.add()
    (first,) = await claim(books)
    await book(books, (first, SOFT))
    assert await claim(books, minutes=100) == []
    (second,) = await claim(books, minutes=121)
    assert (first.number, second.number) == (1, 2)
    assert first.key != second.key


async def test_what_the_rail_never_saw_is_sent_again_under_the_same_key(books: ChargeBooks) -> None:
    await books.add()
    (first,) = await claim(books)
    await book(books, (first, UNKNOWN))
    (question,) = await ask(books, minutes=3)
    assert (question.key, question.charge.asked) == (first.key, 1)
    await book(books, (question, NotReceived()))
    (again,) = await claim(books, minutes=3)
    assert (again.key, again.number, again.charge.asked) == (first.key, 1, 1)
    await book(books, (again, PAID))
    assert [row["outcome"] for row in await books.attempts()] == ["paid"]


async def test_a_sender_that_died_leaves_a_question_and_no_second_charge(books: ChargeBooks) -> None:
    await books.add()
    (lost,) = await claim(books)
    assert await ask(books, minutes=1) == []
    assert await ask(books, minutes=3, with_sent=False) == []
    assert await claim(books, minutes=3) == []
    (question,) = await ask(books, minutes=3)
    assert (question.key, question.charge.state) == (lost.key, State.IN_DOUBT)
    await book(books, (question, PAID))
    assert await books.states() == {"paid": 1}
    assert len(await books.attempts()) == 1


async def test_an_answer_from_a_sender_taken_for_dead_still_counts(books: ChargeBooks) -> None:
    await books.add()
    (slow,) = await claim(books)
    (question,) = await ask(books, minutes=3)
    await book(books, (slow, PAID))
    assert await books.states() == {"paid": 1}
    assert isinstance((await book(books, (question, UNKNOWN)))[0], Known)


async def test_in_hand_is_not_asked_about(books: ChargeBooks) -> None:
    mine, _ = await books.add(2)
    await claim(books)
    asked = await books.charges.claim_questions(
        RAIL, now=NOON + LEASE, claimed_max=9, lease=LEASE, with_sent=True, in_hand=[mine]
    )
    assert len(asked) == 1
    assert asked[0].charge.charge_id != mine


async def test_a_bill_credited_under_way_and_paid_after_all_is_given_back(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    await books.credit(charge_id)
    assert await books.balances() == {}
    await book(books, (attempt, PAID))
    assert await books.balances() == {"rail_clearing": 1000, "refund_payable": -1000}
    (refund,) = await claim(books, minutes=1)
    assert refund.charge.direction is Direction.REFUND
    assert refund.charge.bill_id == attempt.charge.bill_id
    assert refund.charge.charge_id == charge_id_of(attempt.charge.bill_id, Direction.REFUND)
    assert refund.key != attempt.key
    await book(books, (refund, PAID))
    assert await books.states() == {"paid": 2}
    assert await books.balances() == {}
    charges = await books.charges.charges_of(refund.charge.partition, [refund.charge.bill_id])
    assert [one.direction for one in charges] == [Direction.COLLECT, Direction.REFUND]


async def test_a_bill_credited_under_way_and_declined_is_voided(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    await books.credit(charge_id)
    await book(books, (attempt, SOFT))
    row = (await books.rows())[charge_id]
    assert (row["state"], row["last_step"]) == (State.VOIDED, Step.VOIDED)
    assert await books.balances() == {}


async def test_a_notice_before_the_answer_books_and_the_answer_is_known(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    notice = Notice(rail=RAIL, direction=Direction.COLLECT, attempt_key=attempt.key, answer=PAID)
    assert await notices(books, notice, notice) == [Receipt.BOOKED, Receipt.KNOWN]
    assert isinstance((await book(books, (attempt, PAID)))[0], Known)
    assert await notices(books, notice) == [Receipt.KNOWN]
    assert await books.balances() == {"rail_clearing": 1000, "garage_payable": -1000}


async def test_a_notice_about_somebody_elses_attempt_is_not_ours(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    strangers = [
        Notice(rail=RAIL, direction=Direction.COLLECT, attempt_key="never", answer=PAID),
        Notice(rail="other", direction=Direction.COLLECT, attempt_key=attempt.key, answer=PAID),
        Notice(rail=RAIL, direction=Direction.REFUND, attempt_key=attempt.key, answer=PAID),
    ]
    assert await notices(books, *strangers) == [Receipt.NOT_OURS] * 3
    assert await books.states() == {"sent": 1}


async def test_a_payment_that_cannot_be_goes_to_a_person_once(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    await book(books, (attempt, HARD))
    notice = Notice(rail=RAIL, direction=Direction.COLLECT, attempt_key=attempt.key, answer=PAID)
    assert await notices(books, notice, notice) == [Receipt.CONTRADICTED] * 2
    assert await notices(books, notice) == [Receipt.CONTRADICTED]
    assert await books.contradictions() == ["paid_while_unpaid"]
    assert await books.states() == {"unpaid": 1}
    async with connection(books.pool) as held:
        details = json.loads(await held.fetchval("SELECT details FROM quarantine"))
    assert (details["reported_fen"], details["rail_reference"]) == (1000, "r-1")


async def test_another_amount_than_ordered_is_never_taken_for_a_payment(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    short = Paid(rail_reference="r-1", amount_fen=999, paid_at=NOON)
    await book(books, (attempt, short))
    (question,) = await ask(books, minutes=1)
    await book(books, (question, short))
    assert await books.states() == {"review": 1}
    assert await books.balances() == {"receivable": 1000, "garage_payable": -1000}


async def test_summaries_count_by_rail_and_state(books: ChargeBooks) -> None:
    await books.add(3)
    await books.add(1, first=10, rail="other")
    (first, second, _) = await claim(books)
    await book(books, (first, PAID), (second, UNKNOWN))
    counted = {(one.rail, one.state): one.charges for one in await books.charges.open_summary()}
    assert counted == {(RAIL, State.SENT): 1, (RAIL, State.IN_DOUBT): 1, ("other", State.DUE): 1}
    everything = {(one.rail, one.state): one for one in await books.charges.total_summary()}
    assert everything[RAIL, State.PAID].amount_fen == 1000
    assert everything[RAIL, State.IN_DOUBT].oldest_moved_at == LATER
    assert everything[RAIL, State.PAID].next_at is None
    doubted_at = everything[RAIL, State.IN_DOUBT].next_at
    assert doubted_at is not None
    assert doubted_at > LATER


async def test_the_application_cannot_change_the_ledger(books: ChargeBooks) -> None:
    await books.add()
    for statement in ("UPDATE ledger_entry SET amount_fen = 1", "DELETE FROM ledger_entry"):
        async with books.pool.acquire() as held:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await held.execute(statement)


async def notices(books: ChargeBooks, *taken: Notice) -> list[Receipt]:
    return await take_notices(taken, books=books.charges, schedule=STANDARD, now=LATER)


async def test_a_charge_that_asking_did_not_end_is_on_a_persons_list(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    schedule = Schedule(retries=(), questions=(timedelta(seconds=1),))
    await book_answers(
        [Answered(attempt=attempt, answer=UNKNOWN)], books=books.charges, schedule=schedule, now=NOON
    )
    (asked,) = await ask(books, minutes=5)
    await book_answers(
        [Answered(attempt=asked, answer=UNKNOWN)], books=books.charges, schedule=schedule, now=LATER
    )
    assert await books.states() == {"review": 1}
    assert await listed(books) == [(f"charge:{charge_id}", "charge_review", attempt.key)]


async def test_a_refund_that_its_rail_will_not_pay_is_on_a_persons_list(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    await books.credit(charge_id)
    await book(books, (attempt, PAID))
    (refund,) = await claim(books, minutes=2)
    assert refund.charge.direction is Direction.REFUND
    assert await listed(books) == []
    await book(books, (refund, HARD))
    assert await listed(books) == [(f"refund:{refund.charge.charge_id}", "refund_unpaid", refund.key)]


async def listed(books: ChargeBooks) -> list[tuple[str, str, str]]:
    async with connection(books.pool) as held:
        rows = await held.fetch("SELECT item_id, cause, details FROM quarantine")
    return [(row["item_id"], row["cause"], json.loads(row["details"])["attempt_key"]) for row in rows]


async def never_seen(books: ChargeBooks, *, minutes: int) -> Attempt:
    """Asked once more, the rail has not seen it; the attempt as it is then."""
    (asked,) = await ask(books, minutes=minutes)
    await book(books, (asked, NotReceived()))
    return (await books.charges.attempts_by_key([asked.key]))[asked.key]


async def test_a_payment_after_it_was_never_seen_is_booked_and_not_sent_again(books: ChargeBooks) -> None:
    await books.add()
    (attempt,) = await claim(books)
    await book(books, (attempt, UNKNOWN))
    waiting = await never_seen(books, minutes=5)
    assert waiting.charge.state is State.DUE
    await book(books, (waiting, PAID))
    assert await books.states() == {"paid": 1}
    assert await claim(books, minutes=60) == []
    assert await books.balances() == {"garage_payable": -1000, "rail_clearing": 1000}


async def test_a_payment_after_the_charge_was_voided_as_never_seen_is_given_back(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    await book(books, (attempt, UNKNOWN))
    await books.credit(charge_id)
    assert (await never_seen(books, minutes=5)).charge.state is State.IN_DOUBT
    voided = await never_seen(books, minutes=60)
    assert voided.charge.state is State.VOIDED
    await book(books, (voided, PAID), (voided, PAID))
    assert await books.states() == {"paid": 1, "due": 1}
    assert await books.balances() == {"rail_clearing": 1000, "refund_payable": -1000}
    assert await books.contradictions() == []


async def test_an_attempt_that_is_sent_again_has_an_open_outcome(books: ChargeBooks) -> None:
    (charge_id,) = await books.add()
    (attempt,) = await claim(books)
    await book(books, (attempt, UNKNOWN))
    await never_seen(books, minutes=5)
    (again,) = await claim(books, minutes=10)
    assert (again.key, again.outcome) == (attempt.key, None)
    await books.credit(charge_id)
    assert (await never_seen(books, minutes=60)).charge.state is State.IN_DOUBT
