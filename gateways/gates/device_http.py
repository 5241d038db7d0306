"""Devices over HTTP: which protocol and which device a request is for, its body, and its answer to the byte.

``/v1/devices/<protocol>/<token>/…`` is what an operator types into a device; what follows the token is the
protocol's. A device that proves itself in another way has none there. Some devices call paths that nobody can
change: those are told by the path alone.

A message that cannot be taken is refused and not acknowledged: a device keeps it and comes again, so that a
wrong configuration loses nothing. Who reads a counter of refused messages knows where to look.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import hdrs

from gateways.gates.device_access import Caller, DigestWanted
from gateways.gates.protocol import DeviceReply, DeviceRequest
from gateways.web.access import is_token
from gateways.web.bodies import read_body
from gateways.web.problems import problems_middleware
from gateways.web.ready import ReadyBytes
from parking.errors import LeaveFirstError, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from aiohttp import web

    from gateways.gates.device_access import DeviceAccess
    from gateways.gates.protocol import Answered, GateProtocol, Message
    from gateways.gates.tracked_reads import TrackedReads
    from gateways.metrics import GateMetrics
    from parking.catalog import Controller
    from parking.device import Device

__all__ = ["DEVICES_PATH", "DeviceGates", "has_ended"]

log = structlog.get_logger()
DEVICES_PATH: Final = "/v1/devices/"
PARSED_AT_ONCE_MAX: Final = 256 * 1024
"""In bytes. Other lanes wait meanwhile, and a form of 8 MiB can take seconds."""


class DeviceGates:
    """Serves the devices of all protocols; ``draining`` tells when the process is about to stop."""

    def __init__(
        self,
        protocols: Iterable[GateProtocol],
        access: DeviceAccess,
        intake: TrackedReads,
        metrics: GateMetrics,
        *,
        draining: Callable[[], bool],
    ) -> None:
        self._protocols = {one.name: one for one in protocols}
        self._fixed = {path: one for one in self._protocols.values() for path in one.fixed_paths}
        self._access = access
        self._intake = intake
        self._metrics = metrics
        self._draining = draining

    def serves(self, path: str) -> bool:
        """Whether a path is a device's."""
        return path.startswith(DEVICES_PATH) or path in self._fixed

    def handle(self, request: web.BaseRequest) -> Awaitable[web.StreamResponse]:
        """One request of a device."""
        return problems_middleware(request, self._answer)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        protocol, token, path = self._addressed(request.path)
        try:
            controller = self._access.controller(
                Caller(
                    protocol=protocol.name,
                    token=token,
                    authorization=request.headers.get(hdrs.AUTHORIZATION, ""),
                    method=request.method,
                    uri=request.raw_path,
                    remote=request.remote or "",
                )
            )
        except DigestWanted as wanted:
            headers = (("WWW-Authenticate", wanted.challenge),)
            return _written(DeviceReply(status=401, reason="Unauthorized", headers=headers), keep=True)
        asked = DeviceRequest(
            method=request.method,
            path=path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await read_body(request, protocol.body_bytes_max),
        )
        reply = await self._replied(protocol, controller, asked, partial(has_ended, request))
        return _written(reply, keep=not self._draining())

    def _addressed(self, path: str) -> tuple[GateProtocol, str, str]:
        """The protocol, the secret if there is one, and the rest of a path; a fixed one has no secret."""
        protocol = self._fixed.get(path)
        if protocol is not None:
            return protocol, "", path
        name, slash, rest = path.removeprefix(DEVICES_PATH).partition("/")
        protocol = self._protocols.get(name)
        if protocol is None:
            raise NotFound("there is no such protocol")
        token, further, path = rest.partition("/")
        return (protocol, token, further + path) if is_token(token) else (protocol, "", slash + rest)

    async def _replied(
        self, protocol: GateProtocol, controller: Controller, asked: DeviceRequest, gone: Callable[[], bool]
    ) -> DeviceReply:
        device = controller.device
        if device is None:
            raise NotFound("this controller is no device")
        try:
            answers: list[Answered] = []
            for message in await _messages(protocol, asked, device):
                answers.append(await self._intake.take(message, controller, device, gone))
                self._metrics.device_message(protocol.name, type(message).__name__.lower(), "taken")
        except LeaveFirstError as error:
            self._metrics.device_message(protocol.name, "", "refused")
            log.warning(
                "device_message_refused",
                protocol=protocol.name,
                controller=controller.controller_id,
                error=str(error),
            )
            raise
        return protocol.reply(asked, answers, device)


async def _messages(protocol: GateProtocol, asked: DeviceRequest, device: Device) -> Sequence[Message]:
    """What a request says; a large one is parsed beside the others."""
    if len(asked.body) > PARSED_AT_ONCE_MAX:
        return await asyncio.to_thread(protocol.parse, asked, device)
    return protocol.parse(asked, device)


def has_ended(request: web.BaseRequest) -> bool:
    """Whether nobody is there any more to be answered."""
    return request.transport is None or request.transport.is_closing()


def _written(reply: DeviceReply, *, keep: bool) -> web.StreamResponse:
    """The bytes of a reply; devices read them literally, so nothing is added but what ends a connection."""
    headers = [f"{name}: {value}\r\n" for name, value in reply.headers]
    headers.append(f"Content-Length: {len(reply.body)}\r\n")
    if not keep:
        headers.append("Connection: close\r\n")
    head = f"HTTP/1.1 {reply.status} {reply.reason}\r\n{''.join(headers)}\r\n"
    return ReadyBytes(head.encode() + reply.body, status=reply.status, keep=keep)
