"""Caps while a stay is counted: what is left under each, and what each took off."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from parking.pricing.sheet import DAY_MS, FOR_EVER
from parking.proof import Rule

if TYPE_CHECKING:
    from parking.pricing.sheet import Sheet, WindowSheet
    from parking.pricing.timeline import Day

__all__ = ["Key", "Meter", "Meters"]

Key: TypeAlias = "tuple[int, int]"
"""One coming round of a window: its place in the list and the ordinal of the date on which it began."""


class Meter:
    """What is left under a cap in one of its periods; ``cut_fen`` took off what no line says yet."""

    __slots__ = ("cut_fen", "ends_ms", "left_fen", "name", "rule", "starts_ms")

    def __init__(self, left_fen: int, starts_ms: int, ends_ms: int, rule: Rule, name: str = "") -> None:
        self.left_fen = left_fen
        self.starts_ms = starts_ms
        self.ends_ms = ends_ms
        self.rule = rule
        self.name = name
        self.cut_fen = 0


class Meters:
    """The meters of one stay, the innermost first: of its windows, of the local day, of 24 hours."""

    __slots__ = ("_past", "_sheet", "have_cut", "of_24_h", "of_day", "of_windows")

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._past: list[Meter | None] = []
        self.have_cut = False
        self.of_24_h: Meter | None = None
        self.of_day: Meter | None = None
        self.of_windows: dict[Key, Meter] = {}

    def of_window(self, window: WindowSheet, key: Key, starts_ms: int, ends_ms: int) -> Meter | None:
        """The meter of a window with a cap of its own."""
        if window.cap_fen is None:
            return None
        found = self.of_windows.get(key)
        if found is None:
            found = Meter(window.cap_fen, starts_ms, ends_ms, Rule.WINDOW_CAP, window.name)
            self.of_windows[key] = found
        return found

    def renew(self, at: int, entered_ms: int, day: Day) -> int:
        """Begin the caps of a day and, where periods are days, of the 24 hours; until when they hold."""
        sheet = self._sheet
        until_ms = FOR_EVER
        if sheet.cap_day_fen is not None:
            until_ms = day.ends_ms
            if self.of_day is None or self.of_day.ends_ms <= day.starts_ms:
                self._past.append(self.of_day)
                self.of_day = Meter(sheet.cap_day_fen, day.starts_ms, day.ends_ms, Rule.CALENDAR_DAY_CAP)
        if sheet.cap_fen is not None and sheet.per_day:
            if self.of_24_h is None or self.of_24_h.ends_ms <= at:
                starts_ms = entered_ms + (at - entered_ms) // DAY_MS * DAY_MS
                self._past.append(self.of_24_h)
                self.of_24_h = Meter(sheet.cap_fen, starts_ms, starts_ms + DAY_MS, Rule.DAY_CAP)
            until_ms = min(until_ms, self.of_24_h.ends_ms)
        return until_ms

    def charge(self, amount_fen: int, own: Meter | None, *, counts: bool) -> None:
        """Count an amount; what is above the tightest cap is cut there, and the others see only the rest."""
        if own is None and self.of_day is None:
            meters = [self.of_24_h] if counts and self.of_24_h is not None else []
        else:
            outer = (self.of_day, self.of_24_h) if counts else ()
            meters = [one for one in (own, *outer) if one is not None]
        left_fen = min([one.left_fen for one in meters], default=amount_fen)
        if amount_fen > left_fen:
            tightest = next(one for one in meters if one.left_fen == left_fen)
            tightest.cut_fen += amount_fen - left_fen
            amount_fen = left_fen
            self.have_cut = True
        for meter in meters:
            meter.left_fen -= amount_fen

    def cuts(self) -> list[Meter]:
        """The meters that took something off since they were asked last; the caller clears ``cut_fen``."""
        self.have_cut = False
        meters = (*self.of_windows.values(), *self._past, self.of_day, self.of_24_h)
        self._past = []
        return [one for one in meters if one is not None and one.cut_fen]

    def state(self, starts_ms: int, ordinal: int) -> tuple[object, ...]:
        """What is left where it still matters on a date, told relative to it."""
        day, hours = self.of_day, self.of_24_h
        return (
            (day.left_fen, day.ends_ms - starts_ms) if day is not None and day.ends_ms > starts_ms else None,
            (hours.left_fen, hours.ends_ms - starts_ms)
            if hours is not None and hours.ends_ms > starts_ms
            else None,
            *(
                (place, began - ordinal, meter.left_fen)
                for (place, began), meter in self.of_windows.items()
                if began >= ordinal - 1
            ),
        )

    def shift(self, by_ms: int, days: int) -> None:
        """Move on over periods alike."""
        for meter in (self.of_day, self.of_24_h, *self.of_windows.values()):
            if meter is not None:
                meter.starts_ms += by_ms
                meter.ends_ms += by_ms
        self.of_windows = {(place, began + days): meter for (place, began), meter in self.of_windows.items()}
