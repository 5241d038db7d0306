"""Who drives, and what happens to them: exact shares of the day's cars, at least one of each.

A car is out of the ordinary in one way at most, so that a reader of the day can tell cause and effect.

Pure and seeded. The drivers whose payments fail are told to the rail simulator by the script in their
agreement; all others meet the faults that the rail draws for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from parking.ids import AccountId
from parking.plate import Colour, Plate, parse_plate

if TYPE_CHECKING:
    from random import Random

__all__ = [
    "SHARES",
    "WITHOUT_ACCOUNT",
    "WITHOUT_PLATE",
    "Driver",
    "Incident",
    "Registration",
    "account_of",
    "deal",
    "misread",
    "misread_alike",
    "plates",
    "registration",
]


@unique
class Driver(StrEnum):
    """How a driver pays."""

    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    """Pays at the exit, by scanning a code."""
    LOW_LIMIT = "low_limit"
    """Registered, but only small fees may be left unpaid."""
    DECLINED = "declined"
    """The rail will never pay."""
    NO_FUNDS = "no_funds"
    """The rail declines again and again, for want of money."""
    FUNDS_LATER = "funds_later"
    """Declined once, then paid."""
    DEBTOR = "debtor"
    """Left yesterday, and the rail declined; pays that at the exit today, and names another agreement."""
    PASS = "pass"  # noqa: S105 - one for parking
    """Has a monthly pass."""
    PASS_SHARED = "pass_shared"  # noqa: S105
    """Shares the place of a pass with another plate, and comes first."""
    PASS_SURPLUS = "pass_surplus"  # noqa: S105
    """The other one: finds the place taken, and pays as a visitor."""
    EXEMPT_CLASS = "exempt_class"
    """Nothing is due from its class of vehicles."""
    EXEMPT_LISTED = "exempt_listed"
    """Nothing is due from a vehicle on the garage's list."""
    COUPON = "coupon"
    """Is given one by a merchant while the car is inside."""
    PAYS_INSIDE = "pays_inside"
    """Pays at a machine, and then leaves."""
    TOKEN = "token"  # noqa: S105
    """Has no plate yet: comes and goes by a code that his app shows, bound to his account."""
    TOKEN_LOST = "token_lost"  # noqa: S105
    """Has neither plate nor account, draws a code at the lane and loses it; an attendant finds the entry."""


@unique
class Incident(StrEnum):
    """What goes wrong, or at least not straight, at a gate."""

    NOTHING = "nothing"
    MISREAD = "misread"
    """The exit's camera reads another plate, and says that it is not sure."""
    MISREAD_ALIKE = "misread_alike"
    """The same, but it only took a sign for one that looks like it."""
    TURNED_BACK_AT_ENTRY = "turned_back_at_entry"
    TURNED_BACK_AT_EXIT = "turned_back_at_exit"
    """Within the minute after the barrier opened; the driver leaves for good later."""
    TURNED_BACK_TOLD_LATE = "turned_back_told_late"
    """The same, but the message comes so late that the fee was collected already."""
    SENT_TWICE = "sent_twice"
    """The controller repeats a message at once."""
    SENT_AGAIN = "sent_again"
    """The controller repeats a message minutes later."""
    READ_TWICE = "read_twice"
    """The entry's camera reads the car twice, and names two events."""
    DELIVERED_LATE = "delivered_late"
    """The message about an exit arrives when the car has long gone."""
    NEVER_LEFT = "never_left"


SHARES: Final[dict[Driver | Incident, float]] = {
    Driver.UNREGISTERED: 0.08,
    Driver.LOW_LIMIT: 0.02,
    Driver.DECLINED: 0.006,
    Driver.NO_FUNDS: 0.004,
    Driver.FUNDS_LATER: 0.01,
    Driver.DEBTOR: 0.002,
    Incident.MISREAD: 0.004,
    Incident.MISREAD_ALIKE: 0.003,
    Incident.TURNED_BACK_AT_ENTRY: 0.004,
    Incident.TURNED_BACK_AT_EXIT: 0.002,
    Incident.TURNED_BACK_TOLD_LATE: 0.0005,
    Incident.SENT_TWICE: 0.01,
    Incident.SENT_AGAIN: 0.005,
    Incident.READ_TWICE: 0.005,
    Incident.DELIVERED_LATE: 0.003,
    Incident.NEVER_LEFT: 0.0001,
}
"""Of all cars; the others are registered, pay, and pass without anything to tell."""

