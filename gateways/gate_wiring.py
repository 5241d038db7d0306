"""Which gate protocols there are, and how a gate's port is shared among them."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Never

import aiohttp

from gateways.device_secrets import unseal
from gateways.gates.attendants import Attendants
from gateways.gates.axis.commands import AxisCommands
from gateways.gates.axis.protocol import AxisPlateVerifier
from gateways.gates.barrier_log import BarrierLog
from gateways.gates.commands import Commander, NoBarrier
from gateways.gates.dahua.commands import DahuaCommands
from gateways.gates.dahua.protocol import DahuaItsapi
from gateways.gates.device_access import DeviceAccess
from gateways.gates.device_calls import DeviceCalls
from gateways.gates.device_clocks import DeviceClocks
from gateways.gates.device_http import DeviceGates
from gateways.gates.device_intake import DeviceIntake
from gateways.gates.device_logins import DeviceLogins
from gateways.gates.device_mqtt import DeviceMqtt
from gateways.gates.held_cars import HeldCars
from gateways.gates.hikvision.alert_streams import AlertStreams
from gateways.gates.hikvision.commands import HikvisionCommands
from gateways.gates.hikvision.protocol import HikvisionIsapi
from gateways.gates.huaxia.protocol import HuaxiaHttp
from gateways.gates.openings import Openings
from gateways.gates.passages import Passages
from gateways.gates.pictures import Pictures
from gateways.gates.signals import signals_of
from gateways.gates.tracked_reads import TrackedReads
from gateways.gates.vzenith.mqtt import VzenithMqtt
from gateways.gates.vzenith.protocol import VzenithHttp
from gateways.gates.webhooks.openalpr import OpenAlpr
from gateways.gates.webhooks.platerecognizer import PlateRecognizer
from gateways.mqtt_wiring import broker_of, orders_of, taking, white_lists
from gateways.native_wiring import open_native
from gateways.pictures.opening import picture_store
from parking.live.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from aiohttp import web

    from gateways.gate_parts import GateParts
    from gateways.gates.commands import BarrierCommands
    from gateways.gates.mqtt_protocol import MqttProtocol
    from gateways.gates.native.api import NativeGates
    from gateways.gates.protocol import GateProtocol
    from gateways.web.serving import Handler
    from parking.ids import GarageId

__all__ = ["COMMANDS", "MQTT_PROTOCOLS", "PROTOCOLS", "open_gates"]

PROTOCOLS: Final[tuple[GateProtocol, ...]] = (
    VzenithHttp(),
    HuaxiaHttp(),
    HikvisionIsapi(),
    DahuaItsapi(),
    PlateRecognizer(),
    OpenAlpr(),
    AxisPlateVerifier(),
)
"""A further protocol is added here, and nowhere else."""
MQTT_PROTOCOLS: Final[tuple[MqttProtocol, ...]] = (VzenithMqtt(),)
"""Or here, where it comes over a broker."""
COMMANDS: Final[Mapping[str, Callable[[DeviceCalls], BarrierCommands]]] = {
    "axis": AxisCommands,
    "dahua": DahuaCommands,
    "hikvision": HikvisionCommands,
    "openalpr": lambda _: NoBarrier(),
    "platerecognizer": lambda _: NoBarrier(),
}
"""By protocol, how devices are called whose answer opens nothing."""
COMMAND_TIMEOUT: Final = aiohttp.ClientTimeout(total=5, sock_connect=2)
HELD_FOR: Final = timedelta(minutes=10)
"""How long a driver who pays at the barrier is waited for."""
NONCE_KEY_BYTES: Final = 32


@asynccontextmanager
async def open_gates(parts: GateParts) -> AsyncIterator[Handler]:
    """One handler for all requests to the gates' port; a device is told by its path."""
    barrier_log = BarrierLog(parts.live, parts.metrics)
    broker = broker_of(parts, MQTT_PROTOCOLS)
    async with (
        aiohttp.ClientSession(timeout=COMMAND_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar()) as session,
        open_native(parts, broker) as native,
        asyncio.TaskGroup() as tasks,
    ):
        calls = DeviceCalls(session, DeviceLogins(parts.live))
        orders = orders_of(parts, broker, MQTT_PROTOCOLS)
        commands: dict[str, BarrierCommands] = {name: make(calls) for name, make in COMMANDS.items()}
        commands |= {one.protocol.name: one for one in orders}
        commander = Commander(commands, barrier_log, partial(unseal, parts.settings.device_key), parts.live)
        kept = timedelta(days=parts.settings.pictures_kept_days)
        pictures = Pictures(picture_store(parts.settings), parts.clock, parts.metrics, kept=kept)
        attendants = Attendants(
            parts.live, parts.catalog, commander, barrier_log, parts.clock, tell=native.tell
        )
        openings = Openings(commander, barrier_log, parts.clock)
        intake = _intake(parts, openings, pictures, attendants)
        reads = TrackedReads(intake, _is_inside(parts))
        loops = [
            tasks.create_task(barrier_log.run(), name="barrier-log"),
            tasks.create_task(commander.run(), name="commands"),
            tasks.create_task(pictures.run(), name="pictures"),
            tasks.create_task(pictures.forget(), name="picture-retention"),
            tasks.create_task(reads.run(), name="tracks"),
            tasks.create_task(attendants.run(), name="attendants"),
            *_streams(parts, calls, reads, tasks),
        ]
        if broker is not None and native.mqtt is not None:
            devices = DeviceMqtt(orders, parts.catalog, intake, parts.metrics)
            loops.append(tasks.create_task(broker.run(taking(native.mqtt, devices)), name="mqtt"))
            loops.append(tasks.create_task(white_lists(parts, orders).run(), name="white-lists"))
        try:
            yield _handler(native.gates, _devices(parts, reads))
        finally:
            for loop in loops:
                loop.cancel()


