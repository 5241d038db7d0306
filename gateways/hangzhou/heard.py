"""What the platform says, message by message, as it is written once its envelope is open.

A message may write a number as text, may come alone or within ``{"data": …}``, and may say more than is read
here.
"""

from __future__ import annotations

import json
from enum import StrEnum, unique
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateways.hangzhou.messages import Code, Fen, Message, Number, Text, Time
from parking.errors import InvalidInput

__all__ = [
    "DeparturePayInfo",
    "Down",
    "DownEnvelope",
    "FeeQuestion",
    "PayResult",
    "down_wire",
    "read_message",
]


@unique
class Down(StrEnum):
    """What the platform sends, by the word in its topic."""

    GRANT = "departurePayInfo"
    FEE = "fee"
    RESULT = "payResult"


class DownEnvelope(BaseModel):
    """A message of the broker; the sender's ``timestamp`` is not sealed, so nothing rests on it."""

    model_config = ConfigDict(frozen=True)

    request_id: Annotated[Text, Field(alias="requestId", coerce_numbers_to_str=True)]
    cipher: Annotated[str, Field(min_length=1, max_length=128 * 1024)]
    sign: Annotated[str, Field(min_length=1, max_length=4 * 1024)]


class DeparturePayInfo(Message):
    """01: whether a car inside may leave first, and up to what."""

    plate_no: Number
    plate_color: int
    parking_code: Code
    no_sense: int
    departure_pay: int
    money_limit: Fen

    @property
    def vouched_fen(self) -> int:
        """What the city vouches for; all three fields have to say yes."""
        return self.money_limit if self.no_sense == 1 and self.departure_pay == 1 else 0


class FeeQuestion(Message):
    """05."""

    plate_no: Number
    plate_color: int
    parking_code: Code


class PayResult(Message):
    """07: what became of a payment."""

    plate_no: Number
    bill_id: Code
    should_pay: Fen
    pay_status: int
    actual_pay: Fen = 0
    discount_amount: Fen = 0
    deal_time: Time | None = None
    order_code: Text = ""
    paid_type: int | None = None
    pay_type: int | None = None


M = TypeVar("M", bound=Message)


def read_message(content: bytes, kind: type[M]) -> tuple[M, dict[str, Any]]:
    """A message of the platform, and its fields as they came; raises :class:`InvalidInput`."""
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput("not JSON") from None
    if isinstance(fields, dict) and isinstance(fields.get("data"), dict):
        fields = fields["data"]
    try:
        return kind.model_validate(fields), fields
    except ValidationError as error:
        wrong = tuple(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise InvalidInput(f"not a {kind.__name__}: {', '.join(wrong)}", wrong) from None


def down_wire(message: Message) -> bytes:
    """As the platform seals what it sends: the fields alone."""
    return json.dumps(message.model_dump(by_alias=True, exclude_none=True)).encode()
