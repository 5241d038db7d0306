"""What is said to the platform, message by message.

Names are ours; on the wire they are the platform's. Amounts are whole fen.

For ``uploadFee``, ``uploadAbnormalBill``, ``checkDailyBill`` and the two questions no field list was
published: theirs follow the messages that are known.
"""

from __future__ import annotations

import json
from enum import StrEnum, unique
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AbnormalBill",
    "ApplyPayment",
    "CarIn",
    "CarOut",
    "Code",
    "Confirmation",
    "DailyBill",
    "Fee",
    "Fen",
    "GrantQuestion",
    "Heartbeat",
    "Message",
    "Number",
    "Operation",
    "ParkingState",
    "PayRecord",
    "Photo",
    "ResultQuestion",
    "Text",
    "Time",
    "Up",
]

AMOUNT_MAX_FEN: Final = 1_000_000_000
TIME_PATTERN: Final = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$"
DAY_PATTERN: Final = r"^\d{4}-\d{2}-\d{2}$"
UNLIKE: Final = {"request_id": "requestId", "departure_pay": "departurePay"}

Fen = Annotated[int, Field(ge=0, le=AMOUNT_MAX_FEN)]
Text = Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Code = Annotated[str, Field(max_length=64, pattern=r"^[!-~]+$")]
Number = Annotated[str, Field(min_length=1, max_length=32)]
Time = Annotated[str, Field(pattern=TIME_PATTERN)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


@unique
class Operation(StrEnum):
    """Where each message goes, by the path below the platform's address."""

    CONFIRM_GRANT = "/api/v2/cp/confirmDeparturePayInfo"
    GET_GRANTS = "/api/v2/cp/getDeparturePayInfo"
    APPLY_PAYMENT = "/api/v2/cp/applyPayment"
    UPLOAD_FEE = "/api/v2/cp/uploadFee"
    CONFIRM_RESULT = "/api/v2/cp/confirmPayResult"
    GET_RESULT = "/api/v2/cp/getPayResult"
    ABNORMAL_BILL = "/api/v2/cp/uploadAbnormalBill"
    CHECK_DAILY_BILL = "/api/v2/cp/checkDailyBill"
    HEARTBEAT = "/api/v2/tcjg/uploadHeartbeat"
    CAR_IN = "/api/v2/cp/uploadCarInData"
    CAR_OUT = "/api/v2/cp/uploadCarOutData"
    PAY_RECORD = "/api/v2/cp/uploadPayRecord"
    PARKING_STATE = "/api/v2/cp/uploadParkingState"
    PHOTO = "/api/v2/cp/uploadPhoto"


def _wire_name(name: str) -> str:
    if name in UNLIKE:
        return UNLIKE[name]
    first, *rest = name.split("_")
    return first + "".join("ID" if word == "id" else word.title() for word in rest)


class Message(BaseModel):
    """The fields of one message."""

    model_config = ConfigDict(alias_generator=_wire_name, populate_by_name=True, frozen=True)


class Up(Message):
    """To the platform; unknown fields are a mistake of ours."""

    model_config = ConfigDict(extra="forbid")

    def wire(self) -> bytes:
        """As it is sealed. ASCII only, so that no character is cut in two by a block."""
        return json.dumps({"data": self.model_dump(by_alias=True, exclude_none=True)}).encode()


class Confirmation(Up):
    """02 and 08: what was sent down has arrived; ``params`` are its fields as they came."""

    request_id: Text
    success: bool = True
    params: dict[str, Any]


class GrantQuestion(Up):
    """03."""

    parking_code: Code


class ResultQuestion(Up):
    """09."""

    parking_code: Code
    bill_id: Code


class ApplyPayment(Up):
    """04: charge the driver of a car that has left."""

    parking_code: Code
    uid: Code
    plate_no: Number
    plate_color: int
    arrive_time: Time
    end_time: Time
    bill_id: Code
    bill_time: Time
    should_pay: Fen
    pay_status: int = 0
    car_stock: int = 1


class Fee(Up):
    """06: what a car inside would have to pay now."""

    request_id: Text
    parking_code: Code
    uid: Code
    plate_no: Number
    plate_color: int
    arrive_time: Time
    end_time: Time
    bill_time: Time
    charge_fee: Fen
    should_pay: Fen


class AbnormalBill(Up):
    """10: a bill that was reported does not stand."""

    parking_code: Code
    uid: Code
    bill_id: Code
    plate_no: Number
    plate_color: int
    should_pay: Fen
    reason: Text
    upload_time: Time


class DailyBill(Up):
    """11: what was collected through the platform on a day."""

    parking_code: Code
    account_date: Annotated[str, Field(pattern=DAY_PATTERN)]
    bill_num: Count
    pay_total: Annotated[int, Field(ge=0)]


class Heartbeat(Up):
    """The garage is there."""

    parking_code: Code
    upload_time: Time


class ParkingState(Up):
    """How full the garage is, after a time without a line."""

    parking_code: Code
    total_berth_num: Count
    open_berth_num: Count
    free_berth_num: Count
    upload_time: Time


class Passage(Up):
    """What an entry and an exit have in common."""

    uid: Code
    plate_no: Number
    plate_color: int
    car_type: int
    parking_code: Code
    entry_num: Code
    gate_no: Text
    operator_code: Text
    total_berth_num: Count
    open_berth_num: Count
    free_berth_num: Count
    arrive_time: Time
    parking_type: int
    upload_time: Time


class CarIn(Passage):
    """A car came in."""

    arrive_id: Code


class CarOut(Passage):
    """A car went out, or its visit ended in another way."""

    end_id: Code
    end_time: Time
    out_num: Text
    charge_fee: Fen
    should_pay: Fen


class Photo(Up):
    """A picture of a car; the picture itself travels beside the cipher and is not signed."""

    parking_code: Code
    uid: Code
    photo_id: Code
    time: Time
    type: Annotated[int, Field(ge=1, le=2)]
    name: Annotated[str, Field(max_length=80, pattern=r"^[!-~]+$")]
    upload_time: Time


class PayRecord(Up):
    """A payment for a visit."""

    bill_id: Code
    uid: Code
    plate_no: Number
    parking_code: Code
    charge_fee: Fen
    should_pay: Fen
    actual_pay: Fen
    bill_time: Time
    deal_time: Time
    paid_type: int
    pay_type: int
    bill_way: int
    upload_time: Time
