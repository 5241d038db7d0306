"""What operators send and get about controllers: makers' devices, who is heard, barriers opened by hand."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Annotated

from pydantic import AwareDatetime, Field, SecretStr

from gateways.web.operator_wire import PRINTABLE, Label, Name, Wire
from parking.barrier import GateOutcome
from parking.device import Channel, Device, Proof
from parking.garage import Direction
from parking.ids import LaneId
from parking.language import Language

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ControllerIn",
    "ControllerMade",
    "ControllerOut",
    "ControllerQuery",
    "ControllerStatus",
    "ControllersOut",
    "DeviceIn",
    "DeviceOut",
    "OpenIn",
    "OpenOut",
    "device_out",
]

Short = Annotated[str, Field(max_length=100, pattern=PRINTABLE)]
Address = Annotated[str, Field(max_length=200, pattern=r"^(https?://[^\s/?#@]+/?)?$")]
Minutes = Annotated[int, Field(ge=-14 * 60, le=14 * 60)]


class ChannelIn(Wire):
    """The lane that a view of a device watches; ``forward`` matters where it runs both ways."""

    lane_id: Name
    forward: Annotated[Direction, Field(description="entry or exit")] = Direction.ENTRY


class DeviceIn(Wire):
    """A device as it is configured; what is left out has its protocol's default."""

    protocol: Name
    channels: Annotated[dict[Short, ChannelIn], Field(min_length=1, max_length=32)]
    serial: Short = ""
    proof: Proof | None = None
    networks: Annotated[tuple[Short, ...], Field(max_length=16)] = ()
    address: Address = ""
    username: Short = ""
    password: Annotated[SecretStr, Field(max_length=200, description="Of commands to it; kept sealed.")] = (
        SecretStr("")
    )
    board: Short = ""
    speaks: bool = False
    language: Language = Language.CHINESE
    utc_offset_minutes: Minutes = 480
    skew_max_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    repeat_within_s: Annotated[int, Field(ge=0, le=900)] = 60
    paired: bool = False
    options: Annotated[dict[Short, Short], Field(max_length=16, default_factory=dict)]

    def device(self, *, proof: Proof, digest_ha1: str, seal: Callable[[str], str]) -> Device:
        """As the gates have it."""
        password = self.password.get_secret_value()
        return Device(
            protocol=self.protocol,
            channels={
                number: Channel(lane_id=LaneId(one.lane_id), forward=one.forward)
                for number, one in self.channels.items()
            },
            serial=self.serial,
            proof=proof,
            digest_ha1=digest_ha1,
            networks=self.networks,
            address=self.address,
            username=self.username,
            sealed_password=seal(password) if password else "",
            board=self.board,
            speaks=self.speaks,
            language=self.language,
            utc_offset_minutes=self.utc_offset_minutes,
            skew_max_s=self.skew_max_s,
            repeat_within_s=self.repeat_within_s,
            paired=self.paired,
            options=self.options,
        )


class ControllerIn(Wire):
    """A device to connect; a controller of the native protocol gets a token only (``POST /v1/tokens``)."""

    controller_id: Name
    label: Label | None = None
    device: DeviceIn


class ControllerMade(Wire):
    """What to type into the device; its secret is shown this once."""

    token_id: str
    token: str
    url: str
    instructions: str


@unique
class ControllerStatus(StrEnum):
    """Whether a controller is heard."""

    ONLINE = "online"
    SILENT = "silent"
    UNHEARD = "unheard"
    """Never, as far as the live store knows."""


class ControllerQuery(Wire):
    """Which controllers; a device without heartbeats is silent where no car comes."""

    garage_id: Name | None = None
    status: ControllerStatus | None = None
    silent_after_s: Annotated[int, Field(ge=1, le=86_400)] = 120


class DeviceOut(Wire):
    """A device as it is configured, without any secret."""

    protocol: str
    channels: dict[str, str]
    serial: str
    proof: Proof
    networks: list[str]
    address: str
    username: str
    board: str
    language: Language
    options: dict[str, str]


class ControllerOut(Wire):
    """One controller, and when it was heard of last."""

    token_id: str
    garage_id: str
    controller_id: str
    label: str
    lane_ids: list[str]
    status: ControllerStatus
    heard_at: AwareDatetime | None
    heartbeat_at: AwareDatetime | None
    clock_skew_s: Annotated[int | None, Field(description="By how much its clock is ahead.")]
    device: Annotated[DeviceOut | None, Field(description="None speaks the native protocol.")]


class ControllersOut(Wire):
    """All of them."""

    controllers: list[ControllerOut]


class OpenIn(Wire):
    """Why a barrier is opened by hand, and by which controller where a lane has several."""

    reason: Label
    controller_id: Name | None = None


class OpenOut(Wire):
    """What became of it; ``told`` and ``accepted`` say nothing of whether the barrier moved."""

    event_id: Annotated[str, Field(description="Under which the barrier record stands.")]
    controller_id: str
    outcome: GateOutcome
    said: str


def device_out(device: Device) -> DeviceOut:
    """Of a device."""
    return DeviceOut(
        protocol=device.protocol,
        channels={number: one.lane_id for number, one in device.channels.items()},
        serial=device.serial,
        proof=device.proof,
        networks=list(device.networks),
        address=device.address,
        username=device.username,
        board=device.board,
        language=device.language,
        options=dict(device.options),
    )
