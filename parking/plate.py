"""What is painted on a vehicle: a number on a coloured ground.

Cameras, drivers and payment rails write the same plate differently, so every number passes through
:func:`parse_plate` and two spellings of one plate become equal. Full width, lower case, separators and
the traditional 粵 are taken away. The letters I and O do not occur after the issuing letter of a
Chinese plate, so there they are readings of 1 and 0; elsewhere they are left alone.

The colour is part of the identity: the same number exists on different grounds. It also decides what
the vehicle is where the number does not say. Whatever looks like no Chinese plate, but is made of letters
and digits, is kept as a plate of class *other*: a gate has to let foreign and misread plates pass too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import lru_cache

from parking.errors import InvalidInput

__all__ = ["LENGTH_MAX", "UNREADABLE", "Colour", "Plate", "VehicleClass", "parse_plate"]

LENGTH_MAX = 16
"""Code points of a normalised number; the longest real ones have about ten."""
RAW_LENGTH_MAX = 32
"""Code points of a number as written, separators included; anything longer is not looked at."""
CACHE_SIZE = 16_384
"""Plates remembered by a process, a few MiB: more vehicles than pass a busy gate in a day."""

UNREADABLE = "无"
"""The number of a plate that is missing or that no camera could read; names no vehicle in particular."""


@unique
class Colour(StrEnum):
    """The ground of the plate."""

    BLUE = "blue"
    YELLOW = "yellow"
    WHITE = "white"
    BLACK = "black"
    GREEN = "green"
    YELLOW_GREEN = "yellow_green"
    UNKNOWN = "unknown"


@unique
class VehicleClass(StrEnum):
    """What the plate says about its vehicle."""

    SMALL = "small"
    LARGE = "large"
    NEW_ENERGY = "new_energy"
    NEW_ENERGY_LARGE = "new_energy_large"
    TRAILER = "trailer"
    DRIVING_SCHOOL = "driving_school"
    POLICE = "police"
    EMERGENCY = "emergency"
    MILITARY = "military"
    ARMED_POLICE = "armed_police"
    EMBASSY = "embassy"
    CONSULATE = "consulate"
    HONG_KONG = "hong_kong"
    MACAO = "macao"
    FOREIGN_OWNED = "foreign_owned"
    """An ordinary number on black: owned by a foreign body or person."""
    TEMPORARY = "temporary"
    UNLICENSED = "unlicensed"
    """No plate, none that could be read, or what another system calls a car without one."""
    TOKEN = "token"  # noqa: S105 - a word, no secret
    """No plate; its driver has a token, and the car its name (``parking/stay_token.py``)."""
    OTHER = "other"
    """Another country's plate, or a reading that fits no Chinese form."""


ORDINARY = "ordinary"
PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
OFFICE = f"[{PROVINCES}][A-HJ-Z]"
SIGN = "[A-HJ-NP-Z0-9]"

FORMS: dict[str, str] = {
    ORDINARY: f"{OFFICE}{SIGN}{{5}}",
    VehicleClass.NEW_ENERGY: f"{OFFICE}[A-HJK]{SIGN}[0-9]{{4}}",
    VehicleClass.NEW_ENERGY_LARGE: f"{OFFICE}[0-9]{{5}}[A-HJK]",
    VehicleClass.TRAILER: f"{OFFICE}{SIGN}{{4}}挂",
    VehicleClass.DRIVING_SCHOOL: f"{OFFICE}{SIGN}{{4}}学",
    VehicleClass.POLICE: f"{OFFICE}{SIGN}{{4}}警",
    VehicleClass.EMERGENCY: f"{OFFICE}{SIGN}{{3,5}}应急",
    VehicleClass.ARMED_POLICE: f"WJ[{PROVINCES}]?{SIGN}{{4,7}}",
    VehicleClass.EMBASSY: f"使{SIGN}{{4,6}}|{SIGN}{{6}}使|{OFFICE}{SIGN}{{4,5}}使",
    VehicleClass.CONSULATE: f"领{SIGN}{{4,6}}|{SIGN}{{6}}领|{OFFICE}{SIGN}{{4,5}}领",
    VehicleClass.HONG_KONG: f"{OFFICE}{SIGN}{{4}}港",
    VehicleClass.MACAO: f"{OFFICE}{SIGN}{{4}}澳",
    VehicleClass.TEMPORARY: f"临[{PROVINCES}]?[A-Z0-9]{{4,8}}|{OFFICE}{SIGN}{{4,5}}[临超]",
    VehicleClass.UNLICENSED: f"{UNREADABLE}(?:[A-Z0-9]{{4,14}})?",
    VehicleClass.TOKEN: f"{UNREADABLE}[A-Z0-9]{{15}}",
}
"""The form of a normalised number, by class; an *ordinary* number is told apart by colour."""

FORM = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in FORMS.items()))
CLEAN_FORM = re.compile(
    "|".join(FORMS[name] for name in (ORDINARY, VehicleClass.NEW_ENERGY, VehicleClass.NEW_ENERGY_LARGE))
)
"""Nearly every plate at a gate; a number of these forms needs no normalising."""
MILITARY_FORM = re.compile("[A-Z]{2}[0-9]{5}")

