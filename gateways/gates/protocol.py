"""What a gate protocol is: a maker's bytes into a few plain messages, and answers into his bytes.

A protocol is pure. It holds no rule about money, opens nothing by itself, and writes no text: what a driver
is told comes to it as :class:`Signals`. What all protocols have in common (who is asking, which event a
message is, clocks, repeats, pictures, the answer itself) is done around it, in ``device_intake.py`` and
``device_http.py``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import StrEnum, unique
from typing import TYPE_CHECKING, ClassVar, Final

from parking.device import Proof
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from parking.device import Device
    from parking.event import Candidate
    from parking.ids import LaneId
    from parking.plate import Colour

__all__ = [
    "BODY_BYTES_MAX",
    "YEARS",
    "Answered",
    "DeviceProtocol",
    "DeviceReply",
    "DeviceRequest",
    "GateProtocol",
    "Heading",
    "Heartbeat",
    "Message",
    "Notice",
    "Passage",
    "PassageKind",
    "Read",
    "Signals",
    "check_choice",
    "check_options",
    "check_whole",
    "device_time",
    "turned",
]

BODY_BYTES_MAX: Final = 8 * 1024 * 1024
"""In base64: two pictures of the largest size that is kept, or one three times as large, refused alone."""
YEARS: Final = range(2000, 2100)
"""In which cars pass."""
NUMERALS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """One HTTP request of a device; ``path`` is what follows the secret, header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@unique
class Heading(StrEnum):
    """Which way a car drove, as the camera saw it."""

    FORWARD = "forward"
    """Towards the camera, as nearly all are mounted."""
    REVERSE = "reverse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One plate read once.

    ``captured_at`` is the device's time; ``number`` as the device wrote it, empty when it could not be read.
    ``identity`` is what the maker tells his records apart by; without one, device, plate and time do.
    """

    captured_at: datetime
    number: str
    colour: Colour
    confidence: float
    identity: str = ""
    serial: str = ""
    channel: str = "0"
    heading: Heading = Heading.UNKNOWN
    candidates: tuple[Candidate, ...] = ()
    history: bool | None = None
    """Whether the device says that it kept this while it was cut off; ``None`` where it does not say."""
    turned_back: bool = False
    """The car came to the barrier and went back."""
    opened: bool = False
    """The device has opened the barrier by itself, from its own list."""
    pictures: tuple[bytes, ...] = field(default=(), repr=False)
    """As sent, the one that shows most first."""
    track: str = ""
    """Of one car that the camera follows and reads several times; empty where each read is a car."""
    begins_track: bool = False
    """The camera has not told of it before."""
    ends_track: bool = False
    """The camera has lost sight of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The device is there; ``device_time`` where it says what time it takes it to be."""

    serial: str = ""
    device_time: datetime | None = None
    hold_s: float = 0
    """How long the answer may take, for a device that asks whether there is anything to do."""
    asks: bool = False
    """Whether it asks for that, so that its answer can open the barrier for a car that has paid meanwhile."""


@unique
class PassageKind(StrEnum):
    """What a device saw of the barrier, or did with it."""

    PASSED = "passed"
    TAILGATED = "tailgated"
    """A second vehicle passed with the first."""
    STAYED = "stayed"
    """Something stands below the barrier."""
    CLEARED = "cleared"
    """It stands there no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Something happened at the barrier that is no plate read."""

    kind: PassageKind
    captured_at: datetime | None = None
    number: str = ""
    identity: str = ""
    serial: str = ""
    channel: str = "0"
    history: bool = False
    """The device kept this while it was cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message that is acknowledged and has no further effect; ``what`` names its kind, for the metric."""

    what: str
    serial: str = ""


Message = Read | Heartbeat | Passage | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """What is told to the driver: lines to show, a sentence to speak, and both as frames for a board."""

    lines: tuple[str, ...] = ()
    speech: str = ""
    frames: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A message and what becomes of it; ``opens`` is the one thing that moves a barrier.

    ``event_id`` and ``reason`` are those of the decision, for the record. ``record_id`` is the same for every
    copy of one read, and no other's. ``happened_at`` is when the device saw or did what the message tells of,
    for every copy of it; ``None`` where it does not say or is wrong.
    """

    message: Message
    opens: bool = False
    event_id: str = ""
    record_id: str = ""
    reason: str = ""
    lane_id: LaneId | None = None
    happened_at: datetime | None = None
    signals: Signals = field(default_factory=Signals)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReply:
    """What the device gets, to the byte: ``headers`` are all but Content-Length, in this order."""

    status: int = 200
    reason: str = "OK"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class DeviceProtocol(ABC):
    """One maker's protocol, whatever carries it."""

    name: ClassVar[str]
    """As in ``/v1/devices/<name>/…`` and in a device's configuration."""
    setup: ClassVar[str]
    """How to connect a device, in lines for a person.

    ``{url}`` is the address that it must call or connect to, in parts ``{host}``, ``{port}`` and ``{path}``.
    """
    proofs: ClassVar[tuple[Proof, ...]]
    """How its devices can prove who they are, the usual way first."""
    shows: ClassVar[bool] = False
    """Whether a board behind a device is reached through it."""
    speaks: ClassVar[bool] = False
    """Whether a device is told what to say by its own loudspeaker."""

    def check(self, device: Device) -> None:
        """Raise :class:`InvalidInput` for options that this protocol does not have."""
        check_options(device, frozenset())


