"""What is priced: one vehicle from entry to exit, and what was given to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from parking.clock import to_ms
from parking.coupon import COUPONS_MAX, Coupon, Covered
from parking.errors import InvalidInput
from parking.plate import Plate, VehicleClass

__all__ = ["Stay", "Visit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An earlier visit of the same car, and what it was charged, in fen."""

    entered_at: datetime
    left_at: datetime
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One vehicle from entry to exit, by the devices' times.

    ``covered`` is the time that passes cover; ``exempt`` names why nothing at all is due, empty for none.
    ``earlier`` are visits before this one, oldest first: those that this one continues, by the tariff's
    re-entry minutes, are priced with it. Of a driver who paid inside and left in time, ``left_at`` is the
    moment of the payment. ``vehicle_class`` is what a person has found the vehicle to be, where that is not
    what its plate says.
    """

    entered_at: datetime
    left_at: datetime
    plate: Plate
    coupons: tuple[Coupon, ...] = ()
    covered: tuple[Covered, ...] = ()
    exempt: str = ""
    earlier: tuple[Visit, ...] = ()
    vehicle_class: VehicleClass | None = None
    entered_ms: int = field(init=False, repr=False, compare=False)
    left_ms: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.entered_at.tzinfo is None or self.left_at.tzinfo is None:
            raise InvalidInput("times need an offset", ("entered_at", "left_at"))
        object.__setattr__(self, "entered_ms", to_ms(self.entered_at))
        object.__setattr__(self, "left_ms", to_ms(self.left_at))
        # Two times of one zone would be compared as wall clocks, which go back in autumn.
        if self.left_ms < self.entered_ms:
            raise InvalidInput("the exit lies before the entry", ("left_at",))
        if len(self.coupons) > COUPONS_MAX:
            raise InvalidInput(f"at most {COUPONS_MAX} of a stay", ("coupons",))
        if self.coupons and len({coupon.coupon_id for coupon in self.coupons}) < len(self.coupons):
            raise InvalidInput("one coupon counts once", ("coupons",))