ORDINARY_CLASSES = {
    Colour.BLUE: VehicleClass.SMALL,
    Colour.YELLOW: VehicleClass.LARGE,
    Colour.WHITE: VehicleClass.SMALL,
    Colour.BLACK: VehicleClass.FOREIGN_OWNED,
    # Seven places on green: a new-energy plate of which the camera lost one.
    Colour.GREEN: VehicleClass.NEW_ENERGY,
    Colour.YELLOW_GREEN: VehicleClass.NEW_ENERGY_LARGE,
    Colour.UNKNOWN: VehicleClass.SMALL,
}

COLOURS: dict[str, Colour] = {colour.value: colour for colour in Colour}

CLEANED = str.maketrans(dict.fromkeys(" ._-·•‧∙⋅・–—\u2010\u2011\u2012\u2212") | {"粵": "粤"})
FOLDED = str.maketrans("IO", "10")
WAYS_TO_SAY_UNREADABLE = frozenset({"", UNREADABLE, "无牌", "无牌车", "无车牌", "未识别", "UNKNOWN"})
MASKABLE_LENGTH = 5
"""A shorter number is masked altogether: its ends would be half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A normalised number and its colour; made by :func:`parse_plate`."""

    number: str
    colour: Colour

    def __post_init__(self) -> None:
        number = self.number
        if len(number) > LENGTH_MAX or number.upper() != number or not _is_writing(number):
            raise InvalidInput("not a normalised plate number", ("plate.number",))

    @property
    def readable(self) -> bool:
        """Whether the number identifies a vehicle at all."""
        return self.number != UNREADABLE

    @property
    def is_token(self) -> bool:
        """Whether it is the name of a token, which no camera can read from a car."""
        return len(self.number) == LENGTH_MAX and self.vehicle_class is VehicleClass.TOKEN

    @property
    def vehicle_class(self) -> VehicleClass:
        """What the vehicle is, by the form of the number first and by the colour second."""
        return _class_of(self.number, self.colour)

    @property
    def masked(self) -> str:
        """For logs and messages to others: enough to recognise one's own plate, not to find another's."""
        number = self.number
        if not self.readable:
            return number
        if len(number) < MASKABLE_LENGTH:
            return "*" * len(number)
        head = f"{number[:2]}·{number[2]}" if number[0] in PROVINCES else number[0]
        hidden = len(number) - len(head.replace("·", "")) - 1
        return f"{head}{'*' * hidden}{number[-1]}"


def parse_plate(number: str, colour: str | Colour) -> Plate:
    """The plate that somebody wrote as ``number``; an empty one, 无牌车 and the like are unreadable.

    Raises :class:`InvalidInput` for what cannot be a plate: too long, or more than letters and digits.
    """
    return _parsed(number, colour)


@lru_cache(maxsize=CACHE_SIZE)
def _parsed(number: str, colour: str) -> Plate:
    ground = COLOURS.get(colour)
    if ground is None:
        raise InvalidInput("not a plate colour", ("plate.colour",))
    if not CLEAN_FORM.fullmatch(number):
        number = _normalised(number, ground)
    return Plate(number=number, colour=ground)


def _normalised(number: str, colour: Colour) -> str:
    if len(number) > RAW_LENGTH_MAX:
        raise InvalidInput("too long for a plate", ("plate.number",))
    cleaned = unicodedata.normalize("NFKC", number).upper().translate(CLEANED)
    if CLEAN_FORM.fullmatch(cleaned):
        return cleaned
    if cleaned in WAYS_TO_SAY_UNREADABLE:
        return UNREADABLE
    if len(cleaned) > LENGTH_MAX:
        raise InvalidInput("too long for a plate", ("plate.number",))
    # A few letters of other scripts change again when they are normalised twice: no plate bears them.
    if not _is_writing(cleaned) or unicodedata.normalize("NFKC", cleaned).upper() != cleaned:
        raise InvalidInput("a plate has letters and digits only", ("plate.number",))
    return _folded(cleaned, colour)


def _folded(number: str, colour: Colour) -> str:
    """I as 1 and O as 0, in the places where a Chinese plate cannot have the letters."""
    if number[0] in PROVINCES or number.startswith("WJ"):
        return number[:2] + number[2:].translate(FOLDED)
    if number[0] in "使领" or number[-1] in "使领":
        return number.translate(FOLDED)
    if colour is Colour.WHITE:
        military = number[:2] + number[2:].translate(FOLDED)
        if MILITARY_FORM.fullmatch(military):
            return military
    return number


def _is_writing(text: str) -> bool:
    """Letters, digits and the marks that some scripts put on letters."""
    if text.isalnum():
        return True
    return any(map(str.isalnum, text)) and all(
        sign.isalnum() or unicodedata.category(sign)[0] == "M" for sign in text
    )


@lru_cache(maxsize=CACHE_SIZE)
def _class_of(number: str, colour: Colour) -> VehicleClass:
    form = FORM.fullmatch(number)
    if form is not None and form.lastgroup is not None:
        return ORDINARY_CLASSES[colour] if form.lastgroup == ORDINARY else VehicleClass(form.lastgroup)
    # Two letters and five digits are also a form of other countries: only the white ground tells.
    if colour is Colour.WHITE and MILITARY_FORM.fullmatch(number):
        return VehicleClass.MILITARY
    return VehicleClass.OTHER
