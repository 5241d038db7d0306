"""Passes: places that are paid for in advance, and shared by the plates of a pass or of its account.

A pass is of one garage. As many of its cars as it has places park on it at a time; who finds none parks as a
visitor, and whether that changes when a place becomes free is a choice of the pass. A stay is covered from
when it has a place and the pass is valid, until it leaves or the pass ends; the rest is priced.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.coupon import Covered
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from parking.ids import AccountId, GarageId
    from parking.plate import Plate

__all__ = ["Held", "Pass", "WhenPlaceFrees", "covered_by"]

PLATES_MAX = 500


@unique
class WhenPlaceFrees(StrEnum):
    """What a place that becomes free means for a car of the pass that is inside without one."""

    STAYS_VISITOR = "stays_visitor"
    """It pays as a visitor for the whole stay."""
    TAKES_PLACE = "takes_place"
    """It is covered from that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A pass as it is now; either ``account_id``, whose plates share it, or ``plates``.

    ``name`` stands in the proof of a price, where everybody can read it.
    """

    pass_id: str
    garage_id: GarageId
    name: str
    account_id: AccountId | None = None
    plates: tuple[Plate, ...] = ()
    places: int = 1
    when_place_frees: WhenPlaceFrees = WhenPlaceFrees.STAYS_VISITOR
    valid_from: datetime
    valid_until: datetime

    def __post_init__(self) -> None:
        if (self.account_id is None) == (not self.plates):
            raise InvalidInput("either an account or plates", ("account_id", "plates"))
        if len(self.plates) > PLATES_MAX or len(set(self.plates)) < len(self.plates):
            raise InvalidInput(f"at most {PLATES_MAX}, each once", ("plates",))
        if not all(plate.readable for plate in self.plates):
            raise InvalidInput("a plate that names no vehicle", ("plates",))
        if self.places < 1:
            raise InvalidInput("at least one", ("places",))
        if not self.name.strip():
            raise InvalidInput("a name", ("name",))
        if self.valid_until <= self.valid_from:
            raise InvalidInput("ends before it begins", ("valid_until",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A time for which a stay has a place of a pass; ``freed_at`` is ``None`` as long as it has it."""

    name: str
    valid_from: datetime
    valid_until: datetime
    taken_at: datetime
    freed_at: datetime | None


def covered_by(places: Sequence[Held]) -> tuple[Covered, ...]:
    """The time that the places of a stay cover, in order."""
    spans = [
        (
            max(one.taken_at, one.valid_from),
            one.valid_until if one.freed_at is None else min(one.freed_at, one.valid_until),
            one.name,
        )
        for one in places
    ]
    return tuple(
        Covered(since=since, until=until, name=name) for since, until, name in sorted(spans) if since < until
    )
