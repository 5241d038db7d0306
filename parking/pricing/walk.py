"""Counts the blocks of a stay: from block to block in time order, a run of equal ones at once.

What a block costs is decided when it begins, from what came before it and never from when the car leaves.
So a later exit never costs less, whatever the tariff chooses.

A stay is walked period by period: 24 hours from entry, or local days where the tiers begin anew with them.
Of whole periods that begin in the same state and hold the same windows, one is walked and the others are
multiplied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from parking.errors import Defect
from parking.pricing.meters import Meter, Meters
from parking.pricing.sheet import DAY_MS, FOR_EVER
from parking.pricing.timeline import BASE
from parking.proof import Rule
from parking.tariff import Crossing

if TYPE_CHECKING:
    from parking.pricing.meters import Key
    from parking.pricing.sheet import Sheet, WindowSheet
    from parking.pricing.timeline import Timeline

__all__ = ["Gap", "Line", "Walk"]

Gap: TypeAlias = "tuple[int, int, Rule, str, str]"
"""Time in which no block begins: from, to, the rule of its line, what covers it, and who funds that."""
Line: TypeAlias = "tuple[int, int, int, int, Rule, str, str]"
"""From, to, quantity, unit price, rule, name, funder."""
OUTSIDE: Final = (BASE, 0)


class Walk:
    """One stay on one sheet; ``gaps`` are in time order and do not overlap."""

    __slots__ = (
        "_at", "_began", "_entered_ms", "_flats", "_gaps", "_left_ms", "_meters", "_ordinal", "_paid_from_ms",
        "_sheet", "_tier_from", "_window", "fen", "lines",
    )  # fmt: skip

    def __init__(
        self, sheet: Sheet, entered_ms: int, paid_from_ms: int, left_ms: int, gaps: tuple[Gap, ...] = ()
    ) -> None:
        self._sheet = sheet
        self._entered_ms = entered_ms
        self._paid_from_ms = paid_from_ms
        self._left_ms = left_ms
        self._gaps = list(gaps)
        self._at = self._tier_from = paid_from_ms
        self._meters = Meters(sheet)
        self._flats: set[Key] = set()
        self._window: Key = OUTSIDE
        self._ordinal = 0
        self._began = 0
        self.fen = 0
        self.lines: list[Line] = []

    def run(self) -> None:
        """Walk; ``fen`` and ``lines`` are what comes of it."""
        left_ms, starts_ms = self._left_ms, self._entered_ms
        timeline = self._sheet.timeline
        if timeline is not None:
            self._ordinal = timeline.ordinal_at(starts_ms)
        compares = left_ms - starts_ms >= 2 * DAY_MS and not self._gaps
        state: tuple[object, ...] | None = None
        fen = 0
        while self._at < left_ms:
            if compares:
                before, state = state, self._state(starts_ms)
                if state == before and (count := self._count_alike(starts_ms)):
                    starts_ms, state = self._multiply(starts_ms, count, self.fen - fen), None
                    continue
            fen = self.fen
            ends_ms = self._period_end(starts_ms)
            self._walk_period(starts_ms, ends_ms)
            starts_ms = ends_ms

    def _period_end(self, starts_ms: int) -> int:
        timeline = self._sheet.timeline
        if timeline is None or not self._sheet.per_day:
            return starts_ms + DAY_MS
        ordinal = self._ordinal
        while timeline.day(ordinal).ends_ms <= starts_ms:
            ordinal += 1
        return timeline.day(ordinal).ends_ms

    def _walk_period(self, starts_ms: int, ends_ms: int) -> None:
        sheet = self._sheet
        self._began = len(self.lines)
        if sheet.cuts:
            self._tier_from = max(starts_ms, self._paid_from_ms)
        if sheet.cap_fen is not None and not sheet.per_day:
            first_ms = max(starts_ms, self._paid_from_ms)
            self._meters.of_24_h = Meter(sheet.cap_fen, first_ms, ends_ms, Rule.DAY_CAP)
        until_ms = min(ends_ms, self._left_ms)
        stop_ms = ends_ms if sheet.cuts else FOR_EVER
        while self._at < until_ms:
            limit_ms = self._past_gaps(until_ms) if self._gaps else until_ms
            if self._at < limit_ms:
                if sheet.timeline is None:
                    self._blocks(sheet.windows[BASE], limit_ms, stop_ms, None)
                else:
                    self._slot(sheet.timeline, limit_ms, stop_ms)
        if self._meters.have_cut:
            for meter in self._meters.cuts():
                self.lines.append(
                    (meter.starts_ms, meter.ends_ms, 1, -meter.cut_fen, meter.rule, meter.name, "")
                )
                self.fen -= meter.cut_fen
                meter.cut_fen = 0

    def _past_gaps(self, until_ms: int) -> int:
        """Jump over the gap that has begun; answers with when the next one does, at most ``until_ms``."""
        while self._gaps:
            starts_ms, ends_ms, rule, name, funder = self._gaps[0]
            if self._at < starts_ms:
                return min(until_ms, starts_ms)
            if self._at < ends_ms:
                self.lines.append((self._at, ends_ms, 1, 0, rule, name, funder))
                self._at = ends_ms
            del self._gaps[0]
        return until_ms

    def _look(self, timeline: Timeline) -> tuple[WindowSheet, int, int]:
        """The window that holds now, when its slot ends, and until when the same caps hold."""
        day = timeline.day(self._ordinal)
        while self._at >= day.ends_ms:
            self._ordinal += 1
            day = timeline.day(self._ordinal)
        slot_ends_ms, place, began = timeline.slot_at(self._at, self._ordinal)
        if (place, began) != self._window:
            self._window = (place, began)
            if self._sheet.per_window:
                self._tier_from = self._at
        return self._sheet.windows[place], slot_ends_ms, self._meters.renew(self._at, self._entered_ms, day)

    def _slot(self, timeline: Timeline, limit_ms: int, stop_ms: int) -> None:
        """Walk on to where another window begins, a cap is counted anew, or ``limit_ms``."""
        window, slot_ends_ms, same_until_ms = self._look(timeline)
        limit_ms = min(limit_ms, slot_ends_ms, same_until_ms)
        if window.flat_fen is not None:
            self._flat(window, slot_ends_ms)
            return
        own = self._meters.of_window(window, self._window, self._at, slot_ends_ms)
        crossing = self._sheet.crossing
        if crossing is not Crossing.STARTS:
            edge_ms = timeline.edge_after(self._at, self._ordinal)
            if crossing is Crossing.SPLIT:
                self._blocks_to_share(timeline, window, (limit_ms, stop_ms, edge_ms), own)
                return
            stop_ms = min(stop_ms, edge_ms)
        self._blocks(window, limit_ms, stop_ms, own)

    def _flat(self, window: WindowSheet, ends_ms: int) -> None:
        if self._window not in self._flats:
            self._flats.add(self._window)
            self._charge(1, window.flat_fen or 0, self._at, ends_ms, (Rule.FLAT, window, None))
        self._at = ends_ms

    def _blocks(self, window: WindowSheet, limit_ms: int, stop_ms: int, own: Meter | None) -> None:
        """Every block that begins before ``limit_ms``; one that reaches ``stop_ms`` is cut there."""
        at, tier_from = self._at, self._tier_from
        for tier_ms, block_ms, price_fen, rule in window.rates:
            tier_ends_ms = tier_from + tier_ms
            if at >= tier_ends_ms:
                continue
            quantity = -((at - (min(tier_ends_ms, limit_ms))) // block_ms)
            ends_ms = at + quantity * block_ms
            ends_ms = min(ends_ms, stop_ms)
            self._charge(quantity, price_fen, at, ends_ms, (rule, window, own))
            at = ends_ms
            if at >= limit_ms:
                break
        self._at = at

    def _charge(
        self,
        quantity: int,
        price_fen: int,
        starts_ms: int,
        ends_ms: int,
        of: tuple[Rule, WindowSheet, Meter | None],
    ) -> None:
        rule, window, own = of
        amount_fen = quantity * price_fen
        self.fen += amount_fen
        if self._sheet.capped:
            self._meters.charge(amount_fen, own, counts=window.counts)
        name = window.name
        lines = self.lines
        if len(lines) > self._began:
            last = lines[-1]
            if last[1] == starts_ms and last[3] == price_fen and last[4] is rule and last[5] == name:
                starts_ms, quantity = last[0], quantity + last[2]
                del lines[-1]
        lines.append((starts_ms, ends_ms, quantity, price_fen, rule, name, ""))

    def _blocks_to_share(
        self, timeline: Timeline, window: WindowSheet, until: tuple[int, int, int], own: Meter | None
    ) -> None:
        """Like :meth:`_blocks`, but the block that reaches over the edge (last of ``until``) is shared."""
        limit_ms, stop_ms, edge_ms = until
        while self._at < limit_ms:
            tier_ends_ms, block_ms, _, _ = self._rate(window)
            whole = (min(edge_ms, stop_ms) - self._at) // block_ms
            if whole == 0 and edge_ms < stop_ms:
                self._share(timeline, min(self._at + block_ms, stop_ms))
                return
            until_ms = min(limit_ms, tier_ends_ms)
            if whole:
                until_ms = min(until_ms, self._at + whole * block_ms)
            self._blocks(window, until_ms, stop_ms, own)

    def _share(self, timeline: Timeline, ends_ms: int) -> None:
        """One block that lies in several windows: what each asks for the time in it, half-up."""
        while self._at < ends_ms:
            at = self._at
            window, slot_ends_ms, _ = self._look(timeline)
            own = self._meters.of_window(window, self._window, at, slot_ends_ms)
            part_ends_ms = min(ends_ms, timeline.edge_after(at, self._ordinal))
            _, block_ms, price_fen, rule = self._rate(window)
            share_fen = (2 * price_fen * (part_ends_ms - at) + block_ms) // (2 * block_ms)
            self._charge(1, share_fen, at, part_ends_ms, (rule, window, own))
            self._at = part_ends_ms

    def _rate(self, window: WindowSheet) -> tuple[int, int, int, Rule]:
        """The rate that holds now, with the moment at which its tier ends."""
        for tier_ms, block_ms, price_fen, rule in window.rates:
            if self._at < self._tier_from + tier_ms:
                return self._tier_from + tier_ms, block_ms, price_fen, rule
        raise Defect("the last rate of a list ends")

    def _state(self, starts_ms: int) -> tuple[object, ...]:
        """What decides how a period is walked; equal for two periods that are walked alike."""
        tier_from = max(starts_ms, self._paid_from_ms) if self._sheet.cuts else self._tier_from
        tier_ms = min(self._at - tier_from, self._sheet.tiers_ms)
        if self._sheet.timeline is None:
            return self._at - starts_ms, tier_ms
        while self._sheet.timeline.day(self._ordinal).ends_ms <= starts_ms:
            self._ordinal += 1
        ordinal = self._ordinal
        return (
            self._at - starts_ms,
            tier_ms,
            self._window[0],
            self._window[1] and self._window[1] - ordinal,
            self._shapes(starts_ms, ordinal),
            self._meters.state(starts_ms, ordinal),
            sorted((place, began - ordinal) for place, began in self._flats if began >= ordinal - 1),
        )

    def _shapes(self, starts_ms: int, ordinal: int) -> tuple[object, ...]:
        """The windows of a period and of the days into which its blocks may reach."""
        timeline = self._sheet.timeline
        if timeline is None:
            return ()
        day = timeline.day(ordinal)
        return (
            starts_ms - day.starts_ms,
            day.shape,
            timeline.day(ordinal + 1).shape,
            timeline.day(ordinal + 2).shape,
        )

    def _count_alike(self, starts_ms: int) -> int:
        """How many whole periods from here on are like the one before."""
        timeline = self._sheet.timeline
        if timeline is None:
            return (self._left_ms - starts_ms) // DAY_MS
        shapes = self._shapes(starts_ms, self._ordinal)
        length_ms = self._period_end(starts_ms) - starts_ms
        count = 0
        while starts_ms + length_ms <= self._left_ms:
            if self._shapes(starts_ms, self._ordinal + count) != shapes:
                break
            count += 1
            starts_ms += length_ms
        return count

    def _multiply(self, starts_ms: int, count: int, period_fen: int) -> int:
        """Take so many periods alike in one step; answers with where they end."""
        by_ms = (self._period_end(starts_ms) - starts_ms) * count
        self.lines.append((starts_ms, starts_ms + by_ms, count, period_fen, Rule.DAYS_ALIKE, "", ""))
        self.fen += count * period_fen
        self._at += by_ms
        self._tier_from += by_ms
        self._meters.shift(by_ms, count)
        self._flats = {(place, began + count) for place, began in self._flats}
        place, began = self._window
        self._window = (place, began and began + count)
        self._ordinal += count
        return starts_ms + by_ms
