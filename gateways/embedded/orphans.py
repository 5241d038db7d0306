"""Servers that outlived the process which started them.

A supervisor that is killed leaves its stores running on the data folder. A server works inside its own
folder, so every process with the server's name whose working folder it is belongs to it: no recorded
process id has to be believed. Callers hold the data folder's lock, hence nobody is starting a new one.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["end_orphans", "processes_in"]

PROCESSES = Path("/proc")
CLEAN_END_SECONDS = 60.0
HEADLESS_END_SECONDS = 2.0
"""Workers of a server that is itself gone notice that and leave by themselves."""
KILLED_END_SECONDS = 10.0
PAUSE_SECONDS = 0.02


def processes_in(folder: Path, name: str) -> frozenset[int]:
    """Ids of the processes called ``name`` that work in ``folder`` (resolved)."""
    found = set()
    for entry in PROCESSES.iterdir():
        with suppress(OSError):
            if (
                entry.name.isdigit()
                and (entry / "comm").read_text().rstrip("\n") == name
                and (entry / "cwd").readlink() == folder
            ):
                found.add(int(entry.name))
    return frozenset(found)


def end_orphans(folder: Path, name: str, *, pid_file: Path, ask: signal.Signals) -> frozenset[int]:
    """Stop what still runs on ``folder``: cleanly if its main process lives, else by force.

    Blocks; returns the ids that were met.
    """
    met = processes_in(folder, name)
    if not met:
        return met
    main = recorded_pid(pid_file)
    if main in met:
        with suppress(ProcessLookupError):
            os.kill(main, ask)
    patience = CLEAN_END_SECONDS if main in met else HEADLESS_END_SECONDS
    if not wait_until_gone(folder, name, patience):
        for pid in processes_in(folder, name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until_gone(folder, name, KILLED_END_SECONDS)
    return met


def wait_until_gone(folder: Path, name: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while processes_in(folder, name):
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


def recorded_pid(pid_file: Path) -> int:
    """The number on the first line, 0 when there is none."""
    try:
        return int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0
