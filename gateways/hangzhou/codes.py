"""The platform's code lists and how it writes times, plates and visits.

Times are Beijing's, to the second, without a zone. A visit's ``uid`` is made of the garage's code, the number
of the entry and the second of the arrival: without the plate, so that two cars which come in by one lane
within one second would share it. The later of the two gets the next free second in its ``uid``; its
``arriveTime`` stays what it was.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final

from parking.errors import InvalidInput
from parking.plate import Colour, VehicleClass

if TYPE_CHECKING:
    from collections.abc import Collection

    from parking.plate import Plate

__all__ = [
    "BEIJING",
    "UID_TRIES",
    "BillWay",
    "CarType",
    "PaidType",
    "ParkingType",
    "PayStatus",
    "PayType",
    "PhotoType",
    "car_type_of",
    "city_time",
    "colour_code",
    "colour_from",
    "moment_of",
    "uid_of",
]

BEIJING: Final = timezone(timedelta(hours=8))
"""The city's time since 1991, whatever zone this machine or its garages are in."""
TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
UID_TIME_FORMAT: Final = "%Y%m%d%H%M%S"
UID_TRIES: Final = 10
"""Seconds that a number may move by: no lane lets in as many cars as that within one."""


@unique
class CarType(IntEnum):
    """``carType``."""

    SMALL = 1
    MIDDLE = 2
    LARGE = 3


@unique
class ParkingType(IntEnum):
    """``parkingType``: visitor, pass, shared place, special."""

    VISITOR = 1
    PASS = 2
    SHARED = 3
    SPECIAL = 4


@unique
class PaidType(IntEnum):
    """``paidType``: by what means it was paid."""

    CASH = 1
    CITIZEN_CARD_WALLET = 2
    ALIPAY = 3
    WECHAT = 4
    UNIONPAY = 5
    CITIZEN_CARD_ACCOUNT = 6
    CCB = 7
    CMB = 8
    ABC_HANGZHOU = 9
    ETC = 10


@unique
class PayType(IntEnum):
    """``payType``: at what point of the visit."""

    LEAVE_FIRST = 101
    INSIDE = 102
    AT_THE_GATE = 103
    ARREARS = 104


@unique
class PhotoType(IntEnum):
    """``type`` of a photo."""

    ENTRY = 1
    EXIT = 2


@unique
class BillWay(IntEnum):
    """``billWay``."""

    OTHER = 0
    CONTACTLESS = 1


@unique
class PayStatus(IntEnum):
    """``payStatus``; what a failed payment has is not documented, see :mod:`gateways.hangzhou.connection`."""

    UNPAID = 0
    PAID = 1


COLOUR_CODES: Final = {
    Colour.BLUE: 1,
    Colour.YELLOW: 2,
    Colour.WHITE: 3,
    Colour.BLACK: 4,
    Colour.GREEN: 5,
    Colour.YELLOW_GREEN: 5,
    # The list has no code for a ground that was not seen; blue is what most plates have.
    Colour.UNKNOWN: 1,
}
COLOURS: Final = {1: Colour.BLUE, 2: Colour.YELLOW, 3: Colour.WHITE, 4: Colour.BLACK, 5: Colour.GREEN}
LARGE: Final = frozenset({VehicleClass.LARGE, VehicleClass.NEW_ENERGY_LARGE, VehicleClass.TRAILER})


def colour_code(colour: Colour) -> int:
    """``plateColor``."""
    return COLOUR_CODES[colour]


def colour_from(code: int) -> Colour:
    """What the platform means; raises :class:`InvalidInput`."""
    if code not in COLOURS:
        raise InvalidInput("not a colour of the list", ("plateColor",))
    return COLOURS[code]


def car_type_of(plate: Plate) -> CarType:
    """As far as a plate tells; none says that a car is of middle size."""
    return CarType.LARGE if plate.vehicle_class in LARGE else CarType.SMALL


def city_time(moment: datetime) -> str:
    """``2026-10-10 12:10:00``."""
    return moment.astimezone(BEIJING).strftime(TIME_FORMAT)


def moment_of(text: str) -> datetime:
    """The moment that the platform wrote; raises :class:`InvalidInput`."""
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=BEIJING).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput("not a time like 2026-10-10 12:10:00") from None


def uid_of(parking_code: str, entry_number: str, entered_at: datetime, taken: Collection[str] = ()) -> str:
    """The visit's ``uid``, the first that is not among ``taken``."""
    for second in range(UID_TRIES):
        moment = (entered_at + timedelta(seconds=second)).astimezone(BEIJING)
        uid = f"{parking_code}{entry_number}{moment.strftime(UID_TIME_FORMAT)}"
        if uid not in taken:
            return uid
    raise InvalidInput(f"{UID_TRIES} cars came in by one lane within one second")
