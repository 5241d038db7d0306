"""Which gates a day has, and how the lanes of a garage are shared out among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.devices.makers import MAKERS, NATIVE_MQTT
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.mqtt.options import MqttVersion
    from parking.ids import LaneId

__all__ = ["GateChoice", "share_lanes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateChoice:
    """The gates that were asked for; ``broker`` is the MQTT broker's address, where one is needed."""

    names: tuple[str, ...]
    broker: str | None
    mqtt_version: MqttVersion

    def __post_init__(self) -> None:
        on_broker = [one for one in self.names if one == NATIVE_MQTT or _is_on_broker(one)]
        if on_broker and self.broker is None:
            raise InvalidInput(f"{', '.join(on_broker)}: a broker is needed, --mqtt-url", ("gates",))

    @property
    def settings(self) -> dict[str, str]:
        """What the service must be told besides."""
        if self.broker is None:
            return {}
        return {"MQTT_URL": self.broker, "MQTT_VERSION": self.mqtt_version}

    def mute_lanes(self, lanes: Sequence[LaneId]) -> list[LaneId]:
        """The lanes whose gates do not say what they kept."""
        shares = share_lanes(self.names, lanes)
        return [lane for name in self._mute for lane in shares.get(name, ())]

    @property
    def _mute(self) -> list[str]:
        return [name for name in self.names if name in MAKERS and not MAKERS[name].says_kept]

    def check_outage(self) -> None:
        """Raise :class:`InvalidInput` where a gate cannot tell what it kept from what it sees."""
        if self._mute:
            raise InvalidInput(
                f"{', '.join(self._mute)}: what such a camera kept while it was cut off comes as if it had"
                " just been seen, so that the youngest of it would open barriers",
                ("gates",),
            )


def _is_on_broker(name: str) -> bool:
    return name in MAKERS and MAKERS[name].by_broker


def share_lanes(names: Sequence[str], lanes: Sequence[LaneId]) -> dict[str, list[LaneId]]:
    """Each name's lanes, dealt out in turn."""
    shares: dict[str, list[LaneId]] = {name: [] for name in names}
    for place, lane in enumerate(lanes):
        shares[names[place % len(names)]].append(lane)
    return {name: share for name, share in shares.items() if share}
