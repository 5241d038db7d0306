"""One process of ours: started, listened to, stopped, killed; and how a test waits for others."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["PATIENCE_S", "Program", "is_alive", "until"]

PATIENCE_S = 40.0
LOOK_S = 0.02


async def until(true: Callable[[], object], *, within_s: float = PATIENCE_S) -> None:
    """Wait until it is true, however busy the machine is; it fails as a time-out."""
    async with asyncio.timeout(within_s):
        while True:
            if true():
                return
            await asyncio.sleep(LOOK_S)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that only waits to be collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(slots=True, kw_only=True)
class Program:
    """One command of ours in a session of its own, with its outputs in a file."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None
    heard_from: int = 0

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def status(self) -> int | None:
        """None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def start(self) -> None:
        self.heard_from = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "gateways.cli", *self.words],
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def heard(self) -> str:
        """What it said since it was started last."""
        return self.log_path.read_bytes()[self.heard_from :].decode(errors="replace")

    async def until_ready(self) -> Mapping[str, Any]:
        """Its line of addresses."""
        found: list[Mapping[str, Any]] = []

        def look() -> bool:
            assert self.status is None, self.heard()[-2000:]
            lines = [line for line in self.heard().splitlines() if line.startswith('{"')]
            found[:] = [one for one in map(json.loads, lines) if "gate_url" in one or "address" in one]
            return bool(found)

        await until(look)
        return found[0]

    async def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        await until(lambda: self.status is not None)
        return self.status or 0

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit status."""
        os.kill(self.pid, number)
        return await self.ended()

    async def kill(self) -> None:
        """As a power cut would."""
        assert self.status is None
        os.kill(self.pid, signal.SIGKILL)
        assert await self.ended() == -signal.SIGKILL
