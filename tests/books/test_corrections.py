"""A bill that was wrong is credited and another takes its place, whatever has become of its charge."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio

from gateways.policy_file import POLICY_TEXTS
from parking.benefits import Benefits
from parking.coupon import Coupon, CouponKind
from parking.decision import Reason
from parking.errors import Conflict, InvalidInput, LeaveFirstError, NotFound
from parking.ids import bill_id_of
from parking.plate import Colour, Plate
from settlement.books.accounts import Accounts
from settlement.books.corrections import BilledStay, Corrected, Corrections
from settlement.books.debts import Debts, DisputeEnd
from settlement.books.granting import PostgresGrantBooks
from settlement.books.migrate import owner_connection
from settlement.books.policies import Policies
from settlement.books.prepayments import Prepayment, PrepaymentRefund, Prepayments
from settlement.books.review import Reviews
from settlement.correction import Correction
from settlement.rail import Declined, Unknown
from tests.books.billing import EVENING, Office, account_of, open_office
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Sequence
    from datetime import datetime

RIGHT = "浙A0000B"
HOUR = timedelta(hours=1)
TWO_HOURS_FEN, THREE_HOURS_FEN = 1_600, 2_400


@pytest_asyncio.fixture
async def office(postgres_dsn: str) -> AsyncIterator[Office]:
    async with open_office(postgres_dsn) as opened:
        await opened.register(1, "浙A0000A")
        await opened.register(2, RIGHT)
        yield opened


async def billed_car(office: Office) -> Car:
    """Driver 1 stays two hours."""
    car = Car("a", account_id=account_of(1))
    await office.post(car.enters(), car.leaves())
    return car


async def correct(  # noqa: PLR0913 - the parts of a correction
    office: Office,
    car: Car,
    key: str = "k1",
    *,
    plate: str | None = None,
    colour: Colour = Colour.BLUE,
    entered_at: datetime | None = None,
    left_at: datetime | None = None,
    reason: str = "seen on the picture",
) -> Corrected:
    correction = Correction(
        correction_id=key,
        plate=Plate(number=plate, colour=colour) if plate else None,
        entered_at=entered_at,
        left_at=left_at,
        reason=reason,
        corrected_by="ann",
    )
    stay = BilledStay(
        garage_id=car.garage_id,
        entered_at=car.entered_at,
        session_id=car.session.session_id,
        exit_within=timedelta(minutes=15),
    )
    books = Corrections(office.pool, partition_count=64)
    return await books.correct(stay, correction, TARIFFS, office.now)


async def test_the_plate_of_a_paid_bill_is_corrected_and_its_driver_made_whole(office: Office) -> None:
    car = await billed_car(office)
    await office.collect()
    made = await correct(office, car, plate=RIGHT)
    assert (made.amount_fen, made.was_account_id, made.account_id) == (1_600, account_of(1), account_of(2))
    assert await office.billed() == [
        ("bill", 0, "浙A0000A", 1_600),
        ("credit_note", 0, "浙A0000A", 1_600),
        ("bill", 1, RIGHT, 1_600),
    ]
    await office.collect()
    assert await office.charged() == [
        ("collect", "paid", 1_600, "r1"),
        ("collect", "paid", 1_600, "r2"),
        ("refund", "paid", 1_600, "r1"),
    ]
    assert await office.balances() == {"rail_clearing": 1_600, "garage_payable": -1_600}
    assert await office.violations() == ()


async def test_a_corrected_plate_is_billed_to_who_had_it_when_the_car_left(office: Office) -> None:
    car = await billed_car(office)
    accounts, plate = Accounts(office.pool), Plate(number=RIGHT, colour=Colour.BLUE)
    sold_at = MORNING + 3 * HOUR
    await accounts.unbind(account_of(2), plate, sold_at)
    await office.register(3, "浙A0000C")
    await accounts.bind(account_of(3), plate, sold_at)
    made = await correct(office, car, plate=RIGHT)
    assert made.account_id == account_of(2)
    assert await office.violations() == ()


async def test_a_corrected_bill_is_priced_with_what_the_stay_was_given(office: Office) -> None:
    half_off = Coupon(coupon_id="c1", kind=CouponKind.PERCENT, percent=50)
    car = Car("a", account_id=account_of(1), benefits=Benefits(coupons=(half_off,)))
    await office.post(car.enters(), car.leaves())
    made = await correct(office, car, left_at=MORNING + 3 * HOUR)
    assert await office.billed() == [
        ("bill", 0, "浙A0000A", TWO_HOURS_FEN // 2),
        ("credit_note", 0, "浙A0000A", TWO_HOURS_FEN // 2),
        ("bill", 1, "浙A0000A", THREE_HOURS_FEN // 2),
    ]
    assert made.amount_fen == THREE_HOURS_FEN // 2
    kept = await office.pool.fetch("SELECT DISTINCT benefits FROM bill")
    assert [row["benefits"] for row in kept] == ['{"k":[["c1","percent",{"percent":50}]]}']
    assert await office.violations() == ()


async def test_who_corrected_what_and_why_is_recorded(office: Office) -> None:
    car = await billed_car(office)
    await correct(office, car, left_at=MORNING + HOUR)
    (row,) = await office.pool.fetch("SELECT * FROM correction")
    assert (row["corrected_by"], row["reason"], row["corrected_at"]) == (
        "ann",
        "seen on the picture",
        EVENING,
    )
    assert (row["stay_from"], row["left_at"]) == (MORNING, MORNING + HOUR)


@pytest.mark.parametrize(
    ("entered", "left", "fee_fen"),
    [
        (None, 3 * HOUR, 2_400),
        (HOUR, None, 800),
        (-HOUR, None, 2_400),
        (HOUR, HOUR, 0),
        (-5 * HOUR, -4 * HOUR, 800),
    ],
)
async def test_corrected_times_are_priced_by_the_same_tariff(
    office: Office, entered: timedelta | None, left: timedelta | None, fee_fen: int
) -> None:
    car = await billed_car(office)
    made = await correct(
        office,
        car,
        entered_at=None if entered is None else MORNING + entered,
        left_at=None if left is None else MORNING + left,
    )
    assert made.amount_fen == fee_fen
    await office.collect()
    assert await office.taken_fen() == fee_fen
    assert await office.violations() == ()


async def test_a_fee_lowered_to_nothing_after_payment_goes_back_in_whole(office: Office) -> None:
    car = await billed_car(office)
    await office.collect()
    await correct(office, car, left_at=MORNING + timedelta(minutes=15))
    await office.collect()
    assert await office.charged() == [("collect", "paid", 1_600, "r1"), ("refund", "paid", 1_600, "r1")]
    assert await office.balances() == {}
    assert await office.violations() == ()


async def test_a_corrected_colour_finds_the_driver_of_that_colour(office: Office) -> None:
    green = await office.register(3, "浙A0000A", colour=Colour.GREEN)
    car = await billed_car(office)
    made = await correct(office, car, plate="浙A0000A", colour=Colour.GREEN)
    assert made.account_id == green
    await office.collect()
    assert await office.charged() == [("collect", "voided", 1_600, "r1"), ("collect", "paid", 1_600, "r3")]


async def test_a_plate_that_nobody_has_bound_is_charged_to_nobody(office: Office) -> None:
    car = await billed_car(office)
    made = await correct(office, car, plate="浙A0000C")
    assert made.account_id is None
    await office.collect()
    assert sorted(await office.charged(), key=str) == [
        ("collect", "unassigned", 1_600, None),
        ("collect", "voided", 1_600, "r1"),
    ]
    assert await office.violations() == ()


async def test_the_same_key_again_gives_the_same_answer_and_changes_nothing(office: Office) -> None:
    car = await billed_car(office)
    made = await correct(office, car, plate=RIGHT)
    again = await correct(office, car, plate=RIGHT)
    assert again.replayed
    assert (
        again.bill_id,
        again.credit_note_id,
        again.amount_fen,
        again.account_id,
        again.was_account_id,
    ) == (
        made.bill_id,
        made.credit_note_id,
        made.amount_fen,
        made.account_id,
        made.was_account_id,
    )
    await correct(office, car, "k2", left_at=MORNING + HOUR)
    assert (await correct(office, car, plate=RIGHT)).bill_id == made.bill_id
    assert len(await office.billed()) == 5


async def test_a_key_names_one_correction(office: Office) -> None:
    car = await billed_car(office)
    await correct(office, car, plate=RIGHT)
    for other in ({"plate": "浙A0000C"}, {"plate": RIGHT, "reason": "another"}, {"left_at": MORNING + HOUR}):
        with pytest.raises(Conflict, match="another correction"):
            await correct(office, car, **other)
    assert len(await office.billed()) == 3


async def test_the_same_correction_under_two_keys_is_made_once(office: Office) -> None:
    car = await billed_car(office)

    async def tried(key: str) -> bool:
        try:
            await correct(office, car, key, plate=RIGHT)
        except LeaveFirstError:
            return False
        return True

    async with asyncio.TaskGroup() as tasks:
        both = [tasks.create_task(tried(key)) for key in ("k1", "k2", "k3")]
    assert [one.result() for one in both].count(True) == 1
    with pytest.raises(Conflict, match="nothing to correct"):
        await correct(office, car, "k4", plate=RIGHT)
    await office.collect()
    assert await office.taken_fen() == TWO_HOURS_FEN
    assert await office.violations() == ()


async def test_a_correction_can_be_corrected_and_taken_back(office: Office) -> None:
    car = await billed_car(office)
    await office.collect()
    await correct(office, car, "k1", plate=RIGHT)
    await office.collect()
    await correct(office, car, "k2", left_at=MORNING + 3 * HOUR)
    await correct(office, car, "k3", plate="浙A0000A", left_at=MORNING + 2 * HOUR)
    await office.collect()
    assert [(kind, correction, fee) for kind, correction, _, fee in await office.billed()] == [
        ("bill", 0, 1_600),
        ("credit_note", 0, 1_600),
        ("bill", 1, 1_600),
        ("credit_note", 1, 1_600),
        ("bill", 2, 2_400),
        ("credit_note", 2, 2_400),
        ("bill", 3, 1_600),
    ]
    assert await office.taken_fen() == TWO_HOURS_FEN
    assert await office.violations() == ()


@pytest.mark.parametrize("taken", [True, False])
async def test_a_charge_in_doubt_is_collected_once_in_the_end(office: Office, *, taken: bool) -> None:
    car = await billed_car(office)
    attempts = await office.sent()
    await office.answered(attempts, Unknown(detail="cut"))
    await correct(office, car, plate=RIGHT)
    await office.collect()
    office.now += 2 * HOUR
    asked = await office.charges.claim_questions(
        "sim", now=office.now, claimed_max=9, lease=HOUR, with_sent=True, in_hand=()
    )
    assert [one.key for one in asked] == [one.key for one in attempts]
    await office.answered(asked, None if taken else Declined(code="no_funds", hard=False))
    await office.collect()
    assert await office.taken_fen() == TWO_HOURS_FEN
    assert await office.balances() == {"rail_clearing": 1_600, "garage_payable": -1_600}
    assert await office.violations() == ()


async def test_a_credited_bill_takes_no_room_of_its_drivers_limit_while_its_rail_is_asked(
    office: Office,
) -> None:
    car = await billed_car(office)
    await office.answered(await office.sent(), Unknown(detail="cut"))
    await correct(office, car, plate=RIGHT)
    policies = Policies(office.pool, POLICY_TEXTS)
    books = PostgresGrantBooks(office.pool, policies, partition_count=64, sources=())
    plates = [Plate(number=number, colour=Colour.BLUE) for number in ("浙A0000A", RIGHT)]
    exposures = [one.standing and one.standing.exposure_fen for one in await books.known(plates, office.now)]
    assert exposures == [0, TWO_HOURS_FEN]


async def test_a_car_that_turns_back_after_a_correction_owes_nothing_and_may_leave_again(
    office: Office,
) -> None:
    car = await billed_car(office)
    await correct(office, car, plate=RIGHT)
    await office.post(car.turns_back())
    assert await office.balances() == {}
    with pytest.raises(Conflict, match="inside"):
        await correct(office, car, "k2", plate="浙A0000A")
    await office.post(car.leaves(3 * HOUR))
    await correct(office, car, "k3", plate=RIGHT)
    await office.collect()
    assert await office.taken_fen() == THREE_HOURS_FEN
    assert await office.violations() == ()


async def correct_meanwhile(office: Office, acts: Sequence[tuple[Car, Awaitable[object]]]) -> None:
    """Each stay is corrected while something else is done about it."""

    async def corrects(car: Car) -> None:
        try:
            await correct(office, car, plate=RIGHT)
        except Conflict:
            return

    async def done(act: Awaitable[object]) -> None:
        await act

    async with asyncio.TaskGroup() as tasks:
        for car, act in acts:
            tasks.create_task(corrects(car))
            tasks.create_task(done(act))
    await office.collect()


async def test_an_undone_exit_and_a_correction_at_once_credit_the_bill_once(office: Office) -> None:
    cars = [Car(f"c{number}", account_id=account_of(1)) for number in range(8)]
    for car in cars:
        await office.post(car.enters(), car.leaves())
    await correct_meanwhile(office, [(car, office.post(car.turns_back())) for car in cars])
    assert await office.taken_fen() == 0
    assert await office.balances() == {}
    assert await office.violations() == ()


async def test_a_dispute_upheld_and_a_correction_at_once_credit_the_bill_once(office: Office) -> None:
    debts, acts = Debts(office.pool, partition_count=64), []
    for number in range(8):
        car = Car(f"c{number}", account_id=account_of(1))
        await office.post(car.enters(), car.leaves())
        bill_id = bill_id_of(car.session.session_id, 1)
        await debts.dispute(bill_id, by="ann", note="was not there", now=office.now)
        acts.append((car, debts.end_dispute(bill_id, DisputeEnd.UPHELD, by="ann", now=office.now)))
    await correct_meanwhile(office, acts)
    corrected = sum(kind == "bill" and correction == 1 for kind, correction, _, _ in await office.billed())
    assert await office.taken_fen() == corrected * TWO_HOURS_FEN
    assert await office.violations() == ()


def paid_inside(car: Car) -> Prepayment:
    return Prepayment(
        prepayment_id="p1",
        garage_id=car.garage_id,
        session_id=car.session.session_id,
        amount_fen=car.prepaid_fen,
        method="cash",
        taken_by="m1",
    )


async def test_what_was_paid_inside_counts_for_the_corrected_bill(office: Office) -> None:
    car = Car("a", account_id=account_of(1), prepaid_fen=1_000)
    await Prepayments(office.pool, partition_count=64).take(paid_inside(car), MORNING + HOUR)
    await office.post(car.enters(), car.leaves())
    lowered = await correct(office, car, "k1", left_at=MORNING + HOUR + timedelta(minutes=10))
    assert (lowered.amount_fen, lowered.prepaid_fen) == (800, 800)
    raised = await correct(office, car, "k2", left_at=MORNING + 3 * HOUR)
    assert (raised.amount_fen, raised.prepaid_fen) == (2_400, 1_000)
    await office.collect()
    assert await office.taken_fen() == 1_400
    assert await office.violations() == ()


async def test_what_was_given_back_does_not_count_for_the_corrected_bill(office: Office) -> None:
    car = Car("a", account_id=account_of(1), prepaid_fen=1_000)
    books = Prepayments(office.pool, partition_count=64)
    await books.take(paid_inside(car), MORNING + HOUR)
    await office.post(car.enters(), car.leaves())
    await correct(office, car, "k1", left_at=MORNING + HOUR + timedelta(minutes=10))
    refund = PrepaymentRefund(
        refund_id="r1",
        garage_id=car.garage_id,
        session_id=car.session.session_id,
        amount_fen=200,
        method="cash",
        given_by="desk",
    )
    evening = MORNING + 12 * HOUR
    assert await books.refund(refund, evening, over_until=evening)
    raised = await correct(office, car, "k2", left_at=MORNING + 3 * HOUR)
    assert (raised.amount_fen, raised.prepaid_fen) == (2_400, 800)
    await office.collect()
    assert await office.taken_fen() == 1_600
    assert await office.violations() == ()


async def test_what_a_correction_uses_of_a_payment_inside_waits_for_nobody_any_more(office: Office) -> None:
    car = Car("a", account_id=account_of(1), prepaid_fen=2_000)
    books, reviews = Prepayments(office.pool, partition_count=64), Reviews(office.pool)
    await books.take(paid_inside(car), MORNING + HOUR)
    await office.post(car.enters(), car.leaves(4 * HOUR))

    async def unused_fen() -> list[int]:
        await books.report_all_unused(office.now, paid_from=MORNING, over_until=office.now)
        items = await reviews.open_items(garage_id=None, cause="prepaid_unused", limit=9)
        return [item.details["amount_fen"] for item in items]

    unused = []
    for key, left in (("k1", 1), ("k2", 3), ("k3", 2), ("k4", 1)):
        await correct(office, car, key, left_at=MORNING + left * HOUR)
        unused.append(await unused_fen())
    await correct(office, car, "k5", entered_at=MORNING + timedelta(minutes=1))
    assert [*unused, await unused_fen()] == [[1_200], [], [400], [1_200], [1_200]]
    assert await office.violations() == ()


async def test_a_correction_settles_the_doubt_about_the_plate(office: Office) -> None:
    car = Car("a", account_id=account_of(1))
    await office.post(car.enters(), car.leaves(reason=Reason.LOW_CONFIDENCE))
    reviews = Reviews(office.pool)
    (item,) = await reviews.open_items(garage_id=None, cause=None, limit=9)
    await correct(office, car, plate=RIGHT)
    settled = await reviews.one(item.item_id)
    assert (settled.resolution, settled.resolved_by, settled.note) == (
        "correct",
        "ann",
        "seen on the picture",
    )
    await office.collect()
    assert ("collect", "paid", 1_600, "r2") in await office.charged()
    assert await office.violations() == ()


async def test_what_cannot_be_corrected_is_refused(office: Office) -> None:
    car = await billed_car(office)
    with pytest.raises(InvalidInput, match="before the entry"):
        await correct(office, car, left_at=MORNING - HOUR)
    with pytest.raises(InvalidInput, match="at least one"):
        await correct(office, car)
    with pytest.raises(InvalidInput, match="reason"):
        await correct(office, car, plate=RIGHT, reason=" ")
    with pytest.raises(Conflict, match="nothing to correct"):
        await correct(office, car, plate="浙A0000A", left_at=MORNING + 2 * HOUR)
    with pytest.raises(NotFound):
        await correct(office, Car("z"), plate=RIGHT)
    inside = Car("i")
    await office.post(inside.enters())
    with pytest.raises(Conflict, match="inside"):
        await correct(office, inside, plate=RIGHT)
    assert len(await office.billed()) == 1


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("DELETE FROM correction WHERE correction = 2", "corrections_are_booked"),
        ("UPDATE correction SET credits_bill_id = bill_id", "corrections_are_booked"),
        ("UPDATE correction SET number = '浙A99999' WHERE correction = 2", "bill_is_of_its_session"),
        ("UPDATE bill SET vehicle_class = 'large' WHERE correction = 2", "bill_is_of_its_session"),
        ("UPDATE bill SET correction = 3 WHERE correction = 2", "corrections_are_booked"),
        (
            "UPDATE bill SET stay_from = stay_from - interval '1 hour' WHERE correction = 2",
            "bills_priced_again",
        ),
        (
            "UPDATE bill SET number = '浙A99999' WHERE correction = 1 AND kind = 'credit_note'",
            "one_live_bill",
        ),
        ("DELETE FROM bill WHERE correction = 2", "closed_has_bill"),
    ],
)
async def test_verification_sees_through_corrections(
    office: Office, postgres_dsn: str, tampering: str, check: str
) -> None:
    car = await billed_car(office)
    await correct(office, car, "k1", plate=RIGHT)
    await correct(office, car, "k2", entered_at=MORNING + HOUR)
    assert await office.violations() == ()
    async with owner_connection(postgres_dsn) as owner:
        await owner.execute(tampering)
    assert check in {one.check for one in await office.violations()}


async def test_a_correction_is_written_once(office: Office) -> None:
    await correct(office, await billed_car(office), plate=RIGHT)
    for change in ("UPDATE correction SET reason = 'x'", "DELETE FROM correction"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await office.pool.execute(change)
