"""The stores that tests are given: emptied, and nobody else's."""

from __future__ import annotations

import asyncpg
import pytest

from tests.stores import valkey_command


@pytest.mark.parametrize("_time", [1, 2])
def test_every_test_finds_an_empty_live_store(valkey_url: str, _time: int) -> None:
    assert valkey_command(valkey_url, "DBSIZE") == ":0"
    assert valkey_command(valkey_url, "SET", "left", "behind") == "+OK"


@pytest.mark.parametrize("_time", [1, 2])
async def test_every_test_finds_an_empty_database(empty_postgres_dsn: str, _time: int) -> None:
    connection = await asyncpg.connect(empty_postgres_dsn)
    await connection.execute("CREATE TABLE left_behind ()")
    # Left open: the database is dropped all the same.
    connection.terminate()


@pytest.mark.parametrize("_time", [1, 2])
async def test_every_test_finds_books_at_the_current_schema(postgres_dsn: str, _time: int) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    assert await connection.fetchval("SELECT count(*) > 0 FROM schema_migration")
    await connection.execute("CREATE TABLE left_behind ()")
    await connection.close()
