"""Whose car was it: an exit whose plate was not read surely, against the cars that are inside.

Two numbers are the nearer, the likelier a camera takes the one for the other. Signs that look alike count
little, any other wrong sign much, a place that is lost or added something in between: eight places of a
new-energy plate are often read as seven. What differs in more places than that is another car.

A match is only taken when nothing speaks against it: the car came in before, not ages ago, on a plate of that
colour; it alone is near, and every other car clearly farther; its entry was read surely; it was not seen at
the exit again later. Everything else is a person's, who gets the nearest cars and the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from itertools import combinations
from typing import TYPE_CHECKING, Final

from parking.errors import InvalidInput
from parking.event import Kind
from parking.plate import Colour, parse_plate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from parking.event import GateEvent
    from parking.ids import SessionId
    from parking.session import Session

__all__ = [
    "Inside",
    "Match",
    "MatchRules",
    "Near",
    "NoMatch",
    "Passage",
    "Why",
    "distance",
    "match_of",
    "nearest",
    "opposite_of",
    "readings_of",
    "same_ground",
]

ALIKE: Final = 4
LOST_PLACE: Final = 6
OTHER_SIGN: Final = 10

LOOK_ALIKES: Final = (
    "8B", "38", "0DQO", "17IT", "1L", "2Z", "5S", "6G", "CG", "EF", "UV", "VY", "4A", "MN", "HN", "KX", "PR",
    # Provinces that share most of their strokes.
    "浙湘渝沪", "鄂粤鲁", "鲁黑", "苏赣", "赣贵", "贵青", "青晋", "川甘", "宁京", "闽陕", "云辽",
)  # fmt: skip
"""Signs of one group are taken for each other."""
CONFUSABLE: Final = frozenset(
    pair for group in LOOK_ALIKES for a, b in combinations(group, 2) for pair in ((a, b), (b, a))
)
SAME_GROUNDS: Final = frozenset(
    {
        frozenset({Colour.GREEN, Colour.YELLOW_GREEN}),
        frozenset({Colour.YELLOW, Colour.YELLOW_GREEN}),
        frozenset({Colour.BLUE, Colour.BLACK}),
    }
)
"""Grounds that cameras confuse, at night above all."""


@unique
class Why(StrEnum):
    """Why no car was taken for the one that left."""

    NO_CAR = "no_car"
    """No car inside comes near."""
    AMBIGUOUS = "ambiguous"
    """More than one may be meant."""
    ENTRY_UNSURE = "entry_unsure"
    """The entry of the nearest car was not read surely either."""
    READ_SURELY = "read_surely"
    """The exit was: then it is the entry that was read wrongly, and the number is another driver's."""
    NOT_PASSED = "not_passed"
    """The barrier stayed shut."""
    SEEN_AGAIN = "seen_again"
    """The nearest car was at the exit later, or turned back: it had not left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRules:
    """Distances as of :func:`distance`; times by the devices' clocks."""

    distance_max: int = 8
    """Two signs that look alike, or one lost place: no single sign that looks different is overlooked."""
    margin: int = 7
    """By how much every other car must be farther: a single sign that looks different is not far enough."""
    stay_max: timedelta = timedelta(days=7)
    """A longer stay is no evidence of anything: most such cars left unseen."""
    passage: timedelta = timedelta(seconds=20)
    """Two cameras at one lane, before and behind the barrier, see one passage within this time."""
    suggested_max: int = 5
    """Cars that a person is shown."""
    suggested_distance: int = 2 * OTHER_SIGN
    """How far a car may be to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Near:
    """A number inside, and how far it is from what was read."""

    distance: int
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A car inside; ``entry_permille`` is how surely its entry was read, ``None`` when nobody knows."""

    near: Near
    session: Session
    entry_permille: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """An event at the exit; ``passed`` when the car left, as far as the barrier knows.

    ``session_id`` is the session that it is about, which it ended if the car passed.
    """

    event: GateEvent
    passed: bool
    session_id: SessionId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The car that left; ``exact`` when the camera itself offers its number."""

    car: Inside
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoMatch:
    """Nobody is charged for it; ``cars`` are the nearest ones, for a person."""

    why: Why
    cars: tuple[Inside, ...]


def distance(read: str, number: str) -> int | None:
    """How far ``number`` is from what was read; ``None`` when more than one place is lost or added."""
    if read == number:
        return 0
    longer, shorter = (read, number) if len(read) > len(number) else (number, read)
    if len(longer) == len(shorter):
        return _substituted(longer, shorter)
    if len(longer) != len(shorter) + 1:
        return None
    places = range(len(longer))
    return LOST_PLACE + min(_substituted(longer[:at] + longer[at + 1 :], shorter) for at in places)


def _substituted(a: str, b: str) -> int:
    return sum(
        ALIKE if (one, other) in CONFUSABLE else OTHER_SIGN
        for one, other in zip(a, b, strict=True)
        if one != other
    )


def readings_of(event: GateEvent) -> tuple[str, frozenset[str]]:
    """What the camera read, and all numbers that it offers; empty where it read nothing that names a car."""
    offered = {event.plate.number} if event.plate.readable else set()
    for candidate in event.candidates:
        try:
            plate = parse_plate(candidate.number, event.plate.colour)
        except InvalidInput:
            continue
        if plate.readable:
            offered.add(plate.number)
    return (event.plate.number if event.plate.readable else ""), frozenset(offered)


def nearest(event: GateEvent, numbers: Iterable[str], rules: MatchRules) -> list[Near]:
    """The numbers nearest to what the camera read or offers, nearest first."""
    read, offered = readings_of(event)
    found = [
        Near(distance=far, number=number)
        for number in numbers
        if (far := _distance(number, read, offered)) is not None and far <= rules.suggested_distance
    ]
    return sorted(found)[: rules.suggested_max]


def _distance(number: str, read: str, offered: frozenset[str]) -> int | None:
    if number in offered:
        return 0
    return distance(read, number) if read else None


def same_ground(a: Colour, b: Colour) -> bool:
    """Whether two readings may be of one plate."""
    return a is b or Colour.UNKNOWN in {a, b} or frozenset({a, b}) in SAME_GROUNDS


def match_of(
    passage: Passage,
    cars: Sequence[Inside],
    later: Sequence[Passage],
    *,
    bar_permille: int,
    rules: MatchRules,
) -> Match | NoMatch:
    """Decide whose car it was; ``cars`` are the nearest of those inside, ``later`` the exit's next events.

    ``bar_permille`` is the confidence from which the garage takes a reading for sure.
    """
    event = passage.event
    rivals = sorted(
        (car for car in cars if car.session.entered_at <= event.captured_at), key=lambda car: car.near
    )
    possible = [car for car in rivals if _is_possible(car, event, rules)]
    if not possible:
        return NoMatch(why=Why.NO_CAR, cars=tuple(rivals))
    best, others = possible[0], [car for car in rivals if car is not possible[0]]
    why = _objection(passage, best, later, bar_permille=bar_permille)
    if any(other.near.distance < best.near.distance + rules.margin for other in others):
        why = Why.AMBIGUOUS
    if why is not None:
        return NoMatch(why=why, cars=tuple(rivals))
    return Match(car=best, exact=best.near.distance == 0)


def _is_possible(car: Inside, event: GateEvent, rules: MatchRules) -> bool:
    return (
        car.near.distance <= rules.distance_max
        and event.captured_at - car.session.entered_at <= rules.stay_max
        and same_ground(car.session.plate.colour, event.plate.colour)
    )


def _objection(passage: Passage, best: Inside, later: Sequence[Passage], *, bar_permille: int) -> Why | None:
    event, differs = passage.event, best.near.distance > 0
    if not passage.passed:
        return Why.NOT_PASSED
    if differs and event.plate.readable and event.confidence_permille >= bar_permille:
        return Why.READ_SURELY
    if differs and (best.entry_permille is None or best.entry_permille < bar_permille):
        return Why.ENTRY_UNSURE
    if any(_shows(one, best, event.captured_at) for one in later):
        return Why.SEEN_AGAIN
    return None


def _shows(one: Passage, car: Inside, after: datetime) -> bool:
    """Whether an event shows that the car was still there ``after`` a moment."""
    event = one.event
    about = one.session_id == car.session.session_id or event.plate.number == car.session.plate.number
    stayed = event.kind is Kind.TURN_BACK or not one.passed
    return about and stayed and event.captured_at > after


def opposite_of(
    passage: Passage, others: Iterable[Passage], *, bar_permille: int, rules: MatchRules
) -> Passage | None:
    """The passage that another camera read more surely and that ended a session, if there is just one.

    What was read surely is only taken for a repetition of the same number.
    """
    event = passage.event
    far = 0 if event.plate.readable and event.confidence_permille >= bar_permille else rules.distance_max
    read, offered = readings_of(event)
    found = {
        one.session_id: one
        for one in others
        if one.passed
        and one.session_id is not None
        and one.event.kind is Kind.EXIT
        and one.event.confidence >= event.confidence
        and abs(one.event.captured_at - event.captured_at) <= rules.passage
        and same_ground(one.event.plate.colour, event.plate.colour)
        and (apart := _distance(one.event.plate.number, read, offered)) is not None
        and apart <= far
    }
    return next(iter(found.values())) if len(found) == 1 else None
