"""Runs our own processes: starts one again when it dies, and ends them together.

A child leads a session of its own, so that Ctrl-C reaches only the supervisor, which then asks every
child once to drain. Each child also holds the reading end of a pipe, its *lifeline*: nothing is ever
written to it, and it ends when the supervisor does, however that came about. A child that sees this
drains, too, so that nobody is left behind by a supervisor that was killed.

To end a supervisor is to cancel it; :func:`run_until_signal` does that for SIGINT and SIGTERM. A child
that has not drained in time is killed, so that a second signal need not mean anything.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateways.embedded.backoff import Backoff
from gateways.embedded.process import Child, Command, describe_status, last_lines
from parking.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Never

    from gateways.embedded.keeper import Log

__all__ = ["ChildSpec", "ChildUnfit", "Supervisor", "calling_when_asked", "lifeline_lost", "run_until_signal"]

EARLY_END_SECONDS = 2.0
EARLY_ENDS = 5
DRAIN_SECONDS = 30.0


class ChildUnfit(Unavailable):
    """A child that never worked ended again and again as soon as it was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """One process to run; ``--lifeline-fd N`` is added to ``argv``.

    ``environment`` is added to what the supervisor hands on. With ``log_path`` both outputs go there, and
    the reason for giving up can quote them; without, they go where the supervisor's go.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    log_path: Path | None = None


class Supervisor:
    """Keeps the children running until it is cancelled."""

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        *,
        environment: Mapping[str, str],
        log: Log,
        drain_seconds: float = DRAIN_SECONDS,
    ) -> None:
        """``environment`` is what every child is handed: usually all of our own."""
        self._specs = tuple(specs)
        self._environment = dict(environment)
        self._log = log
        self._drain_seconds = drain_seconds
        self._children: dict[str, Child] = {}

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now, by name."""
        return {name: child.pid for name, child in self._children.items() if child.status is None}

    async def run(self) -> Never:
        """Run until cancelled, then drain; raises :class:`ChildUnfit` when one cannot be kept running."""
        async with self.running():
            await asyncio.Event().wait()
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The children run around the body and are drained after it."""
        lifeline, end_of_ours = os.pipe()
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._keep(spec, lifeline), name=f"keep-{spec.name}")
                    for spec in self._specs
                ]
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised again as soon as the children are gone
                    failure = error
                for task in tasks:
                    task.cancel()
        except* ChildUnfit as unfit:
            failure = unfit.exceptions[0]
        finally:
            os.close(lifeline)
            os.close(end_of_ours)
        if failure is not None:
            raise failure

    async def _keep(self, spec: ChildSpec, lifeline: int) -> None:
        """Run one child again and again; drains it when cancelled."""
        clock = asyncio.get_running_loop().time
        backoff = Backoff()
        early_ends = 0
        has_worked = False
        while True:
            started = clock()
            status = await self._run_once(spec, lifeline)
            up_seconds = clock() - started
            early_ends = early_ends + 1 if up_seconds < EARLY_END_SECONDS else 0
            has_worked |= up_seconds >= EARLY_END_SECONDS
            # What has worked may work again; the others need not end with it.
            if early_ends == EARLY_ENDS and not has_worked:
                raise ChildUnfit(why_unfit(spec, status))
            delay = backoff.delay_after(up_seconds)
            self._log.warning(
                "child_died", child=spec.name, how=describe_status(status), restart_in_seconds=delay
            )
            await asyncio.sleep(delay)

    async def _run_once(self, spec: ChildSpec, lifeline: int) -> int | None:
        command = Command(
            argv=(*spec.argv, "--lifeline-fd", str(lifeline)),
            environment=self._environment | dict(spec.environment),
            log_path=spec.log_path,
            inherited_fds=(lifeline,),
        )
        try:
            child = Child(command)
        except OSError as error:
            raise ChildUnfit(f"{spec.name} cannot be run: {error}") from error
        self._children[spec.name] = child
        self._log.info("child_started", child=spec.name, pid=child.pid)
        try:
            return await child.exited()
        finally:
            await child.stop(signal.SIGTERM, patience_seconds=self._drain_seconds)
            self._log.info("child_ended", child=spec.name, how=describe_status(child.status))


def why_unfit(spec: ChildSpec, status: int | None) -> str:
    often = f"{EARLY_ENDS} times within {EARLY_END_SECONDS:g} s of its start"
    reason = f"{spec.name} {describe_status(status)}, {often}"
    said = last_lines(spec.log_path) if spec.log_path is not None else ""
    return f"{reason}. It said:\n{said}" if said else reason


async def lifeline_lost(fd: int) -> None:
    """Return when the supervisor that handed us ``fd`` is gone."""
    loop = asyncio.get_running_loop()
    lost = asyncio.Event()
    loop.add_reader(fd, lost.set)
    try:
        await lost.wait()
    finally:
        loop.remove_reader(fd)


async def run_until_signal(work: Coroutine[object, object, int], *, lifeline_fd: int | None = None) -> int:
    """The result of ``work``; SIGINT or SIGTERM cancels it, and ending by that is ending well: 0.

    The end of whoever handed us ``lifeline_fd`` does the same.
    """
    task = asyncio.current_task()
    signalled = asyncio.Event()

    def cancel_once() -> None:
        if task is not None and not signalled.is_set():
            signalled.set()
            task.cancel()

    try:
        with calling_when_asked(cancel_once, lifeline_fd):
            return await work
    except asyncio.CancelledError:
        if not signalled.is_set():
            raise
        return 0


@contextmanager
def calling_when_asked(call: Callable[[], None], lifeline_fd: int | None) -> Iterator[None]:
    """``call`` at every SIGINT and SIGTERM, and once when the lifeline is cut."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    watched = [fd for fd in (lifeline_fd,) if fd is not None]

    def lost(fd: int) -> None:
        loop.remove_reader(fd)
        call()

    for number in signals:
        loop.add_signal_handler(number, call)
    for fd in watched:
        loop.add_reader(fd, lost, fd)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        for fd in watched:
            loop.remove_reader(fd)
