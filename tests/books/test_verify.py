"""Verification: a day with everything in it is clean, and whatever is tampered with is found and named."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio

from parking.benefits import Benefits
from parking.decision import Reason
from parking.ids import AccountId
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.charges import Charges
from settlement.books.migrate import owner_connection
from settlement.books.months import drop_archive
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.prepayments import Prepayment, Prepayments
from settlement.books.statements import sql
from settlement.books.verifying import CHECKS, PostgresVerifiableBooks
from settlement.charge import Direction
from settlement.outcomes import Answered, book_answers
from settlement.rail import Paid, Unknown
from settlement.retry import STANDARD
from settlement.review import Resolution
from settlement.verify import Capture, Verification, verify
from tests.books.records import MORNING, TARIFFS, Car, FixedTariffs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    import asyncpg

    from parking.journal import Record
    from settlement.books.pool import Pool

RAIL = "sim"
DRIVER = AccountId(UUID(int=1))
NOW = MORNING + timedelta(days=1)
LEASE = timedelta(minutes=1)
FEE_FEN = 1_600
ORDER = UUID(int=77).hex

REFUND_OUT_OF_NOTHING = """
INSERT INTO charge
SELECT partition, gen_random_uuid(), 'refund', garage_id, bill_id, session_id, account_id, rail, agreement,
       amount_fen, 'due', 'none', 'raised', 0, 0, false, false, NULL, raised_at, raised_at, moved_at
FROM charge AS paid
WHERE state = 'paid' AND NOT EXISTS (SELECT FROM charge WHERE bill_id = paid.bill_id AND direction = 'refund')
"""
SECOND_ATTEMPT_AFTER_A_DOUBT = """
WITH again AS (UPDATE charge SET attempts = 2 WHERE state = 'in_doubt' RETURNING *)
INSERT INTO charge_attempt SELECT partition, charge_id, 2, 'k' || charge_id, now() FROM again
"""
GIVEN_BACK_THOUGH_USED = """
INSERT INTO prepayment_refund
SELECT partition, prepayment_id, garage_id, session_id, amount_fen, method, 'desk', received_at
FROM prepayment
"""
ENTRY_BETWEEN = """
INSERT INTO ledger_entry
SELECT partition, now(), gen_random_uuid(), 1, '{}', '{}:west', '{}:west', 7, garage_id, bill_id
FROM bill
LIMIT 1
"""
ENTRY_OF_ANOTHER_BILL = """
UPDATE ledger_entry SET bill_id = (SELECT min(bill_id::text)::uuid FROM bill WHERE amount_fen = 0)
WHERE kind = 'charge_paid'
"""
ANOTHER_PROOF = """
UPDATE bill SET proof = split_part(proof, ',', 1) || ',"lines":[]}' WHERE amount_fen > 0
"""
UNKNOWN_AND_PAID = """
INSERT INTO unknown_benefits (partition, session_id, version, entered_at, noted_at)
SELECT partition, session_id, 1, raised_at, raised_at FROM charge
WHERE direction = 'collect' AND state = 'paid' LIMIT 1
"""
RESOLVED = """
UPDATE quarantine
SET state = 'resolved', resolution = '{}', resolved_by = 'x', resolved_at = now(),
    note = 'session ' || gen_random_uuid()
