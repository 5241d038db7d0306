"""Which gates can be simulated, by the name of their protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateways.devices.dahua import DahuaCamera
from gateways.devices.hikvision import HikvisionCamera
from gateways.devices.huaxia import HuaxiaCamera
from gateways.devices.vzenith import VzenithCamera
from gateways.devices.vzenith_mqtt import VzenithBrokerCamera

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.devices.maker import Maker

__all__ = ["GATES", "MAKERS", "NATIVE_HTTP", "NATIVE_MQTT", "NATIVE_SOCKET"]

MAKERS: Final[Mapping[str, Maker]] = {
    one.name: one
    for one in (VzenithCamera(), VzenithBrokerCamera(), HuaxiaCamera(), HikvisionCamera(), DahuaCamera())
}
NATIVE_HTTP: Final = "native-http"
NATIVE_SOCKET: Final = "native-ws"
NATIVE_MQTT: Final = "native-mqtt"
GATES: Final = (NATIVE_HTTP, NATIVE_SOCKET, NATIVE_MQTT, *MAKERS)
