"""A price that can be followed by hand: lines whose amounts add up to it.

A line says from when to when, how many, at what unit price, which amount and by which rule. A wrong
sum cannot be built, neither by pricing nor from stored text. The text form is compact and
deterministic, because it is stored with every bill and compared::

    {"amount_fen":2000,"lines":[[<from>,<to>,1,800,800,"first_tier"],[<from>,<to>,3,400,1200,"blocks"]]}

with times in milliseconds since 1970.
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
    BLOCKS = "blocks"
    """Started blocks at the rate that follows."""
    DAY_CAP = "day_cap"
    """What the lines of these 24 hours cost above the cap, taken off again."""
    DAYS_ALIKE = "days_alike"
    """Whole periods of 24 hours, each priced like the one whose lines stand before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofLine:
    """``quantity`` times ``unit_price_fen``.

    Times are milliseconds since 1970; ``ends_ms`` is the end of the last block, maybe after the exit.
    """

    starts_ms: int
    ends_ms: int
    quantity: int
    unit_price_fen: int
    amount_fen: int
    rule: Rule

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
            f'{line.unit_price_fen},{line.amount_fen},"{line.rule}"]'
            for line in price.lines
        ]
    )
    return f'{{"amount_fen":{price.amount_fen},"lines":[{lines}]}}'


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


def _parsed_line(
    starts_ms: int, ends_ms: int, quantity: int, unit_price_fen: int, amount_fen: int, rule: str
) -> ProofLine:
    return ProofLine(
        starts_ms=_whole(starts_ms),
        ends_ms=_whole(ends_ms),
        quantity=_whole(quantity),
        unit_price_fen=_whole(unit_price_fen),
        amount_fen=_whole(amount_fen),
        rule=Rule(rule),
    )


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value