"""


class Day:
    """A day's books, and what the rail has on its side."""

    def __init__(self, pool: Pool, owner: asyncpg.Connection) -> None:
        self.pool = pool
        self.owner = owner
        self.captures: list[Capture] = []

    async def play(self) -> None:
        driver = NewAccount(
            account_id=DRIVER,
            holder="driver",
            limit_fen=10_000,
            exposure_limit_fen=100_000,
            agreements=(Agreement(rail=RAIL, reference="ref"),),
        )
        await Accounts(self.pool).open([driver], MORNING)
        paid, refunded, doubtful = (Car(name, account_id=DRIVER) for name in ("a", "b", "c"))
        for car in (paid, refunded):
            await self.post(car.enters(), car.leaves())
        await self.collect()
        await self.post(refunded.turns_back())
        await self.collect()
        await self.post(refunded.leaves(timedelta(hours=3)), doubtful.enters(), doubtful.leaves())
        await self.lose_sight()
        await self.post(doubtful.turns_back())
        voided, free, lost, nobody = Car("d", account_id=DRIVER), Car("e"), Car("f"), Car("g")
        await self.post(voided.enters(), voided.leaves(), voided.turns_back())
        await self.post(free.enters(), free.leaves(timedelta(minutes=5), reason=Reason.FREE))
        await self.post(lost.enters(), lost.enters_again(timedelta(hours=4)), Car("h").is_not_known())
        await self.prepay(nobody)
        await self.post(nobody.enters(), nobody.leaves(reason=Reason.EVERYONE))
        exempt = Car("i", benefits=Benefits(exempt="fire brigade"))
        await self.post(exempt.enters(), exempt.leaves(reason=Reason.EXEMPT))

    async def post(self, *records: Record) -> None:
        await PostgresRecordBooks(self.pool).post(records, TARIFFS, NOW)

    async def prepay(self, car: Car, *, fen: int = 600, at: datetime = NOW) -> None:
        car.prepaid_fen = fen
        prepayment = Prepayment(
            prepayment_id=f"p-{car.name}",
            garage_id=car.garage_id,
            session_id=car.session.session_id,
            amount_fen=fen,
            method="cash",
            taken_by="kiosk-1",
        )
        await Prepayments(self.pool, partition_count=64).take(prepayment, at)

    async def collect(self) -> None:
        """The rail takes, or gives back, everything that is due."""
        charges = Charges(self.pool)
        attempts = await charges.claim(RAIL, now=NOW, claimed_max=100, lease=LEASE)
        answers = []
        for attempt in attempts:
            charge = attempt.charge
            reference, amount_fen = f"r-{attempt.key}", charge.amount_fen
            paid = Paid(rail_reference=reference, amount_fen=amount_fen, paid_at=NOW)
            answers.append(Answered(attempt=attempt, answer=paid))
            capture = Capture(
                direction=charge.direction,
                order_key=charge.bill_id.hex,
                attempt_key=attempt.key,
                amount_fen=amount_fen,
            )
            self.captures.append(capture)
        assert await book_answers(answers, books=charges, schedule=STANDARD, now=NOW)

    async def lose_sight(self) -> None:
        charges = Charges(self.pool)
        attempts = await charges.claim(RAIL, now=NOW, claimed_max=100, lease=LEASE)
        answers = [Answered(attempt=attempt, answer=Unknown(detail="cut")) for attempt in attempts]
        await book_answers(answers, books=charges, schedule=STANDARD, now=NOW)

    async def verified(self) -> Verification:
        return await verify(PostgresVerifiableBooks(self.pool), FixedTariffs(), self.read_rail)

    async def read_rail(self) -> dict[str, list[Capture]]:
        return {RAIL: list(self.captures)}

    async def broken(self) -> set[str]:
        return {violation.check for violation in (await self.verified()).violations}


@pytest_asyncio.fixture
async def day(postgres_dsn: str) -> AsyncIterator[Day]:
    async with (
        open_pool(postgres_dsn, size=2, application_name="test") as pool,
        owner_connection(postgres_dsn) as owner,
    ):
        day = Day(pool, owner)
        await day.play()
        yield day


async def test_a_day_with_everything_in_it_is_clean(day: Day) -> None:
    found = await day.verified()
    assert found.violations == ()


