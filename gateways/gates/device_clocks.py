"""Clocks of devices: how wrong each is, and what is done about it.

A message takes time to arrive, never less than none. So a sample of (device time - our time) that is greater
than what is known of a clock is nearer to the truth, and counts at once. A smaller one is of a clock that was
put back, or of a message that waited somewhere, in the device or at a broker: it counts once others, made a
moment later, say the same. What has waited together comes together, and says different things.

A clock that was ahead, and by its next message is right, was put right: that counts at once, too. A message
that waited could say so only if it had waited just as long as the clock is ahead, and came first of all that
waited.

Samples come from heartbeats that tell the time and from reads that a device itself calls live. A process that
has just begun goes by what the one before has found out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from parking.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from parking.ids import ControllerId, GarageId

    Key = tuple[GarageId, ControllerId]
    Ask = Callable[[Key], Awaitable[timedelta | None]]

__all__ = ["DeviceClocks"]

log = structlog.get_logger()

DEVICES_MAX: Final = 20_000
NEGLIGIBLE: Final = timedelta(seconds=2)
"""Less is delivery, not a clock; and a correction that never changes keeps re-sent reads alike."""
APART: Final = 2 * NEGLIGIBLE
"""By their device's time, of samples that confirm each other: one message alone is sent again and again."""
AGREEING: Final = 2
"""Samples that say how slow a clock is of which nothing is known."""
AGREEING_OTHERWISE: Final = 3
"""That say so of one that was known to be less so."""


@dataclass(slots=True)
class Measured:
    """What is known of one clock; of the last samples that agree: the last time, the greatest, how many."""

    made_at: datetime
    said: timedelta
    count: int = 0
    known: timedelta | None = None

    def note(self, made_at: datetime, sample: timedelta) -> None:
        """One more sample."""
        put_right = self._is_as_said() and abs(sample) <= NEGLIGIBLE
        if not self.count or abs(sample - self.said) > NEGLIGIBLE:
            self.made_at, self.said, self.count = made_at, sample, 1
        elif made_at - self.made_at >= APART:
            self.made_at, self.said, self.count = made_at, max(sample, self.said), self.count + 1
        if put_right or self._counts(sample):
            self.known = max(sample, self.said)

    def _is_as_said(self) -> bool:
        return self.known is not None and abs(self.known - self.said) <= NEGLIGIBLE

    def _counts(self, sample: timedelta) -> bool:
        if self.known is None:
            return sample >= -NEGLIGIBLE or self.count >= AGREEING
        put_back = self.count >= AGREEING_OTHERWISE and self.known - self.said > NEGLIGIBLE
        return sample > self.known or put_back


class DeviceClocks:
    """What this process knows of the clocks of the devices that call it."""

    def __init__(self) -> None:
        self._clocks: OrderedDict[Key, Measured] = OrderedDict()
        self._asked: set[Key] = set()

    def note(self, device: Key, device_time: datetime, now: datetime) -> None:
        """One more sample."""
        sample = device_time - now
        self._clocks.setdefault(device, Measured(device_time, sample)).note(device_time, sample)
        self._clocks.move_to_end(device)
        if len(self._clocks) > DEVICES_MAX:
            self._clocks.popitem(last=False)

    async def recall(self, device: Key, device_time: datetime, now: datetime, *, ask: Ask) -> None:
        """Find out, once, what was known of a clock that looks slow and that this process does not know."""
        looks_slow = now - device_time > NEGLIGIBLE
        if not looks_slow or device in self._asked or self.skew(device) is not None:
            return
        try:
            skew = await ask(device)
        except DependencyError as error:
            log.debug("clock_not_recalled", error=str(error))
            return
        self._asked.add(device)
        if skew is not None and self.skew(device) is None:
            self._clocks.setdefault(device, Measured(now, skew)).known = skew

    def skew(self, device: Key) -> timedelta | None:
        """By how much its clock is ahead, in whole seconds; behind is negative, ``None`` is not known."""
        clock = self._clocks.get(device)
        if clock is None or clock.known is None:
            return None
        negligible = abs(clock.known) <= NEGLIGIBLE
        return timedelta(seconds=0 if negligible else round(clock.known.total_seconds()))
