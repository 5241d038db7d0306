"""A simulated device that locks itself after two wrong passwords, with answers that a test has laid down."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from gateways.devices.server import DeviceServer, serving
from gateways.gates.device_calls import DeviceCalls
from gateways.gates.device_logins import DeviceLogins
from parking.device import Channel, Device
from parking.ids import LaneId
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["PASSWORD", "LockingDevice", "a_device", "calling", "calls_of_a_process"]

PASSWORD = "right"  # noqa: S105 - of a device that the test itself plays


@dataclass(slots=True)
class LockingDevice:
    """``answers`` by method and path; ``asked`` is what came with the right password."""

    answers: dict[tuple[str, str], tuple[int, str]]
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    server: DeviceServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = DeviceServer(username="admin", password=PASSWORD, answer=self._known)

    @property
    def wrong(self) -> int:
        return self.server.wrong

    async def _known(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.method, request.raw_path))
        self.bodies.append(await request.read())
        return await self.answer(request)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """What it answers to whom it knows."""
        status, text = self.answers.get((request.method, request.path), (404, ""))
        return web.Response(status=status, text=text)


@asynccontextmanager
async def calling(device: LockingDevice, valkey_url: str) -> AsyncIterator[tuple[DeviceCalls, str]]:
    """Calls to devices, and the address of this one."""
    async with serving(device.server) as address, calls_of_a_process(valkey_url) as calls:
        yield calls, f"{address}/"


@asynccontextmanager
async def calls_of_a_process(valkey_url: str) -> AsyncIterator[DeviceCalls]:
    """As one gate process makes them."""
    async with live_connection(valkey_url) as live, aiohttp.ClientSession() as session:
        yield DeviceCalls(session, DeviceLogins(live))


def a_device(protocol: str, address: str, *, sealed: str = "sealed-1") -> Device:
    """It as an operator has configured it."""
    return Device(
        protocol=protocol,
        channels={"*": Channel(lane_id=LaneId("in-1"))},
        address=address,
        username="admin",
        sealed_password=sealed,
    )
