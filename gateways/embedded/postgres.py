"""The embedded books: PostgreSQL with normal durability, on a Unix socket that only we can open.

A new cluster is made beside its final place, given its database, and then renamed, so that a crash leaves
either no cluster or a whole one. Settings are passed on the command line at every start: they belong to
this version of the program, not to the day on which the cluster was made. Whoever runs this program is
let in as the owner of the books or as the application, told apart by nothing but the kernel's word.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

from typing_extensions import override

from gateways.embedded.data_dir import create_folder
from gateways.embedded.keeper import Store, StoreNotStarted
from gateways.embedded.orphans import end_orphans
from gateways.embedded.postgres_account import Place, choose_place, current_user_name
from gateways.embedded.process import Command, describe_status, run_to_end

if TYPE_CHECKING:
    from pathlib import Path

    from gateways.embedded.data_dir import DataDir
    from gateways.embedded.keeper import Log

__all__ = ["APP_ROLE", "DATABASE", "OWNER_ROLE", "Postgres"]

OWNER_ROLE = "leave_first_owner"
APP_ROLE = "leave_first_app"
DATABASE = "leave_first"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
INITDB_SECONDS = 300.0
PASSABLE = 0o711

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "max_connections": "100",
    "jit": "off",
    "autovacuum_naptime": "5s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %u@%d ",
}
"""For a small machine that also carries the live store and ourselves.

The tables of a new month fill within seconds: what plans are made from must not be a minute old."""


class Postgres(Store):
    """PostgreSQL for the data folder."""

    def __init__(self, data_dir: DataDir, log: Log) -> None:
        """Decides where the cluster lives; blocks shortly."""
        self._place = choose_place(data_dir.path)
        self._log_path = data_dir.log / "postgres.log"
        self._log = log

    @property
    @override
    def name(self) -> str:
        return "PostgreSQL"

    @property
    @override
    def stop_signal(self) -> signal.Signals:
        return signal.SIGINT

    @property
    def dsn(self) -> str:
        """Where the owner of the books connects."""
        return f"postgresql://{OWNER_ROLE}@/{DATABASE}?host={quote(str(self._place.sockets), safe='/')}"

    @property
    def sockets(self) -> Path:
        """The folder of the socket."""
        return self._place.sockets

    @override
    def prepare(self) -> Command:
        place = self._place
        pid_file = place.data / "postmaster.pid"
        met = end_orphans(place.data, "postgres", pid_file=pid_file, ask=self.stop_signal)
        if met:
            self._log.warning("orphans_ended", store=self.name, pids=sorted(met))
        if not place.data.is_dir():
            make_cluster(place)
        if place.link is not None and not place.link.is_symlink():
            place.link.symlink_to(place.data)
        # Nobody runs on this cluster, so a recorded process id can only mislead, once the number is reused.
        for stale in (pid_file, place.sockets / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)
        settings = SETTINGS | write_access(place) | {"unix_socket_directories": str(place.sockets)}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Command(
            argv=(str(place.programs / "postgres"), "-D", str(place.data), *options),
            folder=place.home,
            account=place.account,
            environment=ENVIRONMENT,
            log_path=self._log_path,
        )

    @override
    async def is_ready(self, pid: int) -> bool:
        """The server's own word, in the file that its control program reads for the same purpose."""
        try:
            lines = await asyncio.to_thread((self._place.data / "postmaster.pid").read_text)
        except FileNotFoundError:
            return False
        match lines.splitlines():
            case [recorded, _, _, _, _, _, _, status, *_]:
                return recorded == str(pid) and status.strip() == "ready"
            case _:
                return False


def make_cluster(place: Place) -> None:
    """A cluster with its database, complete or not at all."""
    unfinished = place.home / "postgres.unfinished"
    with suppress(FileNotFoundError):
        shutil.rmtree(unfinished)
    create_folder(unfinished)
    if place.account is not None:
        os.chown(unfinished, place.account.uid, place.account.gid)
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    access = ("--auth-local=peer", "--auth-host=reject")
    options = (f"--username={OWNER_ROLE}", *locale, *access, "--data-checksums", "--no-instructions")
    run(place, "initdb", "-D", str(unfinished), *options)
    statement = (resources.files("gateways.embedded") / "create_database.sql").read_text()
    run(place, "postgres", "--single", "-j", "-D", str(unfinished), "postgres", said=statement)
    unfinished.rename(place.data)


def run(place: Place, program: str, *options: str, said: str = "") -> None:
    """Run one of PostgreSQL's programs to its end, as its account."""
    command = Command(
        argv=(str(place.programs / program), *options),
        folder=place.home,
        account=place.account,
        environment=ENVIRONMENT,
    )
    ran = run_to_end(command, said=said, within_seconds=INITDB_SECONDS)
    if ran.returncode != 0:
        raise StoreNotStarted(
            f"PostgreSQL's {program} {describe_status(ran.returncode)}: {ran.stderr.strip()}"
        )


def write_access(place: Place) -> dict[str, str]:
    """Write who may connect, and say where; outside the cluster, whose account could redirect our writing."""
    create_folder(place.access, mode=PASSABLE)
    user = current_user_name().replace('"', '""')
    maps = "".join(f'leave_first "{user}" {role}\n' for role in (OWNER_ROLE, APP_ROLE))
    files = {"hba_file": "local all all peer map=leave_first\n", "ident_file": maps}
    for name, content in files.items():
        path = place.access / name
        path.write_text(content)
        path.chmod(0o644)
    return {name: str(place.access / name) for name in files}
