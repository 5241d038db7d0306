"""Devices over HTTP: what one of them sends holds up no other. On a real live store."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from aiohttp import ClientSession
from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateways.gates.device_access import DeviceAccess
from gateways.gates.device_http import PARSED_AT_ONCE_MAX, DeviceGates
from gateways.gates.protocol import DeviceReply, GateProtocol, Notice
from gateways.gates.tracked_reads import TrackedReads
from gateways.metrics import GateMetrics
from gateways.web.serving import serve
from parking.errors import InvalidInput
from tests.gateways.device_lane import IN, lane
from tests.gateways.gate_stage import token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from gateways.gates.protocol import Answered, DeviceRequest, Message
    from parking.device import Device
    from parking.ids import GarageId

PATIENCE_S = 20.0


class Thorough(GateProtocol):
    """A protocol that has a large body parsed only once another request has been answered."""

    name: ClassVar[str] = IN.protocol
    setup: ClassVar[str] = ""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.answered = threading.Event()

    @override
    def parse(self, request: DeviceRequest, device: Device) -> Sequence[Message]:
        if len(request.body) > PARSED_AT_ONCE_MAX:
            self.begun.set()
            if not self.answered.wait(PATIENCE_S):
                raise InvalidInput("no other request was answered meanwhile")
        return [Notice(what="any")]

    @override
    def reply(self, request: DeviceRequest, answers: Sequence[Answered], device: Device) -> DeviceReply:
        return DeviceReply()


async def nobody_inside(_garage_id: GarageId, _number: str) -> bool:
    return False


@asynccontextmanager
async def gates(protocol: GateProtocol, valkey_url: str, folder: Path) -> AsyncIterator[str]:
    """The address of a device that speaks this protocol."""
    async with lane(valkey_url, folder) as at:
        device = replace(at.controller, device=IN)
        access = DeviceAccess(
            at.catalog, lambda _token_id, _secret: device, at.stage.clock, nonce_key=bytes(32)
        )
        reads = TrackedReads(at.intake, nobody_inside)
        metrics = GateMetrics(CollectorRegistry())
        served = DeviceGates([protocol], access, reads, metrics, draining=lambda: False)
        async with serve(served.handle) as port:
            yield f"http://127.0.0.1:{port}/v1/devices/{protocol.name}/{token('c1')}/"


async def test_other_devices_are_answered_while_a_large_body_is_parsed(
    valkey_url: str, tmp_path: Path
) -> None:
    protocol = Thorough()
    async with gates(protocol, valkey_url, tmp_path) as address, ClientSession() as http:

        async def status(body: bytes) -> int:
            async with http.post(address, data=body) as answer:
                return answer.status

        async with asyncio.timeout(3 * PATIENCE_S), asyncio.TaskGroup() as tasks:
            large = tasks.create_task(status(bytes(PARSED_AT_ONCE_MAX + 1)))
            assert await asyncio.to_thread(protocol.begun.wait, PATIENCE_S)
            assert await status(b"small") == 200
            protocol.answered.set()
            assert await large == 200
