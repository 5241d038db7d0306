"""A garage and a simulated city: grants, charges, reports, results that come early, late, twice or never."""

from __future__ import annotations

import asyncio
import json
import socket
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from gateways.hangzhou.client import open_client
from gateways.hangzhou.codes import city_time
from gateways.hangzhou.envelope import seal
from gateways.hangzhou.simulator.city import Driver
from gateways.hangzhou.simulator.keys import key_pair
from gateways.mqtt.options import Received
from gateways.pictures.store import place_of
from gateways.rails.simulator.faults import Fault, Profile
from parking.decision import Reason, Verdict
from parking.errors import Unavailable
from parking.event import Kind
from parking.ids import EventId, session_id_of
from parking.plate import Colour, Plate
from settlement.books.corrections import BilledStay
from settlement.books.migrate import owner_connection
from settlement.correction import Correction
from tests.gateways.hangzhou_city import ACCESS_ID, CODE
from tests.gateways.hangzhou_town import EAST, CityTown, city_town
from tests.scenarios.test_gates import moment
from tests.scenarios.town import TARIFFS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DRIVERS = {
    "浙A00001": Driver(limit_fen=5_000, script="sim:none"),
    "浙A00002": Driver(limit_fen=5_000, script="sim:notice-before-answer"),
    "浙A00003": Driver(limit_fen=5_000, script="sim:accepted+no-notice"),
    "浙A00004": Driver(limit_fen=5_000, script="sim:accepted+duplicate-notices"),
    "浙A00005": Driver(limit_fen=5_000, script="sim:accepted+wrong-amount-notice"),
    "浙A00006": Driver(limit_fen=5_000, script="sim:decline-hard"),
    "浙A00007": Driver(limit_fen=5_000, script="sim:error-after-capture"),
    "浙A00008": Driver(limit_fen=1_000, script="sim:none"),
}
STRANGER = "浙A99999"
FEE_FEN = 1_200
"""80 minutes by the town's price list."""


@pytest_asyncio.fixture
async def on(tmp_path: Path, postgres_dsn: str, valkey_url: str) -> AsyncIterator[CityTown]:
    async with city_town(tmp_path, postgres_dsn, valkey_url, drivers=DRIVERS) as on:
        on.town.clock.moment = moment("07:00")
        await on.reporter.sweep()
        await on.report()
        yield on


async def comes_in(on: CityTown, plate: str, at: str = "08:00") -> None:
    """It is reported, and the city says what it thinks of its driver."""
    said = len(on.broker.passed)
    answer = await on.passes(Kind.ENTRY, plate, moment(at))
    assert answer.decision.verdict is Verdict.OPEN
    await on.report()
    await on.heard(said + 1)


async def leaves_first(on: CityTown, plate: str, at: str = "09:20") -> None:
    answer = await on.passes(Kind.EXIT, plate, moment(at))
    assert (answer.decision.verdict, answer.decision.reason) == (Verdict.OPEN, Reason.GRANTED)
    assert answer.decision.amount_fen == FEE_FEN
    await on.report()
    on.town.clock.moment = moment(at) + timedelta(minutes=20)


