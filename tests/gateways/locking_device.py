"""A device behind Digest authentication that locks itself after two wrong passwords, over a real socket."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING
from urllib.request import parse_http_list, parse_keqv_list

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateways.gates.device_calls import DeviceCalls
from parking.device import Channel, Device
from parking.ids import LaneId

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["PASSWORD", "LockingDevice", "a_device", "calling"]

PASSWORD = "right"  # noqa: S105 - of a device that the test itself plays
WRONG_MAX = 2


@dataclass(slots=True)
class LockingDevice:
    """``answers`` by method and path; ``asked`` is what came with the right password."""

    answers: dict[tuple[str, str], tuple[int, str]]
    password: str = PASSWORD
    wrong: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if self.wrong >= WRONG_MAX:
            return web.Response(status=403, text="locked")
        if not given:
            return self._challenge()
        fields = parse_keqv_list(parse_http_list(given.partition(" ")[2]))
        ha1 = _md5(f"admin:device:{self.password}")
        ha2 = _md5(f"{request.method}:{request.raw_path}")
        middle = f"{fields['nonce']}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
        if fields["response"] != _md5(f"{ha1}:{middle}:{ha2}"):
            self.wrong += 1
            return self._challenge()
        self.asked.append((request.method, request.raw_path))
        self.bodies.append(await request.read())
        return await self.answer(request)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """What it answers to whom it knows."""
        status, text = self.answers.get((request.method, request.path), (404, ""))
        return web.Response(status=status, text=text)

    def _challenge(self) -> web.Response:
        headers = {"WWW-Authenticate": 'Digest realm="device", qop="auth", nonce="0123456789abcdef"'}
        return web.Response(status=401, headers=headers)


@asynccontextmanager
async def calling(device: LockingDevice) -> AsyncIterator[tuple[DeviceCalls, str]]:
    """Calls to devices, and the address of this one."""
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", device.handle)
    async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as session:
        yield DeviceCalls(session), str(server.make_url("/"))


def a_device(protocol: str, address: str, *, sealed: str = "sealed-1") -> Device:
    """It as an operator has configured it."""
    return Device(
        protocol=protocol,
        channels={"*": Channel(lane_id=LaneId("in-1"))},
        address=address,
        username="admin",
        sealed_password=sealed,
    )


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
