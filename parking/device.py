"""A camera or a barrier controller that speaks its maker's protocol, as an operator has configured it.

A controller of ours speaks the native protocol and needs none of this. A device says "channel 1" where we
say ``out-1``, has a clock of its own, and proves who it is by what little it can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum, unique
from ipaddress import ip_address, ip_network

from parking.errors import InvalidInput
from parking.garage import Direction
from parking.ids import LaneId
from parking.language import Language

__all__ = ["Channel", "Device", "Proof"]

REPEAT_MAX_S = 900
SKEW_MAX_S = 24 * 3600


@unique
class Proof(StrEnum):
    """How a device proves who it is."""

    TOKEN = "token"  # noqa: S105 - the name of a way, no secret
    """By the secret part of its address, as a bearer token, or as the password of Basic authentication."""
    DIGEST = "digest"
    """By Digest authentication (RFC 7616); the user is the token's id."""
    BROKER = "broker"
    """By the topic of a message broker, which lets no other device write to it."""
    ADDRESS = "address"
    """By where it calls from, and nothing else: for devices that can set neither a path nor a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One view of a device: the lane that it watches.

    ``forward`` matters where a lane runs both ways: what a car does there that drives towards the camera.
    """

    lane_id: LaneId
    forward: Direction = Direction.ENTRY

    def __post_init__(self) -> None:
        if self.forward is Direction.BOTH:
            raise InvalidInput("forward is either entry or exit", ("forward",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of a device; times in seconds."""

    protocol: str
    channels: Mapping[str, Channel]
    """By the device's own number of the channel; ``*`` is any other."""
    serial: str = ""
    """Its serial number; another device's messages are refused. Empty: any."""
    proof: Proof = Proof.TOKEN
    digest_ha1: str = ""
    """MD5 of ``user:realm:password`` in hex: worth as much as the password, for this one controller."""
    networks: tuple[str, ...] = ()
    """Where it may call from, as addresses or networks; empty: anywhere."""
    address: str = ""
    """Its own address for commands, ``http://…``."""
    username: str = ""
    sealed_password: str = ""
    """The password that commands to it need, encrypted under the installation's key."""
    board: str = ""
    """The family of the display and voice board behind it; empty: none."""
    speaks: bool = False
    """Whether it speaks sentences by itself, where its protocol has a way to say them."""
    language: Language = Language.CHINESE
    """Of its lanes, where neither the driver's nor the garage's says otherwise."""
    utc_offset_minutes: int = 480
    """Of its clock, where it does not say so itself."""
    skew_max_s: int = 600
    """By how much its clock may be wrong and is put right; beyond, a read is kept for a person."""
    repeat_within_s: int = 60
    """A car let through that is read again in its lane within this time is the same passage."""
    paired: bool = False
    """Whether another camera watches the same lanes, so that one wrong sign makes no other car."""
    options: Mapping[str, str] = field(default_factory=dict)
    """What its protocol wants to know besides."""

    def __post_init__(self) -> None:
        if not self.channels:
            raise InvalidInput("a device watches at least one lane", ("channels",))
        if not 0 <= self.repeat_within_s <= REPEAT_MAX_S:
            raise InvalidInput(f"0 to {REPEAT_MAX_S} seconds", ("repeat_within_s",))
        if not 0 <= self.skew_max_s <= SKEW_MAX_S:
            raise InvalidInput(f"0 to {SKEW_MAX_S} seconds", ("skew_max_s",))
        if (self.proof is Proof.DIGEST) != bool(self.digest_ha1):
            raise InvalidInput("Digest, and only it, needs a stored HA1", ("proof", "digest_ha1"))
        if self.proof is Proof.ADDRESS and not self.networks:
            raise InvalidInput("an address is a proof only where it is written down", ("networks",))
        if self.proof is Proof.BROKER and not self.serial:
            raise InvalidInput("a broker's topics name a device by its serial number", ("serial",))
        try:
            _ = [ip_network(one) for one in self.networks]
        except ValueError:
            raise InvalidInput("not an address or a network", ("networks",)) from None

    def channel(self, number: str) -> Channel | None:
        """The lane of a channel, if there is one."""
        return self.channels.get(number) or self.channels.get("*")

    def channel_of(self, lane_id: LaneId) -> str:
        """The number of the channel that watches a lane, empty where none does."""
        return next((number for number, one in self.channels.items() if one.lane_id == lane_id), "")

    def may_call_from(self, address: str) -> bool:
        """Whether a request may come from there."""
        if not self.networks:
            return True
        try:
            calling = ip_address(address)
        except ValueError:
            return False
        calling = getattr(calling, "ipv4_mapped", None) or calling
        return any(calling in ip_network(one) for one in self.networks)