class GateProtocol(DeviceProtocol):
    """One maker's protocol over HTTP."""

    proofs: ClassVar[tuple[Proof, ...]] = (Proof.TOKEN, Proof.DIGEST, Proof.ADDRESS)
    fixed_paths: ClassVar[frozenset[str]] = frozenset()
    """Paths that a device of this make calls and that nobody can change."""
    body_bytes_max: ClassVar[int] = BODY_BYTES_MAX
    """The largest body, pictures included."""

    @abstractmethod
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        """The messages of a request; raises :class:`InvalidInput` for what is none of this protocol."""

    @abstractmethod
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        """What the device is told; it must also end its re-sending."""


def check_options(device: Device, known: frozenset[str]) -> None:
    """Raise :class:`InvalidInput` unless a device's options are among the ``known``."""
    unknown = sorted(device.options.keys() - known)
    if unknown:
        raise InvalidInput(
            f"{device.protocol} has no such option", tuple(f"options.{one}" for one in unknown)
        )


def check_choice(device: Device, option: str, *choices: str) -> None:
    """Raise :class:`InvalidInput` unless an option, where it is given, is one of the ``choices``."""
    if option in device.options and device.options[option] not in choices:
        raise InvalidInput(f"one of {', '.join(choices)}", (f"options.{option}",))


def check_whole(device: Device, option: str, allowed: range) -> None:
    """Raise :class:`InvalidInput` unless an option, where it is given, is a whole number ``allowed``."""
    text = device.options.get(option, str(allowed.start))
    if not (text.isascii() and text.isdecimal() and len(text) < NUMERALS and int(text) in allowed):
        raise InvalidInput(f"{allowed.start} to {allowed.stop - 1}", (f"options.{option}",))


def device_time(text: str, device: Device, field: str) -> datetime:
    """The moment that a device wrote in the form of ISO 8601; without an offset, that of its configuration.

    Raises :class:`InvalidInput` that names ``field``.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("not a time", (field,)) from None
    if at.year not in YEARS:
        raise InvalidInput("not a time of any car", (field,))
    if at.tzinfo is not None:
        return at
    return at.replace(tzinfo=timezone(timedelta(minutes=device.utc_offset_minutes)))


def turned(heading: Heading) -> Heading:
    """The other way, of a camera that says it the other way round."""
    match heading:
        case Heading.FORWARD:
            return Heading.REVERSE
        case Heading.REVERSE:
            return Heading.FORWARD
        case Heading.UNKNOWN:
            return Heading.UNKNOWN
