"""What a stay is given: time that passes cover, coupons, or an exemption from the fee.

Settlement finds out what applies to a car inside and tells its garage, so that the gate prices an exit with
it without asking anybody; the same value travels with the exit to the books, which price the stay from it
again and keep it with the bill. Its text form is compact and deterministic, because it is stored and
compared::

    {"e":"fire brigade"}
    {"c":[["monthly 17",<from>,<until>]],"k":[["c81","minutes",{"minutes":120,"funder":"bakery"}]]}

with times in milliseconds since 1970. Nothing given is the empty text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from parking.clock import from_ms, to_ms
from parking.coupon import COUPONS_MAX, Coupon, CouponKind, Covered, End
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime


__all__ = ["NO_BENEFITS", "Benefits", "benefits_text", "parse_benefits"]

COVERED_MAX: Final = 8
NAME_MAX: Final = 100
COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Benefits:
    """What one stay is given.

    ``exempt`` names the exemption by which nothing at all is due, empty for none. Raises
    :class:`InvalidInput` for more than a lane can price in time, and for a coupon that is named twice.
    """

    covered: tuple[Covered, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    exempt: str = ""

    def __post_init__(self) -> None:
        if len(self.coupons) > COUPONS_MAX or len(self.covered) > COVERED_MAX:
            raise InvalidInput(f"at most {COUPONS_MAX} of a stay", ("coupons", "covered"))
        if len({coupon.coupon_id for coupon in self.coupons}) < len(self.coupons):
            raise InvalidInput("one coupon counts once", ("coupons",))
        if len(self.exempt) > NAME_MAX:
            raise InvalidInput(f"at most {NAME_MAX} characters", ("exempt",))

    def __bool__(self) -> bool:
        return bool(self.covered or self.coupons or self.exempt)

    def __add__(self, other: Benefits) -> Benefits:
        """Both together; of two exemptions the first is named."""
        return Benefits(
            covered=self.covered + other.covered,
            coupons=self.coupons + other.coupons,
            exempt=self.exempt or other.exempt,
        )


NO_BENEFITS: Final = Benefits()


def benefits_text(benefits: Benefits) -> str:
    """The value as text; equal values give equal text."""
    if not benefits:
        return ""
    content: dict[str, Any] = {}
    if benefits.exempt:
        content["e"] = benefits.exempt
    if benefits.covered:
        content["c"] = [
            [one.name, to_ms(one.since), to_ms(one.until), *([one.funder] if one.funder else [])]
            for one in benefits.covered
        ]
    if benefits.coupons:
        content["k"] = [[one.coupon_id, one.kind, _terms(one)] for one in benefits.coupons]
    return COMPACT.encode(content)


def parse_benefits(text: str) -> Benefits:
    """What :func:`benefits_text` wrote; :class:`InvalidInput` for any other text."""
    if not text:
        return NO_BENEFITS
    try:
        content = json.loads(text)
        return Benefits(
            covered=tuple(_covered(*one) for one in content.get("c", ())),
            coupons=tuple(_coupon(*one) for one in content.get("k", ())),
            exempt=_text(content.get("e", "")),
        )
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        raise InvalidInput("not the benefits of a stay", ("benefits",)) from error


def _terms(coupon: Coupon) -> dict[str, Any]:
    """What is said of a coupon beside its id and kind; what is as usual is left out."""
    said: dict[str, Any] = {
        name: value
        for name in ("minutes", "amount_fen", "percent", "funder", "face_fen")
        if (value := getattr(coupon, name))
    }
    if coupon.off is not End.END:
        said["off"] = coupon.off
    if coupon.since is not None and coupon.until is not None:
        said["span"] = [to_ms(coupon.since), to_ms(coupon.until)]
    if not coupon.stackable:
        said["alone"] = 1
    if coupon.valid_until is not None:
        said["until"] = to_ms(coupon.valid_until)
    if coupon.funded_max_fen is not None:
        said["funded_max_fen"] = coupon.funded_max_fen
    return said


def _covered(name: str, since_ms: int, until_ms: int, funder: str = "") -> Covered:
    return Covered(since=from_ms(since_ms), until=from_ms(until_ms), name=_text(name), funder=_text(funder))


def _coupon(coupon_id: str, kind: str, said: dict[str, Any]) -> Coupon:
    since_ms, until_ms = said.get("span", (None, None))
    return Coupon(
        coupon_id=_text(coupon_id),
        kind=CouponKind(kind),
        minutes=_whole(said.get("minutes", 0)),
        off=End(said.get("off", End.END)),
        since=_moment(since_ms),
        until=_moment(until_ms),
        amount_fen=_whole(said.get("amount_fen", 0)),
        percent=_whole(said.get("percent", 0)),
        funder=_text(said.get("funder", "")),
        stackable="alone" not in said,
        valid_until=_moment(said.get("until")),
        face_fen=_whole(said.get("face_fen", 0)),
        funded_max_fen=_whole(said["funded_max_fen"]) if "funded_max_fen" in said else None,
    )


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else from_ms(at_ms)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError("not a whole number")
    return value
