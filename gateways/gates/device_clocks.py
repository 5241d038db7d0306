"""Clocks of devices: how wrong each is, and what is done about it.

A message takes time to arrive, never less than none, so of several samples of (device time - our time) the
greatest is nearest to the truth. Samples come from heartbeats that tell the time and from reads that a device
itself calls live: a read that was kept somewhere looks like a slow clock, and must not be taken for one.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from parking.ids import ControllerId, GarageId

    Key = tuple[GarageId, ControllerId]

__all__ = ["DeviceClocks"]

SAMPLES: Final = 8
DEVICES_MAX: Final = 20_000
NEGLIGIBLE: Final = timedelta(seconds=2)
"""Less is delivery, not a clock; and a correction that never changes keeps re-sent reads alike."""


class DeviceClocks:
    """What this process knows of the clocks of the devices that call it."""

    def __init__(self) -> None:
        self._samples: OrderedDict[Key, deque[timedelta]] = OrderedDict()

    def note(self, device: Key, device_time: datetime, now: datetime) -> None:
        """One more sample."""
        samples = self._samples.setdefault(device, deque(maxlen=SAMPLES))
        samples.append(device_time - now)
        self._samples.move_to_end(device)
        if len(self._samples) > DEVICES_MAX:
            self._samples.popitem(last=False)

    def skew(self, device: Key) -> timedelta:
        """By how much its clock is ahead, in whole seconds; behind is negative, unknown is nothing."""
        samples = self._samples.get(device)
        if not samples:
            return timedelta()
        skew = max(samples)
        return timedelta(seconds=round(skew.total_seconds())) if abs(skew) > NEGLIGIBLE else timedelta()
