"""What a driver at a device's lane is shown and told, for every protocol alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.gates.boards import BOARDS
from gateways.gates.display import display, speech
from gateways.gates.protocol import Signals
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from parking.decision import Decision
    from parking.device import Device
    from parking.plate import Plate

__all__ = ["check_board", "signals_of"]


def signals_of(plate: Plate, decision: Decision, device: Device) -> Signals:
    """Lines and a sentence in the lane's language, and both as frames of the board behind the device.

    A device that speaks by itself gets the sentence, and its board lines alone.
    """
    lines = tuple(display(plate, decision, device.language))
    said = speech(plate, decision, device.language)
    encode = BOARDS.get(device.board)
    return Signals(
        lines=lines,
        speech=said if device.speaks else "",
        frames=encode(lines, "" if device.speaks else said) if encode is not None and lines else (),
    )


def check_board(device: Device) -> None:
    """Raise :class:`InvalidInput` for a family of boards that is not known."""
    if device.board and device.board not in BOARDS:
        raise InvalidInput(f"a board is one of {', '.join(sorted(BOARDS))}", ("board",))
