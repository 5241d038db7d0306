"""One child process of ours: started apart from the terminal, waited for, stopped in steps.

Each child leads a session of its own, because Ctrl-C goes to every process of the terminal's foreground
group: a store must not die before those who still write to it have finished. Its end is seen through a
pidfd, so that waiting works the same under every event loop, needs no thread, and a number that the
kernel has given to somebody else is never signalled.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Account", "Child", "Command", "describe_status", "last_lines", "run_to_end"]

LOG_MODE = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user and group that a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and how.

    ``environment`` None hands on ours; ``log_path`` receives both outputs of the child, None leaves them
    where ours go; ``account`` None keeps the user that we run as.
    """

    argv: tuple[str, ...]
    folder: Path | None = None
    account: Account | None = None
    environment: Mapping[str, str] | None = None
    log_path: Path | None = None
    inherited_fds: tuple[int, ...] = ()


class Child:
    """A running child; at most one coroutine waits for it at a time."""

    def __init__(self, command: Command) -> None:
        """Start it; raises ``OSError`` when the program cannot be run."""
        account = command.account
        with ExitStack() as opened:
            output = None
            if command.log_path is not None:
                output = os.open(command.log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, LOG_MODE)
                opened.callback(os.close, output)
            self._process = subprocess.Popen(  # noqa: S603 - programs of ours, no shell
                command.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=command.folder,
                env=command.environment,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                pass_fds=command.inherited_fds,
                start_new_session=True,
            )
        self._pidfd = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        """Its process id, also its session and process group."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """None while it runs, then its exit status, negative for the signal that ended it."""
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Signal the child alone, if it still runs."""
        if self.status is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def exited(self, *, within_seconds: float | None = None) -> int | None:
        """Its status once it has ended, None when it still runs after ``within_seconds``."""
        if self.status is not None:
            return self.status
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[bool] = loop.create_future()

        def conclude(*, has_ended: bool) -> None:
            if not ended.done():
                ended.set_result(has_ended)

        loop.add_reader(self._pidfd, lambda: conclude(has_ended=True))
        timer = None
        if within_seconds is not None:
            timer = loop.call_later(within_seconds, lambda: conclude(has_ended=False))
        try:
            has_ended = await ended
        finally:
            loop.remove_reader(self._pidfd)
            if timer is not None:
                timer.cancel()
        if has_ended:
            self.kill()
        return self.status

    async def stop(self, number: signal.Signals, *, patience_seconds: float) -> None:
        """Ask with ``number``; killed when it still runs after the time, or when we are cancelled."""
        try:
            self.send(number)
            status = await self.exited(within_seconds=patience_seconds)
            del status
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and its process group at once and collect it; nothing when that is done already."""
        if self.status is not None:
            return
        # Before it is collected: until then nobody else can own the number of its group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._pidfd)


def run_to_end(
    command: Command, *, within_seconds: float, said: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a short-lived program, ``said`` being its input, and keep what it says; blocks.

    Raises ``OSError`` when it cannot be run, ``TimeoutError`` when it takes longer.
    """
    account = command.account
    try:
        return subprocess.run(  # noqa: S603 - programs of ours, no shell
            command.argv,
            input=said,
            capture_output=True,
            text=True,
            check=False,
            timeout=within_seconds,
            cwd=command.folder,
            env=command.environment,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{command.argv[0]} did not end within {within_seconds} s") from error


def describe_status(status: int | None) -> str:
    """How it ended, for a sentence."""
    if status is None:
        return "is still running"
    if status < 0:
        return f"was ended by {signal.Signals(-status).name}"
    return f"ended with exit status {status}"


def last_lines(path: Path, count: int = 5) -> str:
    """The end of a log file, empty when there is none."""
    try:
        with path.open(errors="replace") as file:
            return "".join(deque(file, maxlen=count)).rstrip()
    except FileNotFoundError:
        return ""
