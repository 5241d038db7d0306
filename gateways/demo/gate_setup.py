"""Garages get their gates as an operator would give them.

Controllers of their own making have tokens from the operator API. Makers' cameras are added with
``leave-first controller add``, and the address that it prints is typed in.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import aiohttp

from gateways.demo.archive import Archive
from gateways.demo.cameras import Cameras
from gateways.demo.code_readers import CodeReaders
from gateways.demo.controllers import Controllers, LastingControllers
from gateways.demo.gate_kinds import share_lanes
from gateways.demo.mixed_gates import MixedGates
from gateways.demo.plan import LANES
from gateways.devices.barrier import Barrier
from gateways.devices.broker_way import BrokerWay
from gateways.devices.camera import Camera, Habits, Line
from gateways.devices.controllers import MqttController, SocketController
from gateways.devices.makers import MAKERS, NATIVE_HTTP, NATIVE_MQTT, NATIVE_SOCKET
from gateways.devices.server import DeviceServer, obeying, serving
from gateways.devices.ways import HttpWay
from gateways.devices.white_list import WhiteList
from gateways.mqtt.options import mqtt_server
from parking.errors import Defect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
    from typing import Never

    from gateways.demo.gate_kinds import GateChoice
    from gateways.demo.gates import Gates
    from gateways.demo.office import Office
    from gateways.demo.requests import Requests
    from gateways.demo.stack import Stack
    from gateways.devices.controllers import LastingController
    from gateways.devices.maker import Maker
    from gateways.devices.ways import Way
    from parking.ids import GarageId, LaneId

__all__ = ["open_gates"]

USERNAME: Final = "admin"
READERS: Final = "codes"
PATIENT: Final = Habits(resends=900, resend_pause_s=0.1)
"""As long as any request of the demo is repeated: a day must not depend on how soon a process is back."""
SILENT: Final = replace(PATIENT, heartbeat_s=24 * 3600.0)
"""A heartbeat that asks would open for a car that has paid, before its driver comes to the camera again."""
CAMERAS_CONNECTIONS_MAX: Final = 400
ADDED_AT_ONCE: Final = 4


@asynccontextmanager
async def open_gates(
    choice: GateChoice, garages: Sequence[GarageId], stack: Stack, office: Office, requests: Requests
) -> AsyncIterator[MixedGates]:
    """The gates of all garages, known to the service."""
    shares = share_lanes(choice.names, list(LANES))
    async with AsyncExitStack() as opened, asyncio.TaskGroup() as tasks:
        setup = _Setup(choice, garages, stack, office, requests)
        setup.session = await opened.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CAMERAS_CONNECTIONS_MAX),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        )
        setup.opened = opened
        by_lane: dict[tuple[GarageId, LaneId], Gates] = {}
        for name, lanes in shares.items():
            gates = await setup.gates(name, lanes)
            by_lane |= {(garage_id, lane_id): gates for garage_id in garages for lane_id in lanes}
        running = [tasks.create_task(run()) for run in setup.running]
        mixed = MixedGates(by_lane, await setup.readers())
        try:
            await mixed.until_known()
            yield mixed
        finally:
            for one in running:
                one.cancel()


class _Setup:
    """Makes gates; ``running`` is what has to run as long as they are used."""

    session: aiohttp.ClientSession
    opened: AsyncExitStack

    def __init__(
        self,
        choice: GateChoice,
        garages: Sequence[GarageId],
        stack: Stack,
        office: Office,
        requests: Requests,
    ) -> None:
        self._choice = choice
        self._garages = garages
        self._stack = stack
        self._office = office
        self._requests = requests
        self._adding = asyncio.Semaphore(ADDED_AT_ONCE)
        self.running: list[Callable[[], Coroutine[None, None, Never]]] = []

    async def gates(self, name: str, lanes: Sequence[LaneId]) -> Gates:
        """One kind of gates at its lanes of every garage."""
        if name in MAKERS:
            return await self._cameras_of(name, lanes)
        tokens = await self._tokens_of(name, lanes)
        if name == NATIVE_HTTP:
            return Controllers(self._requests, self._stack.gate_url, tokens)
        controllers = {
            garage_id: self._lasting(name, _named(name, garage_id), token)
            for garage_id, token in tokens.items()
        }
        self.running += [one.run for one in controllers.values()]
        return LastingControllers(controllers)

    async def readers(self) -> CodeReaders:
        """A reader of codes at every lane."""
        tokens = await self._tokens_of(READERS, list(LANES))
        return CodeReaders(self._requests, self._stack.gate_url, tokens)

    async def _tokens_of(self, name: str, lanes: Sequence[LaneId]) -> Mapping[GarageId, str]:
        return {
            garage_id: await self._office.add_controller(garage_id, _named(name, garage_id), lanes)
            for garage_id in self._garages
        }

    def _lasting(self, name: str, controller: str, token: str) -> LastingController:
        if name == NATIVE_SOCKET:
            return SocketController(self.session, f"{self._stack.gate_url}/v1/gates/ws", token)
        if name == NATIVE_MQTT and self._choice.broker is not None:
            return MqttController(
                mqtt_server(self._choice.broker), self._choice.mqtt_version, controller, token
            )
        raise Defect(f"nobody makes {name}")

    async def _cameras_of(self, name: str, lanes: Sequence[LaneId]) -> Gates:
        line = Line()
        async with asyncio.TaskGroup() as tasks:
            made = {
                (garage_id, lane_id): tasks.create_task(self._camera(name, garage_id, lane_id, line))
                for garage_id in self._garages
                for lane_id in lanes
            }
        cameras = {place: one.result() for place, one in made.items()}
        self.running += [one.run for one in cameras.values()]
        return Cameras(cameras, self._office.cars, Archive(self._stack), self._stack.clock)

    def _way(self, maker: Maker, serial: str, barrier: Barrier, white_list: WhiteList) -> Way:
        if not maker.by_broker or self._choice.broker is None:
            return HttpWay(self.session)
        server, version = mqtt_server(self._choice.broker), self._choice.mqtt_version
        way = BrokerWay(server, version, serial, barrier=barrier, white_list=white_list)
        self.running.append(way.run)
        return way

    async def _camera(self, name: str, garage_id: GarageId, lane_id: LaneId, line: Line) -> Camera:
        serial = f"{name}-{garage_id}-{lane_id}"
        maker, barrier, white_list = MAKERS[name], Barrier(), WhiteList()
        way = self._way(maker, serial, barrier, white_list)
        camera = Camera(
            maker, serial, (), way, self._stack.clock, line=line, barriers={1: barrier},
            habits=SILENT if maker.by_broker else PATIENT, white_list=white_list,
        )  # fmt: skip
        arguments = [
            "controller", "add", "--garage", garage_id, "--name", serial, "--protocol", name,
            "--channel", f"*={lane_id}", "--serial", serial, "--gate-url", self._stack.gate_url, "--json",
        ]  # fmt: skip
        password = ""
        if maker.by_command and not maker.by_broker:
            password = secrets.token_urlsafe(16)
            server = DeviceServer(username=USERNAME, password=password, answer=obeying(camera.commanded))
            address = await self.opened.enter_async_context(serving(server))
            arguments += ["--address", address, "--username", USERNAME]
        async with self._adding:
            status, said = await self._stack.command(*arguments, said=f"{password}\n")
        if status:
            raise Defect(f"{serial} was not connected: {said}")
        camera.connect(json.loads(said)["url"])
        return camera


def _named(name: str, garage_id: GarageId) -> str:
    return f"{name}-{garage_id}"
