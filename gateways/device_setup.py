"""A device as an operator configures it: whether it can be so, and what is typed into it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateways.device_secrets import seal
from gateways.gate_wiring import MQTT_PROTOCOLS, PROTOCOLS
from gateways.gates.device_access import digest_ha1
from gateways.gates.device_http import DEVICES_PATH
from gateways.gates.signals import check_board
from gateways.web.access import token_text
from parking.device import Proof
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from gateways.gates.protocol import DeviceProtocol
    from gateways.settings import Settings
    from gateways.web.controller_wire import DeviceIn
    from parking.device import Device

__all__ = ["PROTOCOL_NAMES", "DeviceSetup", "address_of", "check_device", "instructions", "usual_proof"]

BY_NAME: Final[dict[str, DeviceProtocol]] = {one.name: one for one in (*PROTOCOLS, *MQTT_PROTOCOLS)}
PROTOCOL_NAMES: Final = tuple(sorted(BY_NAME))
PORTS: Final = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
BROKER: Final = "mqtt://the-broker:1883"
ADDRESS: Final = re.compile(r"https?://[^\s/?#@:\[\]]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
"""Of a server, without a path."""
PROOFS: Final = {
    Proof.TOKEN: "The long part of the address is its secret.",
    Proof.DIGEST: "Digest authentication: user {token_id}, password {secret}",
    Proof.ADDRESS: "It is known by where it calls from, and needs no secret.",
    Proof.BROKER: "It is known by its topics: the broker must let nobody else write to them.",
}


def usual_proof(protocol: str) -> Proof:
    """How devices of a protocol prove who they are, unless told otherwise."""
    return _protocol(protocol).proofs[0]


def check_device(device: Device) -> None:
    """Raise :class:`InvalidInput` for a device that its protocol cannot serve as it is configured."""
    protocol = _protocol(device.protocol)
    if device.proof not in protocol.proofs:
        raise InvalidInput(f"{device.protocol} can be proven by {', '.join(protocol.proofs)}", ("proof",))
    if device.address:
        _server(device.address, "address")
    if device.board and not protocol.shows:
        raise InvalidInput(f"no board is reached over {device.protocol}", ("board",))
    if device.speaks and not protocol.speaks:
        raise InvalidInput(f"devices of {device.protocol} are not told what to say", ("speaks",))
    protocol.check(device)
    check_board(device)


def address_of(device: Device, token: str, settings: Settings, gate_url: str | None = None) -> str:
    """What the device must call; ``gate_url`` is where it reaches the gates, else this machine.

    Its token is in there only where it is proven by that. A device on a broker gets the broker's address,
    without our own name and password for it. Raises :class:`InvalidInput` for what is no address of a server.
    """
    if device.proof is Proof.BROKER:
        split = urlsplit(settings.mqtt_url.get_secret_value() if settings.mqtt_url else BROKER)
        return f"{split.scheme}://{split.netloc.rpartition('@')[2]}"
    base = _server(gate_url or f"http://{settings.host}:{settings.gate_port}", "gate_url")
    address = f"{base}{DEVICES_PATH}{device.protocol}"
    return f"{address}/{token}" if device.proof is Proof.TOKEN else address


def instructions(device: Device, url: str, token_id: str, secret: str) -> str:
    """What a person types into the device; holds its secret."""
    split = urlsplit(url)
    setup = BY_NAME[device.protocol].setup.format(
        host=split.hostname,
        port=split.port or PORTS[split.scheme],
        path=split.path,
        url=url,
        serial=device.serial,
    )
    return f"{setup}\n{PROOFS[device.proof].format(token_id=token_id, secret=secret)}"


class DeviceSetup:
    """For the operator API, where devices are described over the wire."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def device(self, given: DeviceIn, token_id: str, secret: str) -> Device:
        """The device that an operator describes; raises :class:`InvalidInput`."""
        proof = given.proof or usual_proof(given.protocol)
        device = given.device(
            proof=proof,
            digest_ha1=digest_ha1(token_id, secret) if proof is Proof.DIGEST else "",
            seal=partial(seal, self._settings.device_key),
        )
        check_device(device)
        return device

    def setup(self, device: Device, token_id: str, secret: str) -> tuple[str, str]:
        """The address that is typed into it, and how."""
        url = address_of(device, token_text(token_id, secret), self._settings)
        return url, instructions(device, url, token_id, secret)


def _server(url: str, field: str) -> str:
    """The address of a server as others build upon it."""
    address = url.rstrip("/")
    if not ADDRESS.fullmatch(address):
        raise InvalidInput("http://host:port or https://host:port is needed", (field,))
    return address


def _protocol(name: str) -> DeviceProtocol:
    protocol = BY_NAME.get(name)
    if protocol is None:
        raise InvalidInput(f"one of {', '.join(PROTOCOL_NAMES)}", ("protocol",))
    return protocol
