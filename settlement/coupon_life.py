"""The life of a coupon, from its giving to its use by one bill.

A bill that is credited frees the coupons that it had used. A coupon that was revoked, or had expired, while
the exit that used it was still on its way to the books is used all the same: the gate had opened by it. When
that bill is credited, the revocation counts again.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import Final

__all__ = ["TRANSITIONS", "CouponState", "CouponStep"]


@unique
class CouponState(StrEnum):
    """Where a coupon stands."""

    NONE = "none"
    GIVEN = "given"
    USED = "used"
    REVOKED = "revoked"
    EXPIRED = "expired"


@unique
class CouponStep(StrEnum):
    """What moves a coupon."""

    GIVEN = "given"
    USED = "used"
    FREED = "freed"
    REVOKED = "revoked"
    EXPIRED = "expired"


TRANSITIONS: Final[dict[tuple[CouponState, CouponStep], tuple[CouponState, ...]]] = {
    (CouponState.NONE, CouponStep.GIVEN): (CouponState.GIVEN,),
    (CouponState.GIVEN, CouponStep.USED): (CouponState.USED,),
    (CouponState.GIVEN, CouponStep.REVOKED): (CouponState.REVOKED,),
    (CouponState.GIVEN, CouponStep.EXPIRED): (CouponState.EXPIRED,),
    (CouponState.REVOKED, CouponStep.USED): (CouponState.USED,),
    (CouponState.EXPIRED, CouponStep.USED): (CouponState.USED,),
    (CouponState.USED, CouponStep.FREED): (CouponState.GIVEN, CouponState.REVOKED),
}
"""Held by a constraint of the books too."""
