"""Stays, passes and coupons in words, as the command line and the examples of a price list say them.

::

    pass      2026-03-01T00:00/2026-04-01T00:00=resident
    coupon    free_stay   minutes:120@shop   first_minutes:60   amount:500   percent:20@cinema
              window:2026-03-02T18:00/2026-03-02T21:00@restaurant
    earlier   2026-03-02T08:00/2026-03-02T09:10=1200

A time without an offset is local, and needs one in an hour that happens twice; a coupon that must stand alone
ends in ``!``. An error names the field that an example has for it, as ``coupons[1]``.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

from parking.clock import to_ms
from parking.coupon import Coupon, CouponKind, Covered, End
from parking.errors import InvalidInput
from parking.plate import Colour, VehicleClass, parse_plate
from parking.pricing import Stay, Visit
from parking.tariff import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from parking.plate import Plate

__all__ = ["YEAR_MAX", "YEAR_MIN", "local_text", "moment_of", "plate_of", "stay_of"]

Read = TypeVar("Read")

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 2199
"""Calendars and time zones know nothing of later years, and every date of a stay may be looked at."""
WHOLE: Final = re.compile("[0-9]{1,9}")
GROUNDS = {
    VehicleClass.NEW_ENERGY: Colour.GREEN,
    VehicleClass.NEW_ENERGY_LARGE: Colour.YELLOW_GREEN,
    VehicleClass.POLICE: Colour.WHITE,
    VehicleClass.EMERGENCY: Colour.WHITE,
    VehicleClass.ARMED_POLICE: Colour.WHITE,
    VehicleClass.TRAILER: Colour.YELLOW,
    VehicleClass.DRIVING_SCHOOL: Colour.YELLOW,
}
"""The ground that a number is on when nobody says; blue for all others."""


def stay_of(
    entry: datetime, leave: datetime, plate: Plate, zone: str, words: tuple[Iterable[str], ...]
) -> Stay:
    """A stay; ``words`` are its passes, coupons and earlier visits. Raises :class:`InvalidInput`."""
    passes, coupons, earlier = words
    local = ZoneInfo(zone)
    covered = tuple(_each("passes", passes, lambda text, number: _covered(text, local, number)))
    taken_off = tuple(_each("coupons", coupons, lambda text, number: _coupon(text, local, number)))
    entered_at, left_at = _placed(entry, local, "entry"), _placed(leave, local, "exit")
    visits = tuple(_each("earlier", earlier, lambda text, _: _visit(text, local, entered_at)))
    try:
        return Stay(
            entered_at=entered_at,
            left_at=left_at,
            plate=plate,
            covered=covered,
            coupons=taken_off,
            earlier=visits,
        )
    except InvalidInput as error:
        raise InvalidInput(str(error), error.fields if "coupons" in error.fields else ("exit",)) from error


def plate_of(number: str, colour: str | None) -> Plate:
    """The plate, on the ground that such a number usually is on if none is named."""
    try:
        plate = parse_plate(number, colour or Colour.UNKNOWN)
    except InvalidInput as error:
        raise InvalidInput(f"{number!r}: {error}", ("plate",)) from error
    return plate if colour else parse_plate(number, GROUNDS.get(plate.vehicle_class, Colour.BLUE))


def moment_of(text: str, zone: ZoneInfo, name: str) -> datetime:
    """A moment written in ISO 8601; ``name`` is the field that it stands in."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"not a moment, as 2026-03-02T10:00: {text}", (name,)) from None
    return _placed(moment, zone, name)


def _placed(moment: datetime, zone: ZoneInfo, name: str) -> datetime:
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise InvalidInput(f"not in the years {YEAR_MIN} to {YEAR_MAX}: {moment.isoformat()}", (name,))
    if moment.tzinfo is not None:
        return moment
    before, after = (moment.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if to_ms(before) > to_ms(after):
        raise InvalidInput(f"there is no {moment:%H:%M} on that day", (name,))
    if to_ms(before) < to_ms(after):
        offsets = f"{_offset(before)} or {_offset(after)}"
        raise InvalidInput(f"there are two {moment:%H:%M} on that day; write the offset, {offsets}", (name,))
    return before


def local_text(moment: datetime, zone: ZoneInfo, form: str) -> str:
    """A moment as the local clock shows it; with its offset in an hour that happens twice."""
    local = moment.astimezone(zone)
    is_twice = local.utcoffset() != local.replace(fold=1 - local.fold).utcoffset()
    return f"{local:{form}}{_offset(local) if is_twice else ''}"


def _offset(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")[len("2026-03-02T10:00:00") :]


def _each(name: str, texts: Iterable[str], read: Callable[[str, int], Read]) -> Iterator[Read]:
    """What each text says, counted from 1; an error shows the text that it is in, and says which it is."""
    for place, text in enumerate(texts):
        field = f"{name}[{place}]"
        check_name(text, field)
        try:
            yield read(text, place + 1)
        except InvalidInput as error:
            raise InvalidInput(f"{text}: {error}", (field,)) from error


def _span(text: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    since, slash, until = text.partition("/")
    if not slash:
        raise InvalidInput("two moments with a slash between", ("time",))
    span = moment_of(since, zone, "time"), moment_of(until, zone, "time")
    if to_ms(span[1]) <= to_ms(span[0]):
        raise InvalidInput("ends before it begins", ("time",))
    return span


def _covered(text: str, zone: ZoneInfo, number: int) -> Covered:
    span, _, name = text.partition("=")
    since, until = _span(span, zone)
    return Covered(since=since, until=until, name=name or f"pass {number}")


def _visit(text: str, zone: ZoneInfo, until: datetime) -> Visit:
    span, _, amount = text.partition("=")
    entered_at, left_at = _span(span, zone)
    if to_ms(left_at) > to_ms(until):
        raise InvalidInput("ends after the entry", ("earlier",))
    return Visit(entered_at=entered_at, left_at=left_at, amount_fen=_whole(amount, "earlier"))


def _coupon(text: str, zone: ZoneInfo, number: int) -> Coupon:
    said, _, funder = text.removesuffix("!").partition("@")
    word, _, value = said.partition(":")
    coupon_id, stackable = f"{number} {said}", not text.endswith("!")
    kind = CouponKind.MINUTES if word == "first_minutes" else _kind(word)
    if kind is CouponKind.FREE_STAY and said != word:
        raise InvalidInput("a free stay has no number", ("coupon",))
    since, until = _span(value, zone) if kind is CouponKind.WINDOW else (None, None)
    amount = _whole(value, "coupon") if kind not in {CouponKind.WINDOW, CouponKind.FREE_STAY} else 0
    return Coupon(
        coupon_id=coupon_id,
        kind=kind,
        minutes=amount if kind is CouponKind.MINUTES else 0,
        off=End.START if word == "first_minutes" else End.END,
        since=since,
        until=until,
        amount_fen=amount if kind is CouponKind.AMOUNT else 0,
        percent=amount if kind is CouponKind.PERCENT else 0,
        funder=funder,
        stackable=stackable,
    )


def _kind(word: str) -> CouponKind:
    try:
        return CouponKind(word)
    except ValueError:
        raise InvalidInput("no kind of coupon", ("coupon",)) from None


def _whole(text: str, name: str) -> int:
    if not WHOLE.fullmatch(text):
        raise InvalidInput(f"not a whole number of up to 9 digits: {text!r}", (name,))
    return int(text)
