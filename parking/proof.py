"""A price that can be followed by hand: lines whose amounts add up to it.

A line says from when to when, how many, at what unit price, which amount and by which rule; where the
tariff, a pass or a coupon gave it a name, also that, who funds it, and what it was worth. A wrong sum cannot
be built, neither by pricing nor from stored text. The text form is compact and deterministic, because it is
stored with every bill and compared::

    {"amount_fen":2000,"lines":[[<from>,<to>,1,800,800,"first_tier"],[<from>,<to>,3,400,1200,"blocks"]]}

with times in milliseconds since 1970. A line with a name has three places more: name, funder, worth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.clock import from_ms
from parking.errors import Defect, InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Price", "ProofLine", "Rule", "parse_proof", "proof_json"]


@unique
class Rule(StrEnum):
    """Why a line costs what it costs."""

    FREE_MINUTES = "free_minutes"
    FIRST_TIER = "first_tier"
    """Started blocks at the first tier's rate."""
    NEXT_TIER = "next_tier"
    """Started blocks at the rate of a further tier."""
    BLOCKS = "blocks"
    """Started blocks at the rate that follows."""
    FLAT = "flat"
    """The flat price of a window that came round."""
    WINDOW_CAP = "window_cap"
    """What was charged in a window above its cap, taken off again."""
    CALENDAR_DAY_CAP = "calendar_day_cap"
    """What was charged on a local date above the cap of a day, taken off again."""
    DAY_CAP = "day_cap"
    """What the lines of these 24 hours cost above the cap, taken off again."""
    DAYS_ALIKE = "days_alike"
    """Whole periods of 24 hours, or local days, each priced like the one whose lines stand before."""
    VEHICLE = "vehicle"
    """What this kind of vehicle pays less, or more."""
    EXEMPT = "exempt"
    """The whole stay of a vehicle from which nothing is due; the name says why."""
    PASS = "pass"  # noqa: S105 - one for parking
    """Time that a pass covers."""
    ABSENCE = "absence"
    """Time between two visits of one stay, when the car was away."""
    COUPON_WINDOW = "coupon_window"
    """Time that a coupon covers."""
    COUPON_MINUTES = "coupon_minutes"
    """Time that a coupon took off one end of the stay."""
    COUPON_AMOUNT = "coupon_amount"
    COUPON_PERCENT = "coupon_percent"
    COUPON_FREE_STAY = "coupon_free_stay"
    MINIMUM = "minimum"
    """What is missing to the least that a stay costs."""
    MAXIMUM = "maximum"
    """What is above the most that a stay costs, taken off again."""
    ROUNDING = "rounding"
    EARLIER_VISIT = "earlier_visit"
    """What was charged for the visit that this stay continues, taken off again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """``quantity`` times ``unit_price_fen``.

    Times are milliseconds since 1970; ``ends_ms`` is the end of the last block, maybe after the exit.
    ``name`` is that of the window, vehicle rule, pass or coupon behind the line. ``worth_fen`` is what the
    driver pays less because of a coupon, which its ``funder`` owes, also where the line only takes time off.
    """

    starts_ms: int
    ends_ms: int
    quantity: int
    unit_price_fen: int
    amount_fen: int
    rule: Rule
    name: str = ""
    funder: str = ""
    worth_fen: int = 0

    def __post_init__(self) -> None:
        if self.quantity * self.unit_price_fen != self.amount_fen:
            raise Defect("a line of a proof does not multiply out")

    @property
    def starts_at(self) -> datetime:
        """The beginning, in UTC."""
        return from_ms(self.starts_ms)

    @property
    def ends_at(self) -> datetime:
        """The end, in UTC."""
        return from_ms(self.ends_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount and its proof; a stay of no length has no lines."""

    amount_fen: int
    lines: tuple[ProofLine, ...]

    def __post_init__(self) -> None:
        total_fen = 0
        for line in self.lines:
            total_fen += line.amount_fen
        if total_fen != self.amount_fen:
            raise Defect("the lines of a proof do not add up to the price")
        if self.amount_fen < 0:
            raise Defect("a price is negative")


def proof_json(price: Price) -> str:
    """The price as text; equal prices give equal text."""
    lines = ",".join(
        [
            f"[{line.starts_ms},{line.ends_ms},{line.quantity},"
            f'{line.unit_price_fen},{line.amount_fen},"{line.rule}"{_details(line) if line.name else ""}]'
            for line in price.lines
        ]
    )
    return f'{{"amount_fen":{price.amount_fen},"lines":[{lines}]}}'


def _details(line: ProofLine) -> str:
    name, funder = (json.dumps(text, ensure_ascii=False) for text in (line.name, line.funder))
    return f",{name},{funder},{line.worth_fen}"


def parse_proof(text: str) -> Price:
    """The price that :func:`proof_json` wrote; :class:`InvalidInput` for any other text."""
    try:
        content = json.loads(text)
        return Price(
            amount_fen=_whole(content["amount_fen"]),
            lines=tuple(_parsed_line(*line) for line in content["lines"]),
        )
    except (ValueError, TypeError, KeyError, RecursionError, Defect) as error:
        raise InvalidInput("not the proof of a price", ("proof",)) from error


def _parsed_line(*places: object) -> ProofLine:
    starts_ms, ends_ms, quantity, unit_price_fen, amount_fen, rule, *details = places
    name, funder, worth_fen = details or ("", "", 0)
    return ProofLine(
        starts_ms=_whole(starts_ms),
        ends_ms=_whole(ends_ms),
        quantity=_whole(quantity),
        unit_price_fen=_whole(unit_price_fen),
        amount_fen=_whole(amount_fen),
        rule=Rule(_text(rule)),
        name=_text(name),
        funder=_text(funder),
        worth_fen=_whole(worth_fen),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value
