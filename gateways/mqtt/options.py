"""Which broker, as whom, and what passes: the values that a connection is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MqttOptions", "MqttServer", "MqttVersion", "Received", "Will", "mqtt_server"]

PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@unique
class MqttVersion(StrEnum):
    """Of the protocol; the broker translates between clients of either."""

    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttServer:
    """Where a broker listens, and as whom to come."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker says for us, retained, when the connection is lost."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttOptions:
    """``client_id`` names the session: a second connection of the same name ends the first.

    Subscriptions are of QoS 1; ``authority`` is a file of certificates to trust in place of the system's.
    """

    client_id: str
    subscriptions: tuple[str, ...]
    version: MqttVersion = MqttVersion.V5
    will: Will | None = None
    authority: Path | None = None
    payload_bytes_max: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message; ``properties`` are MQTT 5's user properties, the first of each name."""

    topic: str
    payload: bytes
    retained: bool
    properties: Mapping[str, str]


def mqtt_server(url: str) -> MqttServer:
    """Of ``mqtt://user:password@host:port`` or ``mqtts://…``; :class:`InvalidInput` for anything else."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if parts.scheme not in PORTS or not parts.hostname or port == 0 or parts.path.strip("/"):
        raise InvalidInput("mqtt://host:port or mqtts://host:port is needed", ("mqtt_url",))
    return MqttServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )
