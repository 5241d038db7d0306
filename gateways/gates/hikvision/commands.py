"""Hikvision's barrier command: ``PUT …/barrierGate``, then a look at what the barrier did.

``statusCode`` 1 says that the command was taken, also by a barrier that is locked and does not move. Only a
status of 2 says that it is open, and only devices with a sensor on it have one (0 is no signal, 1 closed).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from gateways.gates.commands import BarrierCommands, CommandResult
from gateways.gates.hikvision.wire import status_from
from parking.barrier import GateOutcome
from parking.errors import DependencyError, LeaveFirstError

if TYPE_CHECKING:
    from gateways.gates.device_calls import DeviceAnswer, DeviceCalls
    from parking.device import Device

__all__ = ["HikvisionCommands"]

COMMAND_S: Final = 3.0
LOOK_S: Final = 1.0
"""For one question what the barrier does; with the pauses, all of it stays below a command's time."""
LOOK_PAUSES_S: Final = (0.2, 0.5)
OPEN: Final = b"<BarrierGate><ctrlMode>open</ctrlMode></BarrierGate>"
ANY: Final = "*"
ONLY: Final = "1"
"""The channel of a device that is configured for any alone: an attendant opens where no read says which."""
TAKEN: Final = "1"
BARRIER_OPEN: Final = "2"
NO_SIGNAL: Final = "0"
SUCCESS: Final = range(200, 300)


class HikvisionCommands(BarrierCommands):
    """Opens barriers behind Hikvision devices."""

    def __init__(self, calls: DeviceCalls) -> None:
        self._calls = calls

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        number = ONLY if channel == ANY and len(device.channels) == 1 else channel
        path = f"/ISAPI/Parking/channels/{number}/barrierGate"
        try:
            answer = await self._calls.call(device, password, "PUT", path, body=OPEN, timeout_s=COMMAND_S)
        except DependencyError as error:
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said=str(error))
        if answer.status not in SUCCESS or status_from(answer.body, "statusCode") != TAKEN:
            return CommandResult(outcome=GateOutcome.REJECTED, said=_said(answer))
        return await self._looked(device, f"{path}/barrierGateStatus", password)

    async def _looked(self, device: Device, path: str, password: str) -> CommandResult:
        """The command was taken; whether the barrier moved may stay without an answer."""
        status = ""
        for pause_s in LOOK_PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                answer = await self._calls.call(
                    device, password, "GET", path, timeout_s=LOOK_S / len(LOOK_PAUSES_S)
                )
            except LeaveFirstError:
                break
            status = status_from(answer.body, "barrierGateStatus")
            if status in {BARRIER_OPEN, NO_SIGNAL}:
                break
        outcome = GateOutcome.MOVED if status == BARRIER_OPEN else GateOutcome.ACCEPTED
        return CommandResult(outcome=outcome, said=f"barrierGateStatus {status}" if status else "")


def _said(answer: DeviceAnswer) -> str:
    words = [status_from(answer.body, name) for name in ("statusCode", "statusString", "subStatusCode")]
    return " ".join([f"HTTP {answer.status}", *filter(None, words)])
