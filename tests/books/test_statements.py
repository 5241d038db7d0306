"""Every statement fits the schema, with the parameter types that its header names."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import asyncpg
import pytest
import pytest_asyncio

from settlement.books.migrate import owner_connection
from settlement.books.pool import connection, open_pool
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FOLDER: Final = files("settlement.books").joinpath("sql")
NAMES: Final = sorted(
    f"{topic.name}/{entry.name.removesuffix('.sql')}"
    for topic in FOLDER.iterdir()
    for entry in topic.iterdir()
    if entry.name.endswith(".sql")
)
PARAMETER: Final = re.compile(r"^-- \$(\d+) [a-z]\w* +(.+?)$", re.MULTILINE)
NOT_PREPARABLE: Final = {"migrate/create_history", "migrate/create_role", "migrate/grant_role"}
"""The server prepares no statement of these kinds, or only where its object does not exist yet."""
NOT_EXPLAINED: Final = {"verify/take_time"}
CHILDREN: Final = """
SELECT relid::regclass::text AS name FROM pg_partition_tree($1::text::regclass)
UNION ALL SELECT $1::text
"""
ALIASES: Final = {
    "integer": "int4",
    "smallint": "int2",
    "bigint": "int8",
    "boolean": "bool",
    "double precision": "float8",
}


@pytest_asyncio.fixture
async def owner(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    async with owner_connection(postgres_dsn) as held:
        yield held


def declared_types(name: str) -> list[str]:
    return [_short(kind) for _, kind in sorted((int(no), kind) for no, kind in PARAMETER.findall(sql(name)))]


def _short(kind: str) -> str:
    element = kind.removesuffix("[]")
    return ALIASES.get(element, element) + kind.removeprefix(element)


def test_statements_stay_those_of_the_start_when_the_files_are_upgraded_beneath() -> None:
    script = (
        "import sys, pathlib; from settlement.books.statements import sql; sql('pool/ping');"
        "pathlib.Path.read_text = lambda *_, **__: 'of the next version';"
        "sys.exit(sql('posting/post') == 'of the next version')"
    )
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", script], check=False, timeout=30
    )
    assert ran.returncode == 0


async def test_every_statement_takes_the_parameters_that_its_header_names(owner: asyncpg.Connection) -> None:
    wrong = {}
    for name in NAMES:
        if name in NOT_PREPARABLE:
            continue
        statement = await owner.prepare(sql(name))
        types = [parameter.name for parameter in statement.get_parameters()]
        if types != declared_types(name):
            wrong[name] = (types, declared_types(name))
    assert wrong == {}


async def test_the_application_has_the_rights_that_its_statements_need(postgres_dsn: str) -> None:
    refused = []
    async with open_pool(postgres_dsn, size=1, application_name="test") as pool:
        for name in NAMES:
            if name.startswith("migrate/") or name in NOT_EXPLAINED:
                continue
            try:
                # As text without parameters, so that their values are left open.
                await pool.execute(f"EXPLAIN (GENERIC_PLAN) {sql(name)}")
            except asyncpg.InsufficientPrivilegeError as error:
                refused.append((name, str(error)))
    assert refused == []


@pytest.mark.parametrize(
    "change",
    [
        "charge SET amount_fen = 1",
        "charge SET bill_id = charge_id",
        "charge SET account_id = NULL",
        "charge_attempt SET attempt_key = 'x'",
        "session SET entered_at = now()",
        "session SET number = 'x'",
        "agreement SET reference = 'x'",
        "ledger_account SET account = 'x'",
        "quarantine SET details = '{}'",
        "installation SET partition_count = 1",
        "access_token SET secret_sha256 = ''",
    ],
)
async def test_the_application_cannot_change_what_a_row_stands_for(postgres_dsn: str, change: str) -> None:
    async with open_pool(postgres_dsn, size=1, application_name="test") as pool:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(f"UPDATE {change}")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("charges/claim", "charge_due"),
        ("charges/claim_questions", "charge_asked"),
        ("rebuild/answers", "gate_event_received"),
    ],
)
async def test_a_statement_finds_its_rows_by_an_index(
    owner: asyncpg.Connection, name: str, index: str
) -> None:
    await owner.execute("SET enable_seqscan = off; SET enable_sort = off")
    plan = "\n".join(row[0] for row in await _plan(owner, name))
    wanted = await owner.fetch(CHILDREN, index)
    assert any(row["name"] in plan for row in wanted), plan


async def _plan(owner: asyncpg.Connection, name: str) -> list[asyncpg.Record]:
    types = ", ".join(
        kind for _, kind in sorted((int(no), kind) for no, kind in PARAMETER.findall(sql(name)))
    )
    await owner.execute("SET plan_cache_mode = force_generic_plan")
    await owner.execute(f"PREPARE one ({types}) AS {sql(name)}")
    nulls = ", ".join(["NULL"] * len(PARAMETER.findall(sql(name))))
    return list(await owner.fetch(f"EXPLAIN EXECUTE one ({nulls})"))


@pytest.mark.parametrize("table", ["ledger_entry", "bill", "gate_event", "prepayment", "tariff_version"])
@pytest.mark.parametrize("act", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_application_cannot_change_what_it_has_booked(
    postgres_dsn: str, table: str, act: str
) -> None:
    columns = {"tariff_version": "definition = ''", "prepayment": "taken_by = ''"}
    statement = act.format(table, columns.get(table, "garage_id = ''"))
    async with open_pool(postgres_dsn, size=1, application_name="test") as pool:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_a_connection_of_the_pool_is_bounded_and_not_the_owner(postgres_dsn: str) -> None:
    async with open_pool(postgres_dsn, size=1, application_name="test") as pool, connection(pool) as held:
        assert await held.fetchval("SELECT current_user") == "leave_first_app"
        for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert await held.fetchval("SELECT current_setting($1)", limit) != "0"
