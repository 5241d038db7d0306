"""What a maker's protocol over a message broker is: topics and payloads into messages, commands into both.

Nothing answers a message here. What opens, shows and speaks is a publication of ours; the device confirms it
by another. Like :class:`GateProtocol` it is pure: it opens nothing by itself and writes no text.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from gateways.gates.protocol import DeviceProtocol, Message
from parking.device import Proof

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gateways.gates.protocol import Signals
    from parking.device import Device

__all__ = ["Admitted", "CommandReply", "MqttProtocol", "Order", "Publication"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What is published for a device."""

    topic: str
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReply:
    """What a device says of a command, by the id that we gave it; ``said`` is its own word."""

    command_id: str
    accepted: bool
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What every command to a device carries: an id of its own, and when it was given."""

    command_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A car that a device may let out by itself, and from when to when."""

    number: str
    since: datetime
    until: datetime


class MqttProtocol(DeviceProtocol):
    """One maker's protocol over MQTT; its devices are told apart by a serial number in their topics."""

    proofs: ClassVar[tuple[Proof, ...]] = (Proof.BROKER,)
    subscriptions: ClassVar[tuple[str, ...]]
    """Filters of all topics that its devices publish on."""

    @abstractmethod
    def serial_of(self, topic: str) -> str | None:
        """The serial number in a topic; ``None`` for one that is none of this protocol's."""

    @abstractmethod
    def parse(self, topic: str, payload: bytes, device: Device) -> Sequence[Message | CommandReply]:
        """The messages of a publication; raises :class:`InvalidInput` for what is none of this protocol."""

    @abstractmethod
    def opening(self, device: Device, channel: str, order: Order) -> Publication:
        """The command that opens the barrier of a channel."""

    @abstractmethod
    def shown(self, signals: Signals, device: Device, order: Order) -> Publication | None:
        """What shows and speaks; ``None`` where there is nothing."""

    @abstractmethod
    def listed_at_once(self, device: Device) -> int:
        """How many cars of its own list one command to it may name; 0 for a device that keeps none."""

    @abstractmethod
    def admitting(self, cars: Sequence[Admitted], device: Device, order: Order) -> Publication:
        """The command that puts cars on its list, or changes them there."""

    @abstractmethod
    def dismissing(self, numbers: Sequence[str], device: Device, order: Order) -> Publication:
        """The command that takes cars off its list; some may not be there."""
