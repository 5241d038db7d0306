"""Gates as somebody asked for them on the command line, put together: they see cars until these have gone.

What a camera still has in its memory then is delivered before the end.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import aiohttp

from gateways.devices.barrier import Barrier
from gateways.devices.broker_way import BrokerWay
from gateways.devices.camera import Camera, Habits, Line
from gateways.devices.controllers import HttpController, MqttController, SocketController
from gateways.devices.driving import drive
from gateways.devices.lanes import CameraLane, ControllerLane
from gateways.devices.makers import MAKERS, NATIVE_HTTP, NATIVE_SOCKET
from gateways.devices.server import DeviceServer, obeying, serving
from gateways.devices.ways import HttpWay
from gateways.devices.white_list import WhiteList
from gateways.mqtt.options import mqtt_server
from parking.clock import SystemClock
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateways.devices.controllers import LastingController
    from gateways.devices.driving import Drive
    from gateways.devices.ways import Way
    from gateways.mqtt.options import MqttVersion

__all__ = ["USERNAME", "Simulation", "simulate"]

USERNAME: Final = "admin"
LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What was asked for; ``cut`` is from when to when the line is down, in seconds from the start.

    ``listen`` is where the first camera takes commands; further ones take the next ports.
    """

    protocol: str
    addresses: Sequence[str]
    backups: Sequence[str]
    lanes: int
    drive: Drive
    serial: str
    cut: tuple[float, float] | None
    resends: int
    listen: tuple[str, int]
    password: str = field(repr=False)
    token: str = field(repr=False)
    controller: str
    polls: bool
    """Whether its cameras ask for commands."""
    mqtt_version: MqttVersion

    def __post_init__(self) -> None:
        maker, addresses = MAKERS.get(self.protocol), len(self.addresses)
        if maker is None:
            if addresses > 1 or not self.token or not self.drive.garage_id:
                raise InvalidInput(
                    "a native controller has one address, a garage and a token", ("addresses",)
                )
            return
        if self.polls and maker.question(self.serial) is None:
            raise InvalidInput(f"a {maker.name} camera asks for nothing", ("comet",))
        if addresses not in {1, self.lanes}:
            raise InvalidInput("one address, or one for each lane", ("addresses",))
        if addresses == 1 and self.lanes > maker.channels_max:
            raise InvalidInput(f"a {maker.name} camera has {maker.channels_max} channels", ("addresses",))
        if maker.by_command and not maker.by_broker and not self.password:
            raise InvalidInput(f"{maker.name} opens by commands, which need a password", ("password_file",))


async def simulate(wanted: Simulation, say: Callable[[str], None]) -> None:
    """Let the cars pass; ``say`` gets a line for each time that one was seen."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        if wanted.protocol in MAKERS:
            await _past_cameras(wanted, session, say)
        elif wanted.protocol == NATIVE_HTTP:
            controller = HttpController(session, f"{wanted.addresses[0]}/v1/gate-events", wanted.token)
            lanes = [ControllerLane(controller)] * wanted.lanes
            await drive(lanes, wanted.drive, SystemClock(), say)
        else:
            await _past_controller(wanted, _lasting(wanted, session), say)


async def _past_cameras(
    wanted: Simulation, session: aiohttp.ClientSession, say: Callable[[str], None]
) -> None:
    line = Line(up=wanted.cut is None or wanted.cut[0] > 0)
    ways: list[BrokerWay] = []
    cameras = [_camera(wanted, number, session, line, ways) for number in range(len(wanted.addresses))]
    async with AsyncExitStack() as opened, asyncio.TaskGroup() as tasks:
        if MAKERS[wanted.protocol].by_command and not ways:
            await _listen(cameras, wanted, opened, say)
        running: list[asyncio.Task[None]] = [tasks.create_task(camera.run()) for camera in cameras]
        running += [tasks.create_task(way.run()) for way in ways]
        if wanted.polls:
            running += [tasks.create_task(camera.poll(_opened(camera, say))) for camera in cameras]
        if wanted.cut is not None:
            running.append(tasks.create_task(_cut(line, *wanted.cut)))
        try:
            lanes = [CameraLane(camera, channel) for camera in cameras for channel in camera.barriers]
            await drive(lanes, wanted.drive, SystemClock(), say)
            while any(camera.kept for camera in cameras):  # noqa: ASYNC110 - two cameras have no common event
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for one in running:
                one.cancel()


def _opened(camera: Camera, say: Callable[[str], None]) -> Callable[[int], None]:
    return lambda channel: say(f"{camera.serial} is told to open channel {channel}")


def _camera(
    wanted: Simulation, number: int, session: aiohttp.ClientSession, line: Line, ways: list[BrokerWay]
) -> Camera:
    """One camera; its way, where that has to be kept up, is added to ``ways``."""
    several, maker = len(wanted.addresses) > 1, MAKERS[wanted.protocol]
    serial = f"{wanted.serial}-{number + 1}" if several else wanted.serial
    barriers = {channel: Barrier() for channel in range(1, 2 if several else wanted.lanes + 1)}
    way: Way = HttpWay(session)
    white_list = WhiteList()
    if maker.by_broker:
        server = mqtt_server(wanted.addresses[number])
        way = BrokerWay(server, wanted.mqtt_version, serial, barrier=barriers[1], white_list=white_list)
        ways.append(way)
    return Camera(
        maker,
        serial,
        (wanted.addresses[number], *wanted.backups),
        way,
        SystemClock(),
        line=line,
        barriers=barriers,
        habits=Habits(resends=wanted.resends),
        white_list=white_list,
    )


async def _listen(
    cameras: Sequence[Camera], wanted: Simulation, opened: AsyncExitStack, say: Callable[[str], None]
) -> None:
    host, port = wanted.listen
    for number, camera in enumerate(cameras):
        server = DeviceServer(username=USERNAME, password=wanted.password, answer=obeying(camera.commanded))
        address = await opened.enter_async_context(serving(server, host, port + number if port else 0))
        say(f"{camera.serial} takes commands at {address}")


async def _cut(line: Line, begins_s: float, ends_s: float) -> None:
    await asyncio.sleep(begins_s)
    line.up = False
    await asyncio.sleep(ends_s - begins_s)
    line.up = True


async def _past_controller(
    wanted: Simulation, controller: LastingController, say: Callable[[str], None]
) -> None:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(controller.run())
        try:
            await drive([ControllerLane(controller)] * wanted.lanes, wanted.drive, SystemClock(), say)
        finally:
            running.cancel()


def _lasting(wanted: Simulation, session: aiohttp.ClientSession) -> LastingController:
    (address,) = wanted.addresses
    if wanted.protocol == NATIVE_SOCKET:
        return SocketController(session, f"{address}/v1/gates/ws", wanted.token)
    return MqttController(mqtt_server(address), wanted.mqtt_version, wanted.controller, wanted.token)
