"""What takes time or money off a stay: coupons, and the time that a pass covers.

Who hands them out, to whom and for how long is not decided here: these are what pricing is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import Final

from parking.clock import to_ms
from parking.errors import InvalidInput

__all__ = ["COUPONS_MAX", "Coupon", "CouponKind", "Covered", "End"]

COUPONS_MAX: Final = 8
"""Of one stay: a lane tries which of them together cost the driver least."""
PERCENT_MAX = 100
"""The whole."""


@unique
class CouponKind(StrEnum):
    """What a coupon takes off."""

    FREE_STAY = "free_stay"
    """Everything."""
    MINUTES = "minutes"
    """``minutes`` at one end of the stay: it is priced as if it had been so much shorter."""
    WINDOW = "window"
    """What lies between two moments; counted as the tariff's choice for covered time says."""
    AMOUNT = "amount"
    """``amount_fen``, at most what there is to pay."""
    PERCENT = "percent"
    """``percent`` of what there is to pay, half-up to a minor unit."""


@unique
class End(StrEnum):
    """Which end of a stay minutes are taken off."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coupon:
    """One coupon; ``funder`` is who pays what it takes off, empty for the garage itself.

    It counts for a stay that ends, or is paid inside, before ``valid_until``. Its funder owes ``face_fen``
    where it takes anything off; where that is 0, what the driver pays less because of it, at most
    ``funded_max_fen`` (``None``: all of it).
    """

    coupon_id: str
    kind: CouponKind
    minutes: int = 0
    off: End = End.END
    since: datetime | None = None
    until: datetime | None = None
    amount_fen: int = 0
    percent: int = 0
    funder: str = ""
    stackable: bool = True
    valid_until: datetime | None = None
    face_fen: int = 0
    funded_max_fen: int | None = None

    def __post_init__(self) -> None:
        window = self.since is not None and self.until is not None
        needed = {
            CouponKind.FREE_STAY: ("kind", True, ""),
            CouponKind.MINUTES: ("minutes", self.minutes > 0, "at least 1 minute"),
            CouponKind.WINDOW: ("since", window, "from one moment until another"),
            CouponKind.AMOUNT: ("amount_fen", self.amount_fen > 0, "an amount above 0"),
            CouponKind.PERCENT: ("percent", 0 < self.percent <= PERCENT_MAX, f"1 to {PERCENT_MAX} percent"),
        }
        name, valid, bound = needed[self.kind]
        if not valid:
            raise InvalidInput(f"a coupon for {self.kind} takes off {bound}", (name,))
        if self.face_fen < 0 or (self.funded_max_fen or 0) < 0:
            raise InvalidInput("no amount below 0", ("face_fen", "funded_max_fen"))

    def counts_at(self, moment: datetime) -> bool:
        """Whether a stay that ends at ``moment`` may use it."""
        return self.valid_until is None or to_ms(moment) < to_ms(self.valid_until)

    def owed_fen(self, worth_fen: int) -> int:
        """What its funder owes when the driver pays ``worth_fen`` less because of it."""
        if not self.funder or worth_fen <= 0:
            return 0
        if self.face_fen:
            return self.face_fen
        return worth_fen if self.funded_max_fen is None else min(worth_fen, self.funded_max_fen)

    @property
    def takes_time(self) -> bool:
        """Whether it shortens what is priced, before any price is known."""
        return self.kind in {CouponKind.MINUTES, CouponKind.WINDOW}

    @property
    def covered(self) -> Covered | None:
        """The interval that a coupon for a window covers.

        None where its local times lie in an hour that does not happen, so that it ends before it begins.
        """
        if self.since is None or self.until is None or to_ms(self.until) <= to_ms(self.since):
            return None
        return Covered(since=self.since, until=self.until, name=self.coupon_id, funder=self.funder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Time that is not priced because a pass, named by ``name``, covers it."""

    since: datetime
    until: datetime
    name: str
    funder: str = ""

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise InvalidInput("times need an offset", ("since", "until"))
        if to_ms(self.until) <= to_ms(self.since):
            raise InvalidInput("ends before it begins", ("until",))