def _handler(native: NativeGates, devices: DeviceGates) -> Handler:

    def handle(request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        path = request.raw_path.partition("?")[0]
        return devices.handle(request) if devices.serves(path) else native.handle(request)

    return handle


def _intake(parts: GateParts, openings: Openings, pictures: Pictures, attendants: Attendants) -> DeviceIntake:
    return DeviceIntake(
        parts.gatehouse,
        DeviceClocks(),
        Passages(_is_inside(parts)),
        parts.clock,
        late_after=timedelta(seconds=parts.settings.late_after_s),
        make_signals=signals_of,
        openings=openings,
        pictures=pictures,
        held=HeldCars(
            Sessions(parts.live, partition_count=parts.settings.partition_count),
            lambda: parts.catalog.current.garages,
            parts.clock,
            waits=HELD_FOR,
        ),
        attendants=attendants,
        presence=parts.presence,
        metrics=parts.metrics,
    )


def _streams(
    parts: GateParts, calls: DeviceCalls, reads: TrackedReads, tasks: asyncio.TaskGroup
) -> list[asyncio.Task[Never]]:
    """The connections to devices that cannot call us; of several processes the first has them."""
    if parts.number != 0:
        return []
    open_password = partial(unseal, parts.settings.device_key)
    streams = AlertStreams(parts.catalog, calls, reads.take, open_password, parts.metrics)
    return [tasks.create_task(streams.run(), name="alert-streams")]


def _is_inside(parts: GateParts) -> Callable[[GarageId, str], Awaitable[bool]]:
    sessions = Sessions(parts.live, partition_count=parts.settings.partition_count)

    async def is_inside(garage_id: GarageId, number: str) -> bool:
        return (await sessions.find(garage_id, number)).session is not None

    return is_inside


def _devices(parts: GateParts, intake: TrackedReads) -> DeviceGates:
    nonce_key = secrets.token_bytes(NONCE_KEY_BYTES)
    access = DeviceAccess(parts.catalog, parts.gatehouse.holder, parts.clock, nonce_key=nonce_key)
    return DeviceGates(PROTOCOLS, access, intake, parts.metrics, draining=parts.draining)
