"""The data folder: one holder at a time, the same layout everywhere.

::

    <data folder>/lock         locked by the process that runs the stores; says which
                  valkey/      the live store's append-only file
                  postgres/    the books (a link when PostgreSQL's account cannot come here)
                  access/      who may connect to PostgreSQL
                  run/         sockets (elsewhere when this path is too long for one)
                  log/         what the servers say
                  spool/       gate events that wait for the live store

Everything in it is private to its owner. Run by root it may be passed through, no more, because
PostgreSQL runs as an account of its own; folders above it are never changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from parking.clock import SystemClock
from parking.errors import Conflict, LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "STATE_FOLDER",
    "DataDir",
    "DataDirInUse",
    "DataDirUnusable",
    "create_folder",
    "default_data_dir",
    "digest_of",
    "hold_data_dir",
    "read_holder",
    "scratch_data_dir",
    "socket_folder",
]

STATE_FOLDER = Path("/var/lib/leave-first")
"""Where root keeps what PostgreSQL's account cannot reach inside a private folder."""
PRIVATE = 0o700
PASSABLE = 0o711
SOCKET_PATH_BYTES = 107
LONGEST_SOCKET = "postgres/.s.PGSQL.5432"
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+-]+")
"""Paths that mean the same in a URL, a DSN and a list of folders."""
LOCK_TRIES = 4
LOCK_PAUSE_SECONDS = 0.05
"""A look at who holds the lock takes it for a moment."""


class DataDirInUse(Conflict):
    """Another process runs the stores of this folder."""


class DataDirUnusable(LeaveFirstError):
    """The folder cannot be made, entered or written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDir:
    """A data folder that this process holds."""

    path: Path
    lock_fd: int

    @property
    def log(self) -> Path:
        """The folder of log files."""
        return self.path / "log"

    def announce(self, facts: Mapping[str, str]) -> None:
        """Write into the lock who holds it, and ``facts`` for those who want to join."""
        started_at = SystemClock().now().isoformat(timespec="seconds")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
        text = json.dumps({"pid": os.getpid(), "command": command, "started_at": started_at, **facts})
        os.ftruncate(self.lock_fd, 0)
        os.pwrite(self.lock_fd, text.encode(), 0)


def default_data_dir() -> Path:
    """The user's data folder, as the platform has it."""
    return Path(platformdirs.user_data_dir("leave-first", appauthor=False))


def digest_of(path: Path) -> str:
    """A short name for a resolved path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def create_folder(path: Path, *, mode: int = PRIVATE) -> None:
    """Make ``path`` with exactly ``mode``; one that exists stays as it is."""
    if not path.is_dir():
        path.mkdir()
        path.chmod(mode)


@contextmanager
def hold_data_dir(path: Path) -> Iterator[DataDir]:
    """Create the folder if need be and lock it, or raise :class:`DataDirInUse`."""
    try:
        path = path.expanduser().absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        create_folder(path, mode=PASSABLE if os.geteuid() == 0 else PRIVATE)
        path = path.resolve()
        lock_fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DataDirUnusable(f"The data folder {path} cannot be used: {error.strerror}") from error
    try:
        lock(lock_fd, path)
        held = DataDir(path=path, lock_fd=lock_fd)
        held.announce({})
        for name in ("valkey", "log", "spool"):
            create_folder(path / name)
        yield held
    finally:
        os.close(lock_fd)


def lock(lock_fd: int, path: Path) -> None:
    for _ in range(LOCK_TRIES):
        with suppress(BlockingIOError):
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(LOCK_PAUSE_SECONDS)
    facts = parse_facts(os.pread(lock_fd, 65536, 0))
    holder = "another process"
    if facts:
        holder = f"process {facts['pid']} ({facts['command']}), running since {facts['started_at']}"
    raise DataDirInUse(f"The data folder {path} is in use by {holder}: stop that, or choose another folder")


def read_holder(path: Path) -> Mapping[str, str]:
    """What the process that holds ``path`` says of itself; empty when nobody holds it."""
    try:
        lock_fd = os.open(path.expanduser() / "lock", os.O_RDONLY)
    except OSError:
        return {}
    try:
        with suppress(BlockingIOError):
            fcntl.flock(lock_fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return {}
        return parse_facts(os.pread(lock_fd, 65536, 0))
    finally:
        os.close(lock_fd)


def parse_facts(content: bytes) -> Mapping[str, str]:
    try:
        facts = json.loads(content)
    except ValueError:
        return {}
    return {str(name): str(value) for name, value in facts.items()} if isinstance(facts, dict) else {}


def socket_folder(home: Path) -> Path:
    """A folder for the sockets of ``home``, made if need be: short, and with nothing to be quoted.

    Inside ``home`` where that is possible; otherwise one of ours, which nobody else can have laid out.
    """
    is_root = os.geteuid() == 0
    folder = home / "run"
    if not is_fit_for_sockets(folder):
        if is_root:
            create_folder(STATE_FOLDER, mode=0o755)
            create_folder(STATE_FOLDER / digest_of(home), mode=PASSABLE)
            folder = STATE_FOLDER / digest_of(home) / "run"
        else:
            folder = Path(tempfile.gettempdir()) / f"leave-first-{os.geteuid()}-{digest_of(home)}"
    if not is_fit_for_sockets(folder):
        raise DataDirUnusable(f"The path {folder} is too long for a socket: name a shorter data folder")
    with suppress(FileExistsError):
        folder.mkdir(mode=PRIVATE)
        folder.chmod(PASSABLE if is_root else PRIVATE)
    found = folder.lstat()
    expected = 0o40000 | (PASSABLE if is_root else PRIVATE)
    if found.st_uid != os.geteuid() or found.st_mode != expected:
        raise DataDirUnusable(f"The folder {folder} is not a private folder of ours: remove it")
    return folder


def is_fit_for_sockets(folder: Path) -> bool:
    longest = folder / LONGEST_SOCKET
    return len(os.fsencode(longest)) <= SOCKET_PATH_BYTES and bool(PLAIN_PATH.fullmatch(str(longest)))


@contextmanager
def scratch_data_dir() -> Iterator[Path]:
    """A data folder for a demo or a test: new, temporary, removed afterwards with all that belongs to it."""
    path = Path(tempfile.mkdtemp(prefix="leave-first-")).resolve()
    if os.geteuid() == 0:
        path.chmod(PASSABLE)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(STATE_FOLDER / digest_of(path), ignore_errors=True)