async def test_a_car_leaves_first_on_the_citys_word_and_is_charged_through_it(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    assert await on.charges() == [("due", "hangzhou", FEE_FEN)]
    assert await on.collect() == 1
    await on.until("paid")
    (movement,) = await on.city.movements()
    assert (movement.amount_fen, movement.order_key) == (FEE_FEN, f"{CODE}120260302080000")
    assert await on.town.violations() == []
    assert (await on.town.balances())["receivable:east"] == 0

    await on.report()
    (came,), (left,) = await on.city.messages("uploadCarInData"), await on.city.messages("uploadCarOutData")
    (paid,) = await on.city.messages("uploadPayRecord")
    assert came["uid"] == left["uid"] == paid["uid"] == movement.order_key
    assert (came["arriveTime"], left["endTime"]) == ("2026-03-02 08:00:00", "2026-03-02 09:20:00")
    assert (came["totalBerthNum"], came["freeBerthNum"], left["freeBerthNum"]) == (100, 99, 100)
    assert (came["entryNum"], left["outNum"]) == ("1", "2")
    assert (left["chargeFee"], left["shouldPay"]) == (FEE_FEN, FEE_FEN)
    assert (paid["actualPay"], paid["payType"], paid["billWay"]) == (FEE_FEN, 101, 1)
    assert paid["billID"] == movement.attempt_key
    assert [await on.report(), await on.items()] == [0, []]


async def test_a_result_that_comes_before_the_answer_is_booked(on: CityTown) -> None:
    await comes_in(on, "浙A00002")
    await leaves_first(on, "浙A00002")
    assert await on.collect() == 1
    assert await on.charges() == [("paid", "hangzhou", FEE_FEN)]
    assert await on.town.violations() == []


async def test_a_result_that_is_lost_is_asked_for(on: CityTown) -> None:
    await comes_in(on, "浙A00003")
    await leaves_first(on, "浙A00003")
    assert await on.collect() == 1
    assert await on.charges() == [("accepted", "hangzhou", FEE_FEN)]
    await asked_until(on, "paid")
    assert len(await on.city.movements()) == 1


async def asked_until(on: CityTown, state: str) -> None:
    """Ask whenever it is time to, until it is known."""
    for _ in range(50):
        on.town.clock.moment += timedelta(minutes=10)
        await asyncio.sleep(0.05)
        await on.ask()
        if {one for one, _, _ in await on.charges()} == {state}:
            return
    raise AssertionError(f"the charges never were {state}")


async def test_a_result_that_comes_three_times_is_one_payment(on: CityTown) -> None:
    await comes_in(on, "浙A00004")
    await leaves_first(on, "浙A00004")
    said = len(on.broker.passed)
    await on.collect()
    await on.heard(said + 3)
    await on.broker.again()
    assert await on.charges() == [("paid", "hangzhou", FEE_FEN)]
    assert await on.items() == []
    assert await on.town.violations() == []


async def test_a_result_with_another_amount_is_asked_about_and_not_booked(on: CityTown) -> None:
    await comes_in(on, "浙A00005")
    await leaves_first(on, "浙A00005")
    await on.collect()
    await on.until("in_doubt")
    await on.ask()
    assert await on.charges() == [("paid", "hangzhou", FEE_FEN)]
    assert await on.town.violations() == []


async def test_an_error_after_the_city_took_the_charge_charges_nobody_twice(on: CityTown) -> None:
    await comes_in(on, "浙A00007")
    await leaves_first(on, "浙A00007")
    await on.collect()
    await asked_until(on, "paid")
    assert len(await on.city.movements()) == 1


async def test_what_the_city_declines_is_owed_by_the_plate(on: CityTown) -> None:
    await comes_in(on, "浙A00006")
    await leaves_first(on, "浙A00006")
    await on.collect()
    assert await on.charges() == [("unpaid", "hangzhou", FEE_FEN)]
    plate = Plate(number="浙A00006", colour=Colour.BLUE)
    (known,) = await on.town.granter._books.known([plate], on.town.clock.now())  # noqa: SLF001 - what it sees
    assert [bill.amount_fen for bill in known.plate_bills] == [FEE_FEN]


async def test_a_fee_beyond_what_the_city_vouches_for_is_paid_at_the_exit(on: CityTown) -> None:
    await comes_in(on, "浙A00008")
    answer = await on.passes(Kind.EXIT, "浙A00008", moment("09:20"))
    assert (answer.decision.verdict, answer.decision.limit_fen) == (Verdict.HOLD, 1_000)


async def test_whom_the_city_does_not_know_has_no_grant(on: CityTown) -> None:
    await comes_in(on, STRANGER)
    answer = await on.passes(Kind.EXIT, STRANGER, moment("09:20"))
    assert answer.decision.verdict is Verdict.HOLD


async def test_the_city_takes_its_word_back(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await say(on, "departurePayInfo", grant_for("浙A00001", noSense=0))
    answer = await on.passes(Kind.EXIT, "浙A00001", moment("09:20"))
    assert answer.decision.verdict is Verdict.HOLD


async def test_the_same_word_within_a_minute_is_one_and_a_voucher_is_for_one_stay(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await on.broker.again()
    assert await on.town.pool.fetchval("SELECT count(*) FROM voucher") == 1
    await leaves_first(on, "浙A00001")
    on.broker.deaf = True
    await comes_in(on, "浙A00001", "10:00")
    answer = await on.passes(Kind.EXIT, "浙A00001", moment("11:20"))
    assert answer.decision.verdict is Verdict.HOLD


async def test_whoever_vouches_pays_although_the_driver_is_known_here(on: CityTown) -> None:
    account_id = await on.town.register("浙A00001", limit_fen=100)
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    assert await on.charges() == [("due", "hangzhou", FEE_FEN)]
    assert await on.town.pool.fetchval("SELECT account_id FROM bill") is None
    assert account_id is not None


async def test_the_drivers_own_standing_comes_first_where_it_reaches_as_far(on: CityTown) -> None:
    await on.town.register("浙A00001", limit_fen=5_000)
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    assert await on.charges() == [("due", "simulator", FEE_FEN)]


async def test_a_forged_message_and_one_about_others_do_nothing(on: CityTown, tmp_path: Path) -> None:
    await comes_in(on, STRANGER)
    forger = tmp_path / "forger"
    forger.mkdir()
    for fields, signer in (
        (grant_for(STRANGER), forger),
        (grant_for(STRANGER) | {"parkingCode": "330102000009"}, tmp_path),
        (grant_for(STRANGER) | {"moneyLimit": -1}, tmp_path),
        (grant_for("?" * 20), tmp_path),
    ):
        await say(on, "departurePayInfo", fields, signer)
    orders = on.broker.orders
    assert orders is not None
    await say(on, "payResult", {"billID": "\x00", "payStatus": 1}, tmp_path)
    await say(on, "fee", {"plateNo": "\x00", "plateColor": 1, "parkingCode": CODE}, tmp_path)
    for payload in (b"", b"null", b"[" * 9_000, b'{"requestId": "1", "cipher": "A", "sign": "A"}'):
        topic = f"hzcity/v2/departurePayInfo/{ACCESS_ID}/{CODE}"
        await orders.take([Received(topic=topic, payload=payload, retained=False, properties={})])
    assert await on.town.pool.fetchval("SELECT count(*) FROM voucher WHERE limit_fen > 0") == 0
    assert len(await on.city.messages("confirmDeparturePayInfo")) == 1


async def test_a_payment_of_an_unknown_bill_waits_for_a_person(on: CityTown) -> None:
    result = {
        "plateNo": STRANGER,
        "billID": "somebody-elses",
        "shouldPay": 500,
        "payStatus": 1,
        "actualPay": 500,
        "dealTime": city_time(moment("08:00")),
        "orderCode": "o1",
    }
    for _ in range(2):
        await say(on, "payResult", result)
    ((cause, details),) = await on.items()
    assert cause == "unknown_payment"
    told = json.loads(str(details))["told"]
    assert {name: told[name] for name in result} == result
    assert len(await on.city.messages("confirmPayResult")) == 2


async def test_the_city_is_told_what_a_car_would_have_to_pay(on: CityTown) -> None:
    await comes_in(on, STRANGER)
    on.town.clock.moment = moment("09:20")
    await on.city.ask_fee(STRANGER)
    await say(on, "fee", {"plateNo": "浙A12121", "plateColor": 1, "parkingCode": CODE})
    (told,) = await on.told("uploadFee")
    assert (told["uid"], told["shouldPay"], told["endTime"]) == (
        f"{CODE}120260302080000",
        FEE_FEN,
        "2026-03-02 09:20:00",
    )


async def test_grants_that_were_missed_are_asked_for_when_the_line_is_back(on: CityTown) -> None:
    on.broker.deaf = True
    await comes_in(on, "浙A00001")
    on.broker.deaf = False
    await on.liaison.line_is_back()
    await on.liaison.catch_up()
    assert on.liaison.missed == set()
    (state,) = await on.city.messages("uploadParkingState")
    assert (state["totalBerthNum"], state["freeBerthNum"]) == (100, 99)
    await leaves_first(on, "浙A00001")


async def test_a_car_that_turns_back_is_not_charged_and_the_city_is_told(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    await on.passes(Kind.TURN_BACK, "浙A00001", moment("09:25"))
    await on.report()
    (abnormal,) = await on.city.messages("uploadAbnormalBill")
    assert (abnormal["reason"], abnormal["uid"]) == ("turned back", f"{CODE}120260302080000")
    on.town.clock.moment = moment("09:50")
    assert await on.collect() == 0
    answer = await on.passes(Kind.EXIT, "浙A00001", moment("10:20"))
    assert answer.decision.reason is Reason.GRANTED
    await on.report()
    on.town.clock.moment = moment("11:00")
    assert await on.collect() == 1
    await asked_until_paid(on, 2_000)
    assert [line.amount_fen for line in await on.city.movements()] == [2_000]
    assert len(await on.city.messages("uploadCarOutData")) == 2
    assert await on.town.violations() == []


async def asked_until_paid(on: CityTown, amount_fen: int) -> None:
    """The charge that stands; the other one was taken back."""
    for _ in range(50):
        if ("paid", "hangzhou", amount_fen) in await on.charges():
            return
        on.town.clock.moment += timedelta(minutes=10)
        await asyncio.sleep(0.05)
        await on.ask()
    raise AssertionError("it was never paid")


async def corrected(on: CityTown, *, left_at: str, plate: str = "") -> None:
    """A person finds out when the only car left, and perhaps which it was."""
    session_id = session_id_of(EAST, EventId("e1"))
    stay = BilledStay(
        garage_id=EAST,
        entered_at=moment("08:00"),
        session_id=session_id,
        exit_within=timedelta(minutes=15),
    )
    correction = Correction(
        correction_id="k1",
        plate=Plate(number=plate, colour=Colour.BLUE) if plate else None,
        left_at=moment(left_at),
        reason="seen on the picture",
        corrected_by="Li",
    )
    await on.town.corrections.correct(stay, correction, TARIFFS, on.town.clock.now())
    await on.report()
    on.town.clock.moment += timedelta(minutes=20)


async def test_a_bill_that_is_corrected_before_it_is_paid_is_still_paid_by_the_city(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    await corrected(on, left_at="09:00")
    assert await on.charges() == [("voided", "hangzhou", FEE_FEN), ("due", "hangzhou", 800)]
    assert await on.collect() == 1
    await asked_until_paid(on, 800)
    assert [line.amount_fen for line in await on.city.movements()] == [800]
    assert await on.town.violations() == []


async def test_a_corrected_bill_is_not_asked_of_the_city_where_it_never_spoke_for_that_plate(
    on: CityTown,
) -> None:
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    await corrected(on, left_at="09:00", plate=STRANGER)
    assert await on.charges() == [("voided", "hangzhou", FEE_FEN), ("unassigned", None, 800)]


async def test_a_corrected_bill_waits_while_the_city_may_have_taken_the_first(on: CityTown) -> None:
    await comes_in(on, "浙A00003")
    await leaves_first(on, "浙A00003")
    assert await on.collect() == 1
    await corrected(on, left_at="09:00")
    states = [(state, amount) for state, _, amount in await on.charges()]
    assert states == [("accepted", FEE_FEN), ("unassigned", 800)]
    assert await on.town.violations() == []


async def test_two_cars_of_one_lane_and_second_are_two_visits_at_the_city(on: CityTown) -> None:
    for number in range(3):
        at = moment("08:00") + timedelta(milliseconds=300 * number)
        await on.passes(Kind.ENTRY, f"浙B0000{number}", at)
    assert await on.report() == 3
    uids = [one["uid"] for one in await on.city.messages("uploadCarInData")]
    assert uids == [f"{CODE}1202603020800{second:02}" for second in range(3)]
    times = {one["arriveTime"] for one in await on.city.messages("uploadCarInData")}
    assert times == {"2026-03-02 08:00:00"}


async def test_a_city_that_is_away_gets_everything_later_in_order_and_once(on: CityTown) -> None:
    sender = on.sender
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with open_client(replace(on.city.connection, url=url)) as away:
            on.sender = replace(sender, client=away)
            await on.passes(Kind.ENTRY, STRANGER, moment("08:00"))
            await on.passes(Kind.EXIT, STRANGER, moment("08:10"))
            assert await on.report() == 0
    assert list(sender.rests) == [EAST]
    assert await on.town.pool.fetchval("SELECT count(*) FROM outgoing_report") == 2
    sender.rests.clear()
    on.sender = sender
    assert await on.report() == 2
    assert len(await on.city.messages("uploadCarInData")) == 1
    (left,) = await on.city.messages("uploadCarOutData")
    assert left["shouldPay"] == 0


async def test_what_the_city_refuses_again_and_again_waits_for_a_person(
    on: CityTown, postgres_dsn: str
) -> None:
    await on.passes(Kind.ENTRY, STRANGER, moment("08:00"))
    await on.reporter.step()
    async with owner_connection(postgres_dsn) as owner:
        await owner.execute("UPDATE outgoing_report SET body = '{}'")
    await on.passes(Kind.ENTRY, "浙A00001", moment("08:01"))
    for _ in range(8):
        assert await on.items() == []
        assert await on.report() == 0
        for rest in on.sender.rests.values():
            rest.until_s = 0
    ((cause, _),) = await on.items()
    assert cause == "report_refused"
    assert await on.report() == 1


async def test_the_day_is_compared_and_agrees(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    await on.collect()
    await on.until("paid")
    await on.report()
    on.town.clock.moment = moment("09:00") + timedelta(days=1)
    await on.reporter.sweep()
    await on.report()
    checks = {one["accountDate"]: one for one in await on.city.messages("checkDailyBill")}
    assert (checks["2026-03-02"]["billNum"], checks["2026-03-02"]["payTotal"]) == (1, FEE_FEN)
    assert on.sender.rests == {}
    await on.reporter.sweep()
    assert await on.report() == 0


async def test_what_is_over_and_old_is_forgotten(on: CityTown) -> None:
    await comes_in(on, "浙A00001")
    await on.passes(Kind.EXIT, "浙A00001", moment("08:10"))
    await comes_in(on, STRANGER, "08:20")
    await on.report()
    on.town.clock.moment = moment("08:00") + timedelta(days=70)
    await on.reporter.sweep()
    rows = await on.town.pool.fetch("SELECT is_open FROM reported_visit")
    assert [row["is_open"] for row in rows] == [True]


def grant_for(plate: str, **changed: object) -> dict[str, object]:
    return {
        "plateNo": plate,
        "plateColor": 1,
        "parkingCode": CODE,
        "noSense": 1,
        "departurePay": 1,
        "moneyLimit": 5_000,
    } | changed


async def say(on: CityTown, word: str, fields: dict[str, object], signer: Path | None = None) -> None:
    """The city, or whose keys are in ``signer``, sends a message."""
    key = on.platform if signer is None else key_pair(signer, "platform")
    envelope = seal(json.dumps(fields).encode(), key)
    payload = {
        "requestId": f"said-{len(on.broker.passed)}",
        "cipher": envelope.cipher,
        "sign": envelope.sign,
        "timestamp": 1,
    }
    await on.broker.publish(f"/hzcity/v2/{word}/{ACCESS_ID}/{CODE}", json.dumps(payload).encode())


async def test_a_charge_through_the_city_without_its_word_is_found(on: CityTown, postgres_dsn: str) -> None:
    await comes_in(on, "浙A00001")
    await leaves_first(on, "浙A00001")
    assert await on.town.violations() == []
    async with owner_connection(postgres_dsn) as owner:
        await owner.execute("UPDATE voucher SET limit_fen = 1")
    (violation,) = await on.town.violations()
    assert violation.startswith("charges_are_of_their_bill")


async def test_reports_survive_a_city_that_fails_before_and_after_taking_them(
    tmp_path: Path, postgres_dsn: str, valkey_url: str
) -> None:
    faults = Profile(rates={Fault.ERROR_BEFORE_CAPTURE: 0.5, Fault.ERROR_AFTER_CAPTURE: 0.5})
    async with city_town(tmp_path, postgres_dsn, valkey_url, drivers={}, profile=faults) as on:
        on.town.clock.moment = moment("07:00")
        await on.reporter.sweep()
        for number in range(12):
            await on.passes(Kind.ENTRY, f"浙B000{number:02}", moment("08:00") + timedelta(seconds=5 * number))
        refused = 0
        while await on.report() or on.sender.rests:
            refused += 1
            for rest in on.sender.rests.values():
                rest.until_s = 0
        came = await on.city.messages("uploadCarInData")
        assert await on.items() == []
    assert refused > 1
    assert [one["plateNo"] for one in came] == [f"浙B000{number:02}" for number in range(12)]


async def test_a_cars_pictures_go_with_its_passages(on: CityTown, tmp_path: Path) -> None:
    entry, large, gone = (f"{number:064x}.jpg" for number in range(3))
    for name, picture in ((entry, b"\xff\xd8\xff" + bytes(1000)), (large, bytes(512 * 1024 + 1))):
        path = tmp_path / "pictures" / place_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture)
    await on.passes(Kind.ENTRY, STRANGER, moment("08:00"), image=entry)
    await on.passes(Kind.EXIT, STRANGER, moment("08:05"), image=large)
    await on.passes(Kind.ENTRY, "浙B00001", moment("08:06"), image=gone)
    await on.passes(Kind.ENTRY, "浙B00002", moment("08:07"), image="../../secret")
    await on.report()
    (photo,) = await on.city.messages("uploadPhoto")
    assert (photo["uid"], photo["type"], photo["name"]) == (f"{CODE}120260302080000", 1, entry)
    assert on.sender.rests == {}


async def test_heartbeats_end_at_the_first_that_does_not_get_through(on: CityTown) -> None:
    await on.liaison.beat()
    assert [one["parkingCode"] for one in await on.city.messages("uploadHeartbeat")] == [CODE]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        async with open_client(replace(on.city.connection, url=url)) as away:
            on.liaison.client = away
            await on.liaison.line_is_back()
            with pytest.raises(Unavailable):
                await on.liaison.beat()
    assert on.liaison.missed == {EAST}
