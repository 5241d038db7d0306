"""What tells one maker's camera from another's: its bytes, and how it reads the answer.

Pure. What a camera has seen is a :class:`GateEvent`, of which it knows no garage, no lane and no event id: it
has a serial number, numbers its records, and says when, which plate, and how sure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from parking.event import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from parking.event import GateEvent

__all__ = ["FORM", "SECOND", "Command", "Commanded", "Heard", "Maker", "Push", "Record", "Reply"]

FORM: Final = "application/x-www-form-urlencoded"
SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One thing that a camera has seen; ``mark`` is its own number for it, ``kept`` that nobody took it live.

    ``channel`` is which of its views it was, from 1.
    """

    serial: str
    mark: int
    channel: int
    event: GateEvent
    kept: bool = False
    opened: bool = False
    """By the camera itself, from its own list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What a camera sends; ``path`` follows the address that was typed in, or ends a topic of its own."""

    path: str
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What it was answered; header names in lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a camera makes of an answer.

    ``taken`` ends its re-sending, ``opens`` moves its barrier, ``goes_on`` lets the next kept record come.
    ``frames`` go to the board behind it, ``said`` is spoken.
    """

    taken: bool
    opens: bool = False
    goes_on: bool = True
    frames: tuple[bytes, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A request to the camera's own server, once it is proven."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """What the camera's own server answers; ``opens`` is the channel whose barrier moves."""

    status: int = 200
    body: bytes = b""
    opens: int | None = None


class Maker(ABC):
    """One maker's protocol, as his cameras speak it."""

    name: ClassVar[str]
    resolution: ClassVar[timedelta] = timedelta(milliseconds=1)
    """Of the times that it says."""
    says_turn_back: ClassVar[bool] = False
    says_kept: ClassVar[bool] = True
    """Whether a record of its memory says that it is one."""
    by_command: ClassVar[bool] = False
    """Whether its barrier is opened by a command to it, and not by the answer."""
    by_broker: ClassVar[bool] = False
    """Whether it publishes on a broker, where nobody answers; what it is told comes on topics of its own."""
    channels_max: ClassVar[int] = 8

    @abstractmethod
    def push(self, record: Record) -> Push:
        """How it reports."""

    @abstractmethod
    def heartbeat(self, serial: str, at: datetime) -> Push:
        """How it says that it is there."""

    @abstractmethod
    def heard(self, record: Record, reply: Reply) -> Heard:
        """What the answer to a report means to it."""

    def question(self, serial: str) -> Push | None:
        """How it asks whether there is anything to do; ``None`` for one that never asks."""
        del serial
        return None

    def bidden(self, reply: Reply) -> int | None:
        """The channel whose barrier the answer to its question opens, if one does."""
        del reply
        return None

    def commanded(self, command: Command, *, is_open: bool) -> Commanded:
        """What its own server does; ``is_open`` is how the barrier stands."""
        del command, is_open
        return Commanded(status=404)

    def told(self, event: GateEvent) -> GateEvent | None:
        """As much of an event as it can say; ``None`` for what it has no way to say."""
        if event.kind is Kind.TURN_BACK and not self.says_turn_back:
            return None
        cut = event.captured_at.microsecond % (self.resolution // timedelta(microseconds=1))
        return replace(event, captured_at=event.captured_at - timedelta(microseconds=cut))
