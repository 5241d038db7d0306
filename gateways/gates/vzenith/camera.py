"""What a Vzenith camera says and is told, whichever way it is connected.

Not certain, and therefore options: which output a barrier hangs on (``io``; of a camera with several channels
the next ones follow, by the channel's number) and how long its relay is closed (``pulse_ms``); which serial
channel a board hangs on (``serial_channel``); and which way a car drives that moves ``up`` in the picture
(``up_is``: towards the camera unless ``reverse``).
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from gateways.gates.forms import picture_from_base64
from gateways.gates.protocol import (
    Heading,
    Passage,
    PassageKind,
    Read,
    check_choice,
    check_options,
    check_whole,
)
from gateways.gates.vzenith.wire import (
    COLOURS,
    DIRECTIONS,
    OPENED_BY_ITSELF,
    STAY_OVER,
    STAYS,
    TURNED_BACK,
    UNREAD,
    UNREADABLE_TYPES,
)
from parking.plate import Colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.mqtt_protocol import Admitted
    from gateways.gates.vzenith.wire import AlarmInfoPlate, PlateResult
    from parking.device import Device

__all__ = ["EPOCH", "check_camera", "compact", "list_record", "message_from", "pulse", "serial_data"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
NUMBERS: Final = ("io", "pulse_ms", "serial_channel")
MILLISECONDS_MAX: Final = 30_000
LIST_TIME: Final = "%Y-%m-%d %H:%M:%S"
compact: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def check_camera(device: Device, *, numbers: Sequence[str] = (), words: frozenset[str] = frozenset()) -> None:
    """Raise :class:`InvalidInput` for options that are none: those of every camera, and those named here."""
    check_options(device, frozenset({*NUMBERS, *numbers, *words, "up_is"}))
    check_choice(device, "up_is", "forward", "reverse")
    for name in (*NUMBERS, *numbers):
        check_whole(device, name, range(MILLISECONDS_MAX + 1))


def pulse(device: Device, channel: str) -> dict[str, int]:
    """The command that closes the relay of a channel's barrier for a moment; ``io`` is that of the first."""
    further = int(channel) if len(device.channels) > 1 and channel.isdecimal() else 0
    return {
        "io": int(device.options.get("io", "0")) + further,
        "value": 2,
        "delay": int(device.options.get("pulse_ms", "500")),
    }


def serial_data(frames: Sequence[bytes], device: Device) -> list[dict[str, Any]]:
    """Frames for the board behind the camera."""
    channel = int(device.options.get("serial_channel", "0"))
    return [
        {"serialChannel": channel, "data": base64.b64encode(frame).decode(), "dataLen": len(frame)}
        for frame in frames
    ]


def list_record(car: Admitted, device: Device, at: datetime) -> dict[str, Any]:
    """A car on the camera's own list, which is in the camera's local time."""
    local = timezone(timedelta(minutes=device.utc_offset_minutes))
    made, since, until = (one.astimezone(local).strftime(LIST_TIME) for one in (at, car.since, car.until))
    return {
        "plate": car.number,
        "enable": 1,
        "create_time": made,
        "enable_time": since,
        "overdue_time": until,
        "time_seg_enable": 0,
        "need_alarm": 0,
    }


def message_from(alarm: AlarmInfoPlate, device: Device) -> Read | Passage:
    """The message of a read, which may be of a car that stands below the barrier."""
    plate = alarm.result.plate
    at = EPOCH + timedelta(seconds=plate.timestamp.timeval.sec, microseconds=plate.timestamp.timeval.usec)
    identity = "" if plate.plateid is None else str(plate.plateid)
    if plate.trigger_type in {STAYS, STAY_OVER}:
        kind = PassageKind.STAYED if plate.trigger_type == STAYS else PassageKind.CLEARED
        return Passage(
            kind=kind,
            captured_at=at,
            identity=identity,
            serial=alarm.serialno,
            channel=str(alarm.channel),
            history=plate.isoffline == 1,
        )
    unread = plate.type in UNREADABLE_TYPES or plate.is_fake_plate == 1 or plate.license in UNREAD
    return Read(
        captured_at=at,
        number="" if unread else plate.license,
        colour=COLOURS[plate.colour_type] if 0 <= plate.colour_type < len(COLOURS) else Colour.UNKNOWN,
        confidence=plate.confidence / 100,
        identity=identity,
        serial=alarm.serialno,
        channel=str(alarm.channel),
        heading=_heading(plate, device),
        history=plate.isoffline == 1,
        turned_back=plate.trigger_type == TURNED_BACK,
        opened=any(one.ctrltype == OPENED_BY_ITSELF for one in plate.gioouts),
        pictures=tuple(
            picture_from_base64(text) for text in (plate.image_file, plate.image_fragment_file) if text
        ),
    )


def _heading(plate: PlateResult, device: Device) -> Heading:
    direction = DIRECTIONS.get(plate.direction)
    if direction is None:
        return Heading.UNKNOWN
    upwards = device.options.get("up_is", "forward") == "forward"
    return Heading.FORWARD if (direction == "up") == upwards else Heading.REVERSE