async def test_a_day_whose_archive_was_dropped_is_clean(day: Day) -> None:
    assert await day.owner.fetchval("SELECT count(*) FROM gate_event") > 0
    later = MORNING.replace(year=MORNING.year + 2)
    assert await drop_archive(day.owner, later, months_kept=13) is not None
    assert await day.owner.fetchval("SELECT count(*) FROM gate_event") == 0
    found = await day.verified()
    assert found.violations == ()
    assert (found.clean, found.imbalance_fen, found.double_charged) == (True, 0, 0)
    states = {row["state"] for row in await day.owner.fetch("SELECT DISTINCT state FROM charge")}
    assert states == {"paid", "voided", "in_doubt", "unassigned"}


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("DELETE FROM ledger_entry WHERE kind = 'bill_raised' AND amount_fen = 2400", "bills_are_posted"),
        ("DELETE FROM ledger_entry WHERE kind = 'prepayment_used'", "balances_match_entries"),
        ("DELETE FROM ledger_entry WHERE kind = 'charge_paid'", "charges_are_posted"),
        ("DELETE FROM ledger_entry WHERE line = 1", "entries_complete"),
        (
            "UPDATE ledger_entry SET amount_fen = amount_fen # 1 WHERE kind = 'refund_paid'",
            "charges_are_posted",
        ),
        (
            "UPDATE ledger_entry SET credit_account = 'gate_cash:west' WHERE kind = 'bill_raised'",
            "bills_are_posted",
        ),
        (
            "UPDATE ledger_account SET credit_fen = credit_fen + 1 WHERE account LIKE 'rec%'",
            "accounts_balance",
        ),
        ("DELETE FROM ledger_account WHERE account LIKE 'rail%'", "balances_match_entries"),
        ("DELETE FROM prepayment", "control_prepayment"),
        ("UPDATE bill SET amount_fen = amount_fen # 4 WHERE amount_fen > 0", "bills_are_proven"),
        ("UPDATE bill SET left_at = left_at + interval '1 s' WHERE kind = 'bill'", "closed_has_bill"),
        ("DELETE FROM bill WHERE amount_fen = 0", "closed_has_bill"),
        ("DELETE FROM bill WHERE amount_fen > 0", "entries_have_a_cause"),
        ("DELETE FROM bill WHERE kind = 'credit_note'", "one_live_bill"),
        ("DELETE FROM bill WHERE kind = 'credit_note'", "credited_charges_end"),
        ("DELETE FROM session WHERE state = 'closed'", "only_closed_has_bill"),
        ("DELETE FROM charge WHERE state = 'unassigned'", "bills_are_charged"),
        ("UPDATE charge SET amount_fen = amount_fen + 1 WHERE state = 'unassigned'", "bills_are_charged"),
        ("UPDATE charge SET amount_fen = amount_fen + 1 WHERE state = 'paid'", "control_receivable"),
        ("UPDATE charge SET amount_fen = amount_fen + 1 WHERE state = 'paid'", "control_rail_clearing"),
        ("UPDATE charge SET amount_fen = amount_fen + 1 WHERE state = 'paid'", "rail_amounts_differ"),
        ("UPDATE charge_attempt SET outcome = 'unknown' WHERE outcome = 'paid'", "paid_once"),
        ("UPDATE charge SET attempts = 0 WHERE state = 'paid'", "transitions_allowed"),
        ("UPDATE gate_event SET event_id = 'a-0' WHERE event_id = 'a-1'", "events_archived_once"),
        ("DELETE FROM quarantine WHERE item_id LIKE 'event:%'", "quarantined_has_item"),
        ("DELETE FROM quarantine WHERE item_id LIKE 'session:%'", "lost_sight_has_item"),
        (REFUND_OUT_OF_NOTHING, "refunds_have_a_cause"),
        ("UPDATE charge SET amount_fen = 1 WHERE direction = 'refund'", "refunds_have_a_cause"),
        (
            "UPDATE charge SET account_id = gen_random_uuid() WHERE state = 'paid'",
            "charges_are_of_their_bill",
        ),
        ("DELETE FROM agreement", "charges_are_of_their_bill"),
        (SECOND_ATTEMPT_AFTER_A_DOUBT, "attempts_follow_declines"),
        (
            ENTRY_BETWEEN.format("bill_raised", "prepayment", "garage_payable"),
            "entries_between_right_accounts",
        ),
        (
            ENTRY_BETWEEN.format("prepayment_released", "prepayment", "refund_payable"),
            "entries_between_right_accounts",
        ),
        (ENTRY_OF_ANOTHER_BILL, "entries_between_right_accounts"),
        (
            "UPDATE ledger_entry SET debit_account = 'rail_clearing:west/other' WHERE kind = 'charge_paid'",
            "entries_between_right_accounts",
        ),
        ("UPDATE prepayment SET session_id = gen_random_uuid()", "prepaid_was_received"),
        ("UPDATE prepayment SET amount_fen = 1", "prepaid_was_received"),
        (GIVEN_BACK_THOUGH_USED, "prepaid_was_received"),
        (GIVEN_BACK_THOUGH_USED, "control_prepayment"),
        ("DELETE FROM gate_event WHERE kind = 'exit' AND result = 'applied'", "sessions_have_their_events"),
        ("DELETE FROM gate_event WHERE kind = 'entry'", "sessions_have_their_events"),
        ("UPDATE bill SET account_id = gen_random_uuid() WHERE kind = 'bill'", "bill_is_of_its_session"),
        ("UPDATE bill SET number = 'X1'", "bill_is_of_its_session"),
        ("UPDATE bill SET account_id = NULL WHERE kind = 'credit_note'", "one_live_bill"),
        (ANOTHER_PROOF, "bills_priced_again"),
        ("UPDATE bill SET entered_at = entered_at - interval '1 h'", "bills_priced_again"),
        ("UPDATE bill SET tariff_version_id = 'x'", "bills_priced_again"),
        ("UPDATE bill SET colour = 'pink'", "bills_priced_again"),
        ("UPDATE bill SET benefits = '' WHERE benefits <> ''", "bills_priced_again"),
        ("UPDATE bill SET benefits = 'x' WHERE amount_fen > 0", "bills_priced_again"),
        (UNKNOWN_AND_PAID, "unknown_benefits_are_not_charged"),
        (RESOLVED.format("x"), "resolved_items_are_settled"),
        (RESOLVED.format("match"), "resolved_items_are_settled"),
    ],
)
async def test_tampering_is_found_and_named(day: Day, tampering: str, check: str) -> None:
    assert await day.owner.execute(tampering) not in {"DELETE 0", "UPDATE 0", "INSERT 0 0"}
    assert check in await day.broken()


