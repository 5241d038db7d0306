"""What merchants and operators send and get about coupons."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from gateways.web.operator_wire import Name, PlateNumber, Wire
from gateways.web.session_wire import Cursor, Limit
from settlement.coupon_life import CouponState

if TYPE_CHECKING:
    from settlement.coupon_desk import CouponRecord

__all__ = [
    "CouponFileOut",
    "CouponFilesOut",
    "CouponGiven",
    "CouponIn",
    "CouponOut",
    "CouponQuery",
    "CouponsOut",
]


class CouponIn(Wire):
    """A coupon for a plate, its stay inside or its next one; with ``session_id``, for that stay alone."""

    coupon_id: Name
    template_id: Name
    plate: PlateNumber | None = None
    session_id: UUID | None = None


class CouponOut(Wire):
    """A coupon as its merchant sees it; ``owed_fen`` once it is used."""

    coupon_id: str
    template_id: str
    plate: str | None
    session_id: UUID | None
    state: CouponState
    given_at: datetime
    valid_until: datetime
    owed_fen: int

    @classmethod
    def of(cls, one: CouponRecord) -> CouponOut:
        """Only what the merchant named itself: of a coupon for a stay not its plate."""
        return cls(
            coupon_id=one.coupon_id,
            template_id=one.template_id,
            plate=one.number if one.only_session_id is None else None,
            session_id=one.only_session_id,
            state=one.state,
            given_at=one.given_at,
            valid_until=one.valid_until,
            owed_fen=one.owed_fen,
        )


class CouponGiven(CouponOut):
    """The coupon is given; ``replayed`` when it was before."""

    replayed: bool


class CouponFileOut(CouponOut):
    """A coupon as its operator sees it: also which stay has it, and what it may cost."""

    held_by_session_id: UUID | None
    reserved_fen: int
    given_by: str

    @classmethod
    def of_record(cls, one: CouponRecord) -> CouponFileOut:
        """All that is known."""
        told = CouponOut.of(one).model_dump() | {"plate": one.number}
        return cls(
            **told, held_by_session_id=one.session_id, reserved_fen=one.reserved_fen, given_by=one.given_by
        )


class CouponQuery(Wire):
    """Which coupons, latest giving first."""

    state: CouponState | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class CouponsOut(Wire):
    """One page of coupons."""

    coupons: list[CouponOut]
    next: str | None


class CouponFilesOut(Wire):
    """One page of coupons, as their operator sees them."""

    coupons: list[CouponFileOut]
    next: str | None
