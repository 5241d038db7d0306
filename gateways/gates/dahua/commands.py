"""Dahua's barrier command: ``openStrobe``, which models have at one of two places.

The car's number may go with it and does not: the device needs none to open, and shows it to whoever reads its
log. The answer ``OK`` says that the command was taken; nothing says whether the barrier moved.
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

__all__ = ["DahuaCommands"]

COMMAND_S: Final = 3.0
SUCCESS: Final = 200


class DahuaCommands(BarrierCommands):
    """Opens barriers behind Dahua cameras."""

    def __init__(self, calls: DeviceCalls) -> None:
        self._calls = calls

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        path = f"/cgi-bin/{device.options.get('open_by', 'trafficSnap')}.cgi"
        query = {
            "action": "openStrobe",
            "channel": device.options.get("open_channel", "1"),
            "info.openType": device.options.get("open_type", "Normal"),
        }
        try:
            answer = await self._calls.call(device, password, "GET", path, query=query, timeout_s=COMMAND_S)
        except DependencyError as error:
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said=str(error))
        said = answer.body.decode(errors="replace").strip()
        taken = answer.status == SUCCESS and said.upper().startswith("OK")
        outcome = GateOutcome.ACCEPTED if taken else GateOutcome.REJECTED
        return CommandResult(outcome=outcome, said=f"HTTP {answer.status} {said}".strip())