async def test_an_order_captured_twice_is_found(day: Day) -> None:
    day.captures.append(replace(day.captures[0], attempt_key="another"))
    found = await day.verified()
    assert found.double_charged == 1
    assert [violation.check for violation in found.violations] == ["captured_twice"]


async def test_a_capture_that_is_not_paid_here_is_found(day: Day) -> None:
    stranger = Capture(direction=Direction.COLLECT, order_key=ORDER, attempt_key="x", amount_fen=1)
    voided = await day.owner.fetchval("SELECT bill_id FROM charge WHERE state = 'voided'")
    late = Capture(direction=Direction.COLLECT, order_key=voided.hex, attempt_key="y", amount_fen=FEE_FEN)
    day.captures += [stranger, late]
    found = await day.verified()
    assert {(violation.check, violation.item_id) for violation in found.violations} == {
        ("captured_not_paid_here", ORDER),
        ("captured_not_paid_here", voided.hex),
    }


async def test_a_payment_that_the_rail_does_not_know_is_found(day: Day) -> None:
    removed = day.captures.pop(0)
    found = await day.verified()
    assert [(violation.check, violation.item_id) for violation in found.violations] == [
        ("paid_here_not_captured", removed.order_key)
    ]


async def test_a_capture_whose_outcome_is_still_open_here_is_no_violation(day: Day) -> None:
    doubtful = await day.owner.fetchrow(
        "SELECT bill_id, amount_fen FROM charge WHERE state = 'in_doubt' LIMIT 1"
    )
    assert doubtful is not None
    capture = Capture(
        direction=Direction.COLLECT,
        order_key=doubtful["bill_id"].hex,
        attempt_key="z",
        amount_fen=doubtful["amount_fen"],
    )
    day.captures.append(capture)
    assert await day.broken() == set()


