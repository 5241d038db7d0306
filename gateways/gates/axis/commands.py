"""A barrier on an output of an Axis camera: one pulse, by the port control of its HTTP interface.

Which port a barrier hangs on is the option ``port``, how long its relay is closed ``pulse_ms``. The camera
says that it has taken the command; whether a barrier moves it does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from typing_extensions import override

from gateways.gates.commands import BarrierCommands, CommandResult
from parking.barrier import GateOutcome
from parking.errors import DependencyError

if TYPE_CHECKING:
    from gateways.gates.device_calls import DeviceCalls
    from parking.device import Device

__all__ = ["AxisCommands"]

COMMAND_S: Final = 3.0
SUCCESS: Final = range(200, 300)


class AxisCommands(BarrierCommands):
    """Opens barriers on outputs of Axis cameras."""

    def __init__(self, calls: DeviceCalls) -> None:
        self._calls = calls

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        port, pulse_ms = device.options.get("port", "1"), device.options.get("pulse_ms", "500")
        query = {"action": f"{port}:/{pulse_ms}\\"}
        try:
            answer = await self._calls.call(
                device, password, "GET", "/axis-cgi/io/port.cgi", query=query, timeout_s=COMMAND_S
            )
        except DependencyError as error:
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said=str(error))
        said = answer.body.decode(errors="replace").strip()
        refused = answer.status not in SUCCESS or "error" in said.lower()
        outcome = GateOutcome.REJECTED if refused else GateOutcome.ACCEPTED
        return CommandResult(outcome=outcome, said=f"HTTP {answer.status} {said}".strip())
