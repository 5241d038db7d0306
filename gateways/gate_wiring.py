"""Which gate protocols there are, and how a gate's port is shared among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateways.gates.device_access import DeviceAccess
from gateways.gates.device_clocks import DeviceClocks
from gateways.gates.device_http import DeviceGates
from gateways.gates.device_intake import DeviceIntake
from gateways.gates.passages import Passages
from gateways.gates.signals import signals_of
from gateways.gates.vzenith.protocol import VzenithHttp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from aiohttp import web

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.protocol import GateProtocol
    from gateways.metrics import GateMetrics
    from gateways.web.serving import Handler
    from parking.clock import Clock

__all__ = ["PROTOCOLS", "device_gates", "shared_port"]

PROTOCOLS: Final[tuple[GateProtocol, ...]] = (VzenithHttp(),)
"""A further protocol is added here, and nowhere else."""


def device_gates(  # noqa: PLR0913 - what the devices of a gate process share
    gatehouse: Gatehouse,
    catalog: CatalogKeeper,
    clock: Clock,
    metrics: GateMetrics,
    *,
    late_after: timedelta,
    nonce_key: bytes,
    draining: Callable[[], bool],
) -> DeviceGates:
    """The devices of a gate process."""
    intake = DeviceIntake(
        gatehouse,
        DeviceClocks(),
        Passages(),
        clock,
        late_after=late_after,
        make_signals=signals_of,
        metrics=metrics,
    )
    access = DeviceAccess(catalog, gatehouse.holder, clock, nonce_key=nonce_key)
    return DeviceGates(PROTOCOLS, access, intake, metrics, draining=draining)


def shared_port(native: Handler, devices: DeviceGates) -> Handler:
    """One handler of both kinds of controllers; a device is told by its path."""

    def handle(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        path = request.raw_path.partition("?")[0]
        return devices.handle(request) if devices.serves(path) else native(request)

    return handle