async def test_what_the_rail_had_not_received_and_has_now_is_no_violation(day: Day) -> None:
    doubtful = await day.owner.fetchrow(
        "SELECT * FROM charge WHERE state = 'in_doubt' AND NOT void_requested"
    )
    assert doubtful is not None
    await day.owner.execute(
        "UPDATE charge SET previous_state = 'in_doubt', last_step = 'not_received', state = 'due',"
        " same_attempt = true WHERE charge_id = $1",
        doubtful["charge_id"],
    )
    order_key, amount_fen = doubtful["bill_id"].hex, doubtful["amount_fen"]
    day.captures.append(
        Capture(direction=Direction.COLLECT, order_key=order_key, attempt_key="z", amount_fen=amount_fen)
    )
    assert await day.broken() == set()


async def test_what_is_paid_while_the_rail_is_read_is_no_violation(day: Day) -> None:
    """The rail's books are read before ours; the payment falls in between."""
    readings = iter([day.captures[1:], day.captures])

    async def read_rail() -> dict[str, list[Capture]]:
        return {RAIL: next(readings)}

    found = await verify(PostgresVerifiableBooks(day.pool), FixedTariffs(), read_rail)
    assert found.violations == ()


async def test_a_stay_paid_inside_may_be_charged_up_to_the_payment(day: Day) -> None:
    car, paid_after = Car("paid", prepaid_fen=800), timedelta(minutes=50)
    await day.prepay(car, fen=800, at=car.entered_at + paid_after)
    entry, exit_ = car.enters(), car.leaves(timedelta(minutes=65))
    assert exit_.session is not None
    session = replace(
        exit_.session, prepaid_at=car.entered_at + paid_after, prepaid_until=car.entered_at + 2 * paid_after
    )
    decision = replace(exit_.decision, amount_fen=800)
    await day.post(entry, replace(exit_, session=session, decision=decision))
    assert await day.broken() == set()
    await day.owner.execute("UPDATE prepayment SET received_at = received_at + interval '11 min'")
    assert await day.broken() == {"bills_priced_again"}


async def test_a_rail_that_was_not_compared_is_named(day: Day) -> None:
    async def read_nothing() -> dict[str, list[Capture]]:
        return {}

    found = await verify(PostgresVerifiableBooks(day.pool), FixedTariffs(), read_nothing)
    paid = await day.owner.fetchval("SELECT count(*) FROM charge WHERE state = 'paid'")
    assert (found.clean, found.not_compared) == (True, {RAIL: paid})
    assert paid > 0
    assert (await day.verified()).not_compared == {}


@pytest.mark.parametrize("check", CHECKS)
async def test_a_check_looks_nothing_up_row_by_row(day: Day, check: str) -> None:
    """On large tables a lookup a row takes hours; attempts are few a charge and found by their key."""
    await day.owner.execute("SET enable_nestloop = off")
    plan = await day.owner.fetch(f"EXPLAIN {sql(f'verify/{check}')}")
    subplans = [row[0] for row in plan if "SubPlan" in row[0]]
    assert check == "transitions_allowed" or subplans == []


@pytest.mark.parametrize("resolution", Resolution)
async def test_every_way_to_resolve_an_item_is_known(day: Day, resolution: Resolution) -> None:
    await day.owner.execute(
        "UPDATE quarantine SET state = 'resolved', resolution = $1, resolved_by = 'x', resolved_at = now(),"
        " note = 'session ' || (SELECT session_id FROM session LIMIT 1)",
        resolution,
    )
    assert await day.broken() == set()
