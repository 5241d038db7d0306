"""What barriers are told and what is seen of them, recorded; commands for those that no answer opens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateways.gates.protocol import Passage, PassageKind, Read
from parking.barrier import BarrierAct, BarrierRecord, GateOutcome

if TYPE_CHECKING:
    from gateways.gates.barrier_log import BarrierLog
    from gateways.gates.commands import Commander
    from gateways.gates.protocol import Answered
    from parking.catalog import Controller
    from parking.clock import Clock
    from parking.device import Device

__all__ = ["Openings"]

ACTS: Final = {
    PassageKind.PASSED: BarrierAct.PASSED,
    PassageKind.TAILGATED: BarrierAct.TAILGATED,
    PassageKind.STAYED: BarrierAct.STAYED,
    PassageKind.CLEARED: BarrierAct.CLEARED,
}
IN_ANSWER: Final = "in the answer"
BY_COMMAND: Final = "by a command"
WHEN_ASKED: Final = "in the answer to a question"
OWN_LIST: Final = "by the device's own list"


class Openings:
    """Of all devices of a gate process."""

    def __init__(self, commander: Commander, barrier_log: BarrierLog, clock: Clock) -> None:
        self._commander = commander
        self._log = barrier_log
        self._clock = clock

    def record(self, answered: Answered, controller: Controller, device: Device) -> None:
        """Write down what an answer does to a barrier, and have done what it cannot do; returns at once."""
        message = answered.message
        if isinstance(message, Passage):
            seen = self._line(answered, controller, ACTS[message.kind], GateOutcome.MOVED, command="")
            self._log.note(_as_told(seen, answered))
        if isinstance(message, Read) and message.opened:
            done = self._line(
                answered, controller, BarrierAct.OPENED_ITSELF, GateOutcome.ACCEPTED, command=OWN_LIST
            )
            self._log.note(_as_told(done, answered))
        if answered.opens:
            self._open(answered, controller, device)

    def _open(self, answered: Answered, controller: Controller, device: Device) -> None:
        message = answered.message
        called = self._commander.calls(device.protocol)
        in_answer = IN_ANSWER if isinstance(message, Read) else WHEN_ASKED
        command = BY_COMMAND if called else in_answer
        line = self._line(answered, controller, BarrierAct.OPEN, GateOutcome.TOLD, command=command)
        if called:
            channel = message.channel if isinstance(message, Read) else device.channel_of(line.lane_id)
            once = f"{controller.garage_id}/{answered.record_id}" if answered.record_id else ""
            self._commander.open_soon(device, channel, line, once=once)
        else:
            self._log.note(line)

    def _line(
        self,
        answered: Answered,
        controller: Controller,
        act: BarrierAct,
        outcome: GateOutcome,
        *,
        command: str,
    ) -> BarrierRecord:
        if answered.lane_id is None:
            raise ValueError("what concerns a barrier names its lane")
        return BarrierRecord(
            garage_id=controller.garage_id,
            lane_id=answered.lane_id,
            controller_id=controller.controller_id,
            at=self._clock.now(),
            act=act,
            outcome=outcome,
            event_id=answered.event_id,
            reason=answered.reason,
            command=command,
        )


def _as_told(line: BarrierRecord, answered: Answered) -> BarrierRecord:
    """As of when the device saw or did it, so that every copy of its message makes the same record."""
    return line if answered.happened_at is None else replace(line, at=answered.happened_at)
