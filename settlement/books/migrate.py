"""Brings a database to the schema of this release, or refuses to touch it.

Migrations are numbered files, applied in order, each in a transaction of its own, by one process at a
time. What has been applied is recorded with a checksum. A database that somebody else made, one that a
newer release has changed, and one whose applied migrations have been edited since are refused: a wrong
guess here would cost the books.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import asyncpg

from parking.clock import SystemClock
from parking.errors import Conflict, NotPermitted
from settlement.books.failures import opening, translated
from settlement.books.months import ensure_months
from settlement.books.pool import APP_ROLE
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

__all__ = ["migrate", "owner_connection"]

POSTGRES_MAJOR_MIN: Final = 15
LOCK_KEY: Final = 0x1EAFE_F1457
"""Any number that nobody else in the same database is likely to lock."""
CONNECT_TIMEOUT_S: Final = 10.0
COMMAND_TIMEOUT_S: Final = 300.0
"""A migration of a large table, or waiting for another process that runs one."""
HISTORY: Final = "schema_migration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """Of the file's content."""
        return sha256(self.text.encode()).hexdigest()


async def migrate(dsn: str, *, partition_count: int = 64, now: datetime | None = None) -> None:
    """Apply what is missing; safe to call from many processes at once, and again.

    ``partition_count`` is fixed by the first call. Raises :class:`Conflict` for a database that must not
    be touched, :class:`NotPermitted` when the user may not create what is needed.
    """
    moment = SystemClock().now() if now is None else now
    async with owner_connection(dsn) as connection:
        _check_server(connection)
        await _ensure_role(connection)
        with translated():
            await connection.fetchval(sql("migrate/lock"), LOCK_KEY)
        await _apply_missing(connection, moment)
        await _check_installation(connection, partition_count, moment)
        await ensure_months(connection, moment)


@asynccontextmanager
async def owner_connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection with the rights of the user that ``dsn`` names, for changes of the schema."""
    with opening():
        connection = await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings={"application_name": "leave-first owner", "timezone": "UTC"},
        )
    try:
        yield connection
    finally:
        with suppress(TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=CONNECT_TIMEOUT_S)


def _check_server(connection: asyncpg.Connection) -> None:
    version = connection.get_server_version()
    if version.major < POSTGRES_MAJOR_MIN:
        raise Conflict(f"PostgreSQL {POSTGRES_MAJOR_MIN} or later is needed; this server is {version.major}")


async def _ensure_role(connection: asyncpg.Connection) -> None:
    """Create the application's role, which other databases of the cluster may be creating right now.

    Who creates a role is a member of it, and yet may not act as it before he has granted it to himself.
    """
    with translated():
        if not await connection.fetchval(sql("migrate/role_exists"), APP_ROLE):
            await _create_role(connection)
        if not await _may_act(connection):
            await _grant_role(connection)


async def _may_act(connection: asyncpg.Connection) -> bool:
    try:
        await connection.execute(sql("migrate/act_as_role"))
    except asyncpg.InsufficientPrivilegeError:
        return False
    await connection.execute(sql("migrate/act_as_owner"))
    return True


async def _create_role(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute(sql("migrate/create_role"))
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        return
    except asyncpg.InsufficientPrivilegeError:
        raise NotPermitted(_ask_a_superuser("may not create the role", "migrate/create_role")) from None


async def _grant_role(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute(sql("migrate/grant_role"))
    except asyncpg.InsufficientPrivilegeError:
        raise NotPermitted(_ask_a_superuser("may not act as the role", "migrate/grant_role")) from None


def _ask_a_superuser(what: str, statement: str) -> str:
    text = " ".join(line for line in sql(statement).splitlines() if not line.startswith("--"))
    return f"the database user {what} {APP_ROLE}; let a superuser run, for that user: {text};"


async def _apply_missing(connection: asyncpg.Connection, now: datetime) -> None:
    ours = _migrations()
    with translated():
        tables = {row["name"] for row in await connection.fetch(sql("migrate/tables"))}
        if HISTORY in tables:
            applied = await connection.fetch(sql("migrate/applied"))
        elif tables:
            raise Conflict(
                f"this database has {len(tables)} tables, among them {min(tables)!r}, and none of them says"
                " that leave-first made it; name an empty database"
            )
        else:
            applied = []
            await connection.execute(sql("migrate/create_history"))
        _check_history(ours, {row["number"]: (row["name"], row["checksum"]) for row in applied})
        for migration in ours[len(applied) :]:
            async with connection.transaction():
                await connection.execute(migration.text)
                await connection.execute(
                    sql("migrate/record"), migration.number, migration.name, migration.checksum, now
                )


def _check_history(ours: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    known = {migration.number: migration for migration in ours}
    for number, (name, checksum) in applied.items():
        migration = known.get(number)
        if migration is None:
            raise Conflict(
                f"this database has migration {number} ({name}), which this release does not know:"
                " it belongs to a newer release"
            )
        if migration.checksum != checksum:
            raise Conflict(f"migration {number} ({name}) is not the one that was applied to this database")


def _migrations() -> list[Migration]:
    """All migrations, in order; their numbers have no gaps."""
    found = sorted(
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in files("settlement.books").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    )
    return [
        Migration(number=number, name=name.removesuffix(".sql"), text=text)
        for number, (name, text) in enumerate(found, start=1)
    ]


async def _check_installation(connection: asyncpg.Connection, partition_count: int, now: datetime) -> None:
    with translated():
        await connection.execute(sql("migrate/install"), partition_count, now)
        installed = await connection.fetchrow(sql("migrate/installation"))
    if installed is not None and installed["partition_count"] != partition_count:
        raise Conflict(
            f"this installation has {installed['partition_count']} partitions for its whole life,"
            f" and {partition_count} were asked for"
        )
