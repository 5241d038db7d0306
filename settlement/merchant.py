"""Merchants of a garage: shops that take parking off their customers' hands, by coupons and within a budget.

A *template* says what one coupon of a merchant takes off. A coupon keeps the terms of its giving, so that a
template can be changed without touching what was promised. Each reserves what it may cost its merchant at the
most: an amount of money its amount, every other kind the template's ``funded_max_fen``; what it takes off
beyond that is borne by the garage. So the coupons of a merchant never cost more than its budget.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from parking.coupon import Coupon, CouponKind, End
from parking.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from parking.ids import GarageId

__all__ = [
    "Budget",
    "BudgetPer",
    "CouponId",
    "Funding",
    "Merchant",
    "MerchantId",
    "MerchantKey",
    "Template",
    "TemplateId",
    "Window",
    "coupon_of",
    "month_of",
    "reserve_fen",
    "split_name",
]

MerchantId = NewType("MerchantId", str)
"""Unique within its garage."""
TemplateId = NewType("TemplateId", str)
CouponId = NewType("CouponId", str)
"""Chosen by the merchant, unique among its coupons."""
VALID_MAX: Final = timedelta(days=400)


@unique
class Funding(StrEnum):
    """What a merchant owes for a coupon that took anything off."""

    WORTH = "worth"
    """What the driver paid less because of it."""
    FACE = "face"
    """A fixed price, whatever it took off."""


@unique
class BudgetPer(StrEnum):
    """What a budget is for."""

    MONTH = "month"
    """Each calendar month of the merchant's time zone, by when a coupon is given."""
    ALL = "all"
    """All time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantKey:
    """Which merchant."""

    garage_id: GarageId
    merchant_id: MerchantId


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The most that coupons may cost, and how many there may be; ``None`` is no bound."""

    fen: int | None = None
    coupons: int | None = None
    per: BudgetPer = BudgetPer.MONTH

    def __post_init__(self) -> None:
        if min(self.fen or 0, self.coupons or 0) < 0:
            raise InvalidInput("a budget is not negative", ("budget",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    """A merchant as its operator has it; ``zone`` is where its months and days begin."""

    key: MerchantKey
    name: str
    budget: Budget
    funding: Funding = Funding.WORTH
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, OSError, ValueError):
            raise InvalidInput("not a time zone of the tz database", ("zone",)) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Local times of the day of giving; one that ends no later than it begins ends on the next day."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What each coupon of it takes off, in the words of :class:`parking.coupon.Coupon`.

    A coupon is valid ``valid_for`` from its giving; a stay uses at most ``per_stay_max`` of them.
    ``funded_max_fen`` is the most that one may cost its merchant, and needed unless the kind bounds that by
    itself; ``face_fen`` is its price where the merchant pays by face.
    """

    template_id: TemplateId
    name: str
    kind: CouponKind
    minutes: int = 0
    off: End = End.END
    window: Window | None = None
    amount_fen: int = 0
    percent: int = 0
    funded_max_fen: int | None = None
    face_fen: int = 0
    valid_for: timedelta = timedelta(hours=24)
    per_stay_max: int = 1
    ended: bool = False

    def __post_init__(self) -> None:
        if not timedelta(0) < self.valid_for <= VALID_MAX:
            raise InvalidInput(f"more than nothing, at most {VALID_MAX.days} days", ("valid_for",))
        if self.per_stay_max < 1:
            raise InvalidInput("at least one", ("per_stay_max",))
        if min(self.face_fen, self.funded_max_fen or 0) < 0:
            raise InvalidInput("no amount below 0", ("face_fen", "funded_max_fen"))
        if self.kind is CouponKind.WINDOW and self.window is None:
            raise InvalidInput("a coupon for a window needs it", ("window",))
        _unfunded(self, "-", datetime(2000, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))


def coupon_of(merchant: Merchant, template: Template, coupon_id: CouponId, now: datetime) -> Coupon:
    """One coupon of a template, as a stay is given it.

    Raises :class:`Conflict` when the template has ended, or lacks what the merchant's funding needs.
    """
    if template.ended:
        raise Conflict("this kind of coupon is not given any more")
    key = merchant.key
    coupon = _unfunded(template, f"{key.merchant_id}/{coupon_id}", now, ZoneInfo(merchant.zone))
    if merchant.funding is Funding.FACE:
        if not template.face_fen:
            raise Conflict("a merchant who pays by face needs a price of the coupon")
        return replace(coupon, funder=key.merchant_id, face_fen=template.face_fen)
    most_fen = template.funded_max_fen
    if most_fen is None and template.kind is not CouponKind.AMOUNT:
        raise Conflict("a coupon that can be worth any amount needs the most that its merchant pays")
    return replace(coupon, funder=key.merchant_id, funded_max_fen=most_fen)


def reserve_fen(coupon: Coupon) -> int:
    """The most that a coupon can cost its funder."""
    if coupon.face_fen:
        return coupon.face_fen
    bounds = [coupon.funded_max_fen, coupon.amount_fen or None]
    return min(fen for fen in bounds if fen is not None)


def split_name(coupon_name: str, funder: str) -> CouponId:
    """The merchant's own id of a coupon that a proof names."""
    return CouponId(coupon_name.removeprefix(f"{funder}/"))


def month_of(moment: datetime, zone: str) -> date:
    """The first day of the month that it is there."""
    return moment.astimezone(ZoneInfo(zone)).date().replace(day=1)


def _unfunded(template: Template, name: str, given_at: datetime, zone: ZoneInfo) -> Coupon:
    since, until = (None, None) if template.window is None else _span(template.window, given_at, zone)
    return Coupon(
        coupon_id=name,
        kind=template.kind,
        minutes=template.minutes,
        off=template.off,
        since=since,
        until=until,
        amount_fen=template.amount_fen,
        percent=template.percent,
        valid_until=given_at + template.valid_for,
    )


def _span(window: Window, given_at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    day = given_at.astimezone(zone).date()
    ends_on = day if window.opens < window.closes else day + timedelta(days=1)
    return datetime.combine(day, window.opens, zone), datetime.combine(ends_on, window.closes, zone)