ACCOUNTS: Final = UUID("0b0d6a0e-5f0c-5c0b-8a55-2d2d57a5c9a4")
LIMIT_FEN: Final = 10_000
LOW_LIMIT_FEN: Final = 1_000
EXPOSURE_LIMIT_FEN: Final = 50_000
SCRIPTS: Final = {
    Driver.DECLINED: "sim:decline-hard",
    Driver.NO_FUNDS: "sim:decline-soft",
    Driver.FUNDS_LATER: "sim:decline-soft-once",
    Driver.DEBTOR: "sim:decline-hard",
}
WITHOUT_ACCOUNT: Final = frozenset(
    {Driver.UNREGISTERED, Driver.EXEMPT_CLASS, Driver.PAYS_INSIDE, Driver.TOKEN_LOST}
)
WITHOUT_PLATE: Final = frozenset({Driver.TOKEN, Driver.TOKEN_LOST})
SIGNS: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ALIKE: Final = {
    "0": "D", "1": "7", "2": "Z", "3": "8", "4": "A", "5": "S", "6": "G", "7": "1", "8": "3",
    "A": "4", "B": "8", "C": "G", "D": "0", "E": "F", "F": "E", "G": "6", "H": "N", "K": "X", "L": "1",
    "M": "N", "N": "M", "P": "R", "Q": "0", "R": "P", "S": "5", "U": "V", "V": "U", "X": "K", "Y": "V",
    "Z": "2",
}  # fmt: skip
"""For most signs one that cameras take it for."""
FROM_ELSEWHERE: Final = 0.06
NEW_ENERGY: Final = 0.25
OTHER_OFFICES: Final = ("浙B", "浙D", "沪A", "沪C", "苏E", "皖A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A driver's account, plates and agreement with the rail."""

    account_id: AccountId
    holder: str
    plates: tuple[Plate, ...]
    agreement: str
    limit_fen: int
    exposure_limit_fen: int


def deal(cars: int, chance: Random) -> list[tuple[Driver, Incident]]:
    """For each car its driver and its incident: exact shares, at least one of each while there are cars."""
    special = [kind for kind, share in SHARES.items() for _ in range(max(1, round(cars * share)))][:cars]
    dealt = [
        (kind, Incident.NOTHING) if isinstance(kind, Driver) else (Driver.REGISTERED, kind)
        for kind in special
    ]
    dealt += [(Driver.REGISTERED, Incident.NOTHING)] * (cars - len(dealt))
    chance.shuffle(dealt)
    return dealt


def plates(count: int, chance: Random) -> list[Plate]:
    """Different ones, as they are seen in Hangzhou: a quarter new energy, a few from elsewhere."""
    found: dict[str, Plate] = {}
    while len(found) < count:
        office = chance.choice(OTHER_OFFICES) if chance.random() < FROM_ELSEWHERE else "浙A"
        if chance.random() < NEW_ENERGY:
            number = f"{office}{chance.choice('DF')}{chance.randrange(100_000):05d}"
            plate = parse_plate(number, Colour.GREEN)
        else:
            plate = parse_plate(office + "".join(chance.choices(SIGNS, k=5)), Colour.BLUE)
        found[plate.number] = plate
    return list(found.values())


def misread(plate: Plate, chance: Random) -> Plate:
    """The same plate with one of its last signs wrong, and quite another."""
    place = chance.randrange(len(plate.number) - 3, len(plate.number))
    sign = plate.number[place]
    wrong = chance.choice([one for one in "0123456789" if one not in {sign, ALIKE.get(sign)}])
    return _with_sign(plate, place, wrong)


def misread_alike(plate: Plate, chance: Random) -> Plate:
    """The same plate with one sign taken for one that looks like it."""
    number = plate.number
    like = [_with_sign(plate, at, ALIKE[number[at]]) for at in range(2, len(number)) if number[at] in ALIKE]
    return chance.choice([one for one in like if one.vehicle_class is plate.vehicle_class] or like)


def _with_sign(plate: Plate, place: int, sign: str) -> Plate:
    return parse_plate(plate.number[:place] + sign + plate.number[place + 1 :], plate.colour)


def account_of(place: int) -> AccountId:
    """The account of a car's driver."""
    return AccountId(uuid5(ACCOUNTS, str(place)))


def registration(place: int, driver: Driver, plate: Plate) -> Registration | None:
    """The account of a car's driver, if there is one."""
    if driver in WITHOUT_ACCOUNT:
        return None
    return Registration(
        account_id=account_of(place),
        holder=f"driver {place}",
        plates=() if driver in WITHOUT_PLATE else (plate,),
        agreement=f"{SCRIPTS.get(driver, 'agreement')}#{place}",
        limit_fen=LOW_LIMIT_FEN if driver is Driver.LOW_LIMIT else LIMIT_FEN,
        exposure_limit_fen=EXPOSURE_LIMIT_FEN,
    )
