"""Clocks of devices: how wrong each is, and what is done about it.

A message takes time to arrive, never less than none, so of several samples of (device time - our time) the
greatest is nearest to the truth. Samples come from heartbeats that tell the time and from reads that a device
itself calls live: a read that was kept somewhere looks like a slow clock, and must not be taken for one.
Three in a row that agree are a clock that has been set: what was measured before counts no more.

A broker keeps whatever comes while nobody listens. So reads that it brings are samples only where they are
ahead, and a clock is slow when two heartbeats agree: those that were kept come in a row, each younger than
the one before.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from parking.ids import ControllerId, GarageId

    Key = tuple[GarageId, ControllerId]

__all__ = ["DeviceClocks"]

SAMPLES: Final = 8
AGREEING: Final = 3
DEVICES_MAX: Final = 20_000
NEGLIGIBLE: Final = timedelta(seconds=2)
"""Less is delivery, not a clock; and a correction that never changes keeps re-sent reads alike."""


@dataclass(slots=True)
class Measured:
    """What is known of one clock; ``doubted`` is the last sample that may have been kept."""

    samples: deque[timedelta] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    doubted: timedelta | None = None


class DeviceClocks:
    """What this process knows of the clocks of the devices that call it."""

    def __init__(self) -> None:
        self._clocks: OrderedDict[Key, Measured] = OrderedDict()

    def note(self, device: Key, device_time: datetime, now: datetime, *, by_broker: bool = False) -> None:
        """One more sample; what comes ``by_broker`` may have been kept by it."""
        sample = device_time - now
        clock = self._clocks.setdefault(device, Measured())
        self._clocks.move_to_end(device)
        if len(self._clocks) > DEVICES_MAX:
            self._clocks.popitem(last=False)
        if by_broker and sample < -NEGLIGIBLE:
            last, clock.doubted = clock.doubted, sample
            if last is None or abs(sample - last) > NEGLIGIBLE:
                return
        clock.samples.append(sample)
        latest = list(clock.samples)[-AGREEING:]
        if len(latest) == AGREEING and max(latest) - min(latest) <= NEGLIGIBLE:
            clock.samples = deque(latest, SAMPLES)

    def skew(self, device: Key) -> timedelta:
        """By how much its clock is ahead, in whole seconds; behind is negative, unknown is nothing."""
        clock = self._clocks.get(device)
        if clock is None or not clock.samples:
            return timedelta()
        skew = max(clock.samples)
        return timedelta(seconds=round(skew.total_seconds())) if abs(skew) > NEGLIGIBLE else timedelta()
