"""Child processes of a benchmark: our own modules, started with this interpreter, measured from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["cpu_seconds", "module_process"]

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 10.0


@asynccontextmanager
async def module_process(
    module: str, *arguments: str, environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m module`` for as long as the context is open; its logs go nowhere, its errors to ours."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        cwd=ROOT, env=dict(environment), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()


def cpu_seconds(pid: int | None = None) -> float:
    """Processor time that a process has used so far, this one's without ``pid``."""
    times = psutil.Process(os.getpid() if pid is None else pid).cpu_times()
    return float(times.user + times.system)
