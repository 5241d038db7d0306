"""The city's messages: names, codes, times, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateways.hangzhou.codes import city_time, colour_code, colour_from, moment_of, uid_of
from gateways.hangzhou.connection import OpenQuestions, load_connection
from gateways.hangzhou.heard import DeparturePayInfo, FeeQuestion, PayResult, read_message
from gateways.hangzhou.messages import CarOut
from gateways.hangzhou.rail import answer_of
from gateways.hangzhou.simulator.keys import key_pair
from parking.errors import InvalidInput
from parking.plate import Colour
from settlement.rail import Accepted, Declined, Paid, Unknown

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 10, 10, 4, 10, tzinfo=UTC)
GRANT = {
    "plateNo": "浙A12345",
    "plateColor": 1,
    "parkingCode": "330102000001",
    "noSense": 1,
    "departurePay": 1,
    "moneyLimit": 5000,
}
RESULT = {
    "plateNo": "浙A12345",
    "billID": "b1",
    "billTime": "2026-10-10 12:10:00",
    "shouldPay": 2000,
    "payStatus": 1,
    "actualPay": 1600,
    "discountAmount": 400,
    "dealTime": "2026-10-10 12:11:00",
    "orderCode": "o1",
    "paidType": 2,
    "payType": 101,
}


def test_a_car_that_leaves_is_told_of_under_the_platforms_names() -> None:
    message = CarOut(
        uid="3301020000011" + "20261010121000",
        plate_no="浙A12345",
        plate_color=1,
        car_type=1,
        parking_code="330102000001",
        entry_num="1",
        gate_no="0",
        operator_code="0",
        total_berth_num=100,
        open_berth_num=90,
        free_berth_num=50,
        arrive_time=city_time(NOON),
        parking_type=1,
        upload_time=city_time(NOON),
        end_id="e1",
        end_time=city_time(NOON),
        out_num="2",
        charge_fee=2000,
        should_pay=1500,
    )
    wire = message.wire()
    assert wire.isascii()
    assert json.loads(wire)["data"] == {
        "uid": "330102000001120261010121000",
        "plateNo": "浙A12345",
        "plateColor": 1,
        "carType": 1,
        "parkingCode": "330102000001",
        "entryNum": "1",
        "gateNo": "0",
        "operatorCode": "0",
        "totalBerthNum": 100,
        "openBerthNum": 90,
        "freeBerthNum": 50,
        "arriveTime": "2026-10-10 12:10:00",
        "parkingType": 1,
        "uploadTime": "2026-10-10 12:10:00",
        "endID": "e1",
        "endTime": "2026-10-10 12:10:00",
        "outNum": "2",
        "chargeFee": 2000,
        "shouldPay": 1500,
    }
    with pytest.raises(ValidationError):
        message.model_validate(message.model_dump() | {"should_pay": 1_000_000_001})


@pytest.mark.parametrize(
    ("said", "vouched_fen"),
    [
        ({}, 5000),
        ({"noSense": 0}, 0),
        ({"departurePay": 0}, 0),
        ({"moneyLimit": 0}, 0),
        ({"noSense": "1", "moneyLimit": "300"}, 300),
    ],
)
def test_a_grant_needs_three_times_yes(said: dict[str, object], vouched_fen: int) -> None:
    for content in (GRANT | said, {"data": GRANT | said}):
        info, fields = read_message(json.dumps(content).encode(), DeparturePayInfo)
        assert info.vouched_fen == vouched_fen
        assert fields == GRANT | said


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps({"data": []}).encode(),
        json.dumps(GRANT | {"moneyLimit": -1}).encode(),
        json.dumps(GRANT | {"moneyLimit": 1.5}).encode(),
        json.dumps(GRANT | {"plateNo": "x" * 100}).encode(),
        json.dumps({name: GRANT[name] for name in GRANT if name != "noSense"}).encode(),
    ],
)
def test_what_is_no_grant_is_refused_without_repeating_it(content: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_message(content, DeparturePayInfo)
    assert "浙" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "questions", "expected"),
    [
        ({}, {}, 2000),
        ({}, {"discounts_by_city": False}, 1600),
        ({"actualPay": 1500}, {}, 1500),
        ({"actualPay": 2000, "discountAmount": 0}, {}, 2000),
    ],
    ids=["with the city's discount", "without it", "too little is not made up", "no discount"],
)
def test_a_payment_is_what_the_garage_gets(
    said: dict[str, object], questions: dict[str, bool], expected: int
) -> None:
    result, _ = read_message(json.dumps(RESULT | said).encode(), PayResult)
    answer = answer_of(result, OpenQuestions.model_validate(questions))
    assert answer == Paid(rail_reference="o1", amount_fen=expected, paid_at=NOON + timedelta(minutes=1))


def test_what_a_status_says_is_not_guessed() -> None:
    def said(status: int, **questions: object) -> object:
        result, _ = read_message(json.dumps(RESULT | {"payStatus": status}).encode(), PayResult)
        return answer_of(result, OpenQuestions.model_validate(questions))

    assert said(0) == Accepted(rail_reference="b1")
    assert isinstance(said(2), Unknown)
    assert said(2, failed_status=[2]) == Declined(code="pay_status_2", hard=True)
    for missing in ("dealTime", "orderCode"):
        result, _ = read_message(
            json.dumps({name: RESULT[name] for name in RESULT if name != missing}).encode(), PayResult
        )
        with pytest.raises(InvalidInput):
            answer_of(result, OpenQuestions())


def test_colours_times_and_visits_are_written_as_the_platform_does() -> None:
    assert [colour_code(one) for one in Colour] == [1, 2, 3, 4, 5, 5, 1]
    assert colour_from(5) is Colour.GREEN
    with pytest.raises(InvalidInput):
        colour_from(6)
    assert moment_of(city_time(NOON)) == NOON
    for text in ("2026-13-01 00:00:00", "0001-01-01 00:00:00", "2026-10-10T12:10:00", ""):
        with pytest.raises(InvalidInput):
            moment_of(text)


@given(
    content=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda some: (
            st.lists(some, max_size=4)
            | st.dictionaries(st.sampled_from([*GRANT, *RESULT, "data"]), some, max_size=12)
        ),
        max_leaves=20,
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_the_city_says_is_a_message_or_refused(content: object) -> None:
    for kind in (DeparturePayInfo, FeeQuestion, PayResult):
        try:
            message, _ = read_message(json.dumps(content).encode(), kind)
            if isinstance(message, PayResult):
                answer_of(message, OpenQuestions())
        except InvalidInput:
            pass


def test_two_visits_of_one_lane_and_second_have_different_uids() -> None:
    first = uid_of("C", "1", NOON)
    second = uid_of("C", "1", NOON + timedelta(milliseconds=300), {first})
    assert (first, second) == ("C120261010121000", "C120261010121001")
    taken = {uid_of("C", "1", NOON + timedelta(seconds=number)) for number in range(10)}
    with pytest.raises(InvalidInput):
        uid_of("C", "1", NOON, taken)


CONNECTION = """
access_id = "a1"
url = "http://127.0.0.1:8990/"
private_key_file = "garage.key"
platform_key_file = "platform.pub"
timeout = "3s"

