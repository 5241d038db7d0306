"""What a driver at a device's lane is shown and told, for every protocol alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.gates.display import display
from gateways.gates.protocol import Signals

if TYPE_CHECKING:
    from parking.decision import Decision
    from parking.device import Device
    from parking.plate import Plate

__all__ = ["signals_of"]


def signals_of(plate: Plate, decision: Decision, device: Device) -> Signals:
    """The lines of a display."""
    del device
    return Signals(lines=tuple(display(plate, decision)))
