"""What a read is to us: which event, and of which plate."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.errors import InvalidInput
from parking.ids import EventId
from parking.plate import Colour, parse_plate

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.gates.protocol import Read
    from parking.catalog import Controller
    from parking.plate import Plate

__all__ = ["event_id_of", "plate_of"]


def event_id_of(read: Read, controller: Controller, told_at: datetime) -> EventId:
    """The same for every copy of a record, whichever way and how often it comes."""
    device = read.serial or controller.controller_id
    mark = read.identity or f"{read.number}\x1f{read.channel}"
    content = f"{device}\x1f{mark}\x1f{int(read.turned_back)}\x1f{to_ms(told_at)}"
    return EventId(f"d-{blake2b(content.encode(), digest_size=16).hexdigest()}")


def plate_of(read: Read) -> Plate:
    """What cannot be a plate could not be read: the car stands there all the same."""
    try:
        return parse_plate(read.number, read.colour)
    except InvalidInput:
        return parse_plate("", Colour.UNKNOWN)