[garage.kerry]
parking_code = "330102000001"
lanes = { "in-1" = "1", "out-1" = "2" }

[open]
declined = [1001]
"""


def test_a_connection_is_read_with_its_keys(tmp_path: Path) -> None:
    key_pair(tmp_path, "garage")
    platform = key_pair(tmp_path, "platform")
    file = tmp_path / "hangzhou.toml"
    file.write_text(CONNECTION)
    connection = load_connection(file)
    assert (connection.url, connection.timeout_s) == ("http://127.0.0.1:8990", 3.0)
    assert connection.platform_key == platform.public_key()
    assert connection.garage_of("330102000001") == "kerry"
    assert connection.garage_of("330102000002") is None
    assert connection.open.declined == {1001}
    assert key_pair(tmp_path, "platform").private_numbers() == platform.private_numbers()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('url = "http', 'url = "ftp', "url"),
        ("[open]", '[garage.other]\nparking_code = "330102000001"\n[open]', "garage"),
        ('timeout = "3s"', "timeout = 3", "timeout"),
        ("declined = [1001]", "refused = [1001]", "open.refused"),
        ('"platform.pub"', '"nowhere.pub"', "nowhere.pub"),
        ('"platform.pub"', '"hangzhou.toml"', "not a public key"),
    ],
)
def test_a_wrong_connection_is_refused_by_name(tmp_path: Path, old: str, new: str, named: str) -> None:
    key_pair(tmp_path, "garage")
    key_pair(tmp_path, "platform")
    file = tmp_path / "hangzhou.toml"
    file.write_text(CONNECTION.replace(old, new))
    with pytest.raises(InvalidInput, match=named):
        load_connection(file)
