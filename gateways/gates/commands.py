"""Commands to devices that must be called: those whose answer cannot open a barrier.

A maker's module says how he is called; here is who may be called at once, for how long, with which password,
and what is written down of it. A command never delays an answer, and none is tried twice by itself: the car
at the barrier is read again, and a device that counts wrong passwords locks itself. A read that is sent again
opens no second time what it has opened, as its car may have gone; where its command failed, it tries again.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import structlog
from typing_extensions import override

from gateways.gates.at_once import at_once
from parking.barrier import GateOutcome
from parking.errors import LeaveFirstError
from parking.live.commands import claim_command, drop_command, keep_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateways.gates.barrier_log import BarrierLog
    from parking.barrier import BarrierRecord
    from parking.device import Device
    from parking.live.batching import BatchingConnection

__all__ = ["COMMAND_TIMEOUT_S", "BarrierCommands", "CommandResult", "Commander", "NoBarrier"]

log = structlog.get_logger()
UNDER_WAY_MAX: Final = 64
WAITING_MAX: Final = 1_000
FAILED: Final = frozenset({GateOutcome.REJECTED, GateOutcome.UNREACHABLE})
COMMAND_TIMEOUT_S: Final = 5.0
"""After this a device is taken for unreachable, whatever its maker's module waits for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """What became of a command, and the device's own word for it."""

    outcome: GateOutcome
    said: str = ""


class BarrierCommands(ABC):
    """How a maker's devices are told to open."""

    @abstractmethod
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        """Open the barrier of a channel; failures of the network are :attr:`GateOutcome.UNREACHABLE`."""


class NoBarrier(BarrierCommands):
    """For readers that move nothing: a car is let through, and the record says that nobody was told."""

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        return CommandResult(outcome=GateOutcome.REJECTED, said="this reader has no barrier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A command that is to be sent, and the record of it so far."""

    device: Device
    channel: str
    record: BarrierRecord
    done: Callable[[CommandResult], None]
    once: str
    """The read that it is given for, however often that is sent; empty for none."""


def _unheard(result: CommandResult) -> None:
    """What nobody waits for."""


class Commander:
    """Sends commands; ``commands`` by protocol, ``unseal`` opens a stored password."""

    def __init__(
        self,
        commands: Mapping[str, BarrierCommands],
        barrier_log: BarrierLog,
        unseal: Callable[[str], str],
        live: BatchingConnection,
    ) -> None:
        self._commands = commands
        self._log = barrier_log
        self._unseal = unseal
        self._live = live
        self._waiting: asyncio.Queue[Waiting] = asyncio.Queue(WAITING_MAX)

    def calls(self, protocol: str) -> bool:
        """Whether devices of a protocol are called, because their answers open nothing."""
        return protocol in self._commands

    def open_soon(
        self,
        device: Device,
        channel: str,
        record: BarrierRecord,
        *,
        done: Callable[[CommandResult], None] = _unheard,
        once: str = "",
    ) -> None:
        """Have a barrier opened; returns at once. ``record`` is completed by what the device says.

        ``done`` hears it, too. ``once`` names the read, for which nothing is told when it was before.
        """
        one = Waiting(device=device, channel=channel, record=record, done=done, once=once)
        try:
            self._waiting.put_nowait(one)
        except asyncio.QueueFull:
            busy = CommandResult(outcome=GateOutcome.UNREACHABLE, said="too many commands wait")
            self._noted(one, busy)

    async def run(self) -> None:
        """Send what waits, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(UNDER_WAY_MAX):
                tasks.create_task(self._send(), name=f"commands-{number}")

    async def _send(self) -> None:
        while True:
            one = await self._waiting.get()
            if one.once and await at_once(claim_command(self._live, one.once)) is False:
                continue
            result = await self._result(one)
            self._noted(one, result)
            if one.once:
                ended = drop_command if result.outcome in FAILED else keep_command
                await at_once(ended(self._live, one.once))

    def _noted(self, one: Waiting, result: CommandResult) -> None:
        self._log.note(replace(one.record, outcome=result.outcome, said=result.said))
        one.done(result)

    async def _result(self, one: Waiting) -> CommandResult:
        try:
            password = self._unseal(one.device.sealed_password) if one.device.sealed_password else ""
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return await self._commands[one.device.protocol].open(one.device, one.channel, password)
        except TimeoutError:
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said="no answer in time")
        except LeaveFirstError as error:
            return CommandResult(outcome=GateOutcome.REJECTED, said=str(error))
        except Exception:
            # One device must not end the commands of all others.
            log.exception("command_failed", protocol=one.device.protocol)
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said="our fault; see the log")
