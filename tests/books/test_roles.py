"""The application's role: made by an owner with few rights, and refused to those who may not have it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from parking.errors import NotPermitted
from settlement.books.migrate import migrate, owner_connection
from settlement.books.pool import APP_ROLE, open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg


@pytest_asyncio.fixture
async def owner(empty_postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with owner_connection(empty_postgres_dsn) as held:
        yield held


@pytest.mark.usefixtures("trusting_server")
async def test_a_user_without_the_right_is_told_what_to_run(
    empty_postgres_dsn: str, owner: asyncpg.Connection
) -> None:
    await migrate(empty_postgres_dsn)
    await owner.execute("CREATE ROLE plain_user LOGIN")
    plain_dsn = urlsplit(empty_postgres_dsn)._replace(netloc="plain_user@").geturl()
    try:
        with pytest.raises(NotPermitted, match="GRANT leave_first_app"):
            await migrate(plain_dsn)
        with pytest.raises(NotPermitted, match="the books refuse us"):
            async with open_pool(plain_dsn, size=1, application_name="test"):
                pass
    finally:
        await owner.execute("DROP ROLE plain_user")


@pytest.mark.usefixtures("trusting_server")
async def test_an_owner_who_is_no_superuser_may_create_the_role_and_act_as_it(managed_dsn: str) -> None:
    await migrate(managed_dsn)
    await migrate(managed_dsn)
    async with open_pool(managed_dsn, size=1, application_name="test") as pool:
        assert await pool.fetchval("SELECT current_user") == APP_ROLE


@pytest_asyncio.fixture
async def trusting_server(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """For a while the server takes users by their word; otherwise it knows those of the system alone."""
    rules = Path(await owner.fetchval("SHOW hba_file"))
    strict = _replace(rules, "local all plain_user,managed trust\n{}")
    await _reload(owner)
    yield
    _replace(rules, strict)
    await _reload(owner)


def _replace(path: Path, content: str) -> str:
    """Write ``content``, with what was there in the place of the braces; returns what was there."""
    before = path.read_text(encoding="utf-8")
    path.write_text(content.replace("{}", before), encoding="utf-8")
    return before


async def _reload(owner: asyncpg.Connection) -> None:
    """Have the server read its files again, and wait until it has: it tells its processes one by one."""
    loaded = await owner.fetchval("SELECT pg_conf_load_time()")
    await owner.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(10):
        while await owner.fetchval("SELECT pg_conf_load_time()") == loaded:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def managed_dsn(empty_postgres_dsn: str, owner: asyncpg.Connection) -> AsyncIterator[str]:
    """The database in the hands of a user with few rights, in a cluster that has no role of ours yet."""
    database = urlsplit(empty_postgres_dsn).path.removeprefix("/")
    await owner.execute("CREATE ROLE managed LOGIN CREATEROLE")
    await owner.execute(f"ALTER DATABASE {database} OWNER TO managed")
    known = await owner.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", APP_ROLE)
    if known:
        await owner.execute(f"ALTER ROLE {APP_ROLE} RENAME TO {APP_ROLE}_away")
    try:
        yield urlsplit(empty_postgres_dsn)._replace(netloc="managed@").geturl()
    finally:
        await owner.execute(f"DROP OWNED BY managed, {APP_ROLE} CASCADE")
        await owner.execute(f"ALTER DATABASE {database} OWNER TO CURRENT_USER")
        await owner.execute(f"DROP ROLE {APP_ROLE}; DROP ROLE managed")
        if known:
            await owner.execute(f"ALTER ROLE {APP_ROLE}_away RENAME TO {APP_ROLE}")
