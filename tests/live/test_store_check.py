"""Which live stores are taken: by what a server says of itself, and by what a real one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from parking.errors import Conflict, OutcomeUnknown, Unavailable
from parking.live.store_check import Durability, check_answers, check_store
from tests.stores import valkey_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "0", "maxmemory-policy": "noeviction"}
VALKEY = {"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.0.1"}


@pytest.mark.parametrize(
    "server",
    [VALKEY, VALKEY | {"valkey_version": "10.1.0"}, {"redis_version": "7.2.0"}, {"redis_version": "8.2.1"}],
)
def test_servers_that_are_new_enough_are_taken(server: dict[str, str]) -> None:
    check_answers(server, DURABLE, Durability.FSYNC)


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (VALKEY | {"valkey_version": "7.2.9"}, "Valkey 8.0 or later is needed; this live store is 7.2.9"),
        ({"redis_version": "7.0.15"}, "Redis 7.2 or later is needed; this live store is 7.0.15"),
        ({}, "this live store is unknown"),
    ],
)
def test_older_servers_are_refused(server: dict[str, str], says: str) -> None:
    with pytest.raises(Conflict, match=says):
        check_answers(server, DURABLE, Durability.SERVER)


def test_a_server_that_keeps_its_configuration_to_itself_needs_somebody_who_vouches_for_it() -> None:
    with pytest.raises(Conflict, match="says nothing"):
        check_answers(VALKEY, {}, Durability.FSYNC)
    check_answers(VALKEY, {}, Durability.SERVER)


def test_a_bound_of_memory_without_eviction_only_refuses_new_cars() -> None:
    check_answers(VALKEY, DURABLE | {"maxmemory": "1000000"}, Durability.FSYNC)
    check_answers(VALKEY, DURABLE | {"maxmemory-policy": "allkeys-lru"}, Durability.FSYNC)


@pytest.fixture
def configured(valkey_url: str) -> Iterator[str]:
    """A real server whose configuration may be changed."""
    yield valkey_url
    for name, value in DURABLE.items():
        assert valkey_command(valkey_url, "CONFIG", "SET", name, value) == "+OK"


@pytest.mark.parametrize(
    ("changes", "says", "vouched"),
    [
        ({"appendfsync": "everysec"}, "appendonly yes, appendfsync everysec", True),
        ({"appendonly": "no"}, "appendonly no", True),
        ({"maxmemory": "1000000000", "maxmemory-policy": "volatile-ttl"}, "volatile-ttl", False),
    ],
)
async def test_a_real_server_is_judged_by_its_configuration(
    configured: str, changes: dict[str, str], says: str, *, vouched: bool
) -> None:
    await check_store(configured, Durability.FSYNC)
    for name, value in changes.items():
        assert valkey_command(configured, "CONFIG", "SET", name, value) == "+OK"
    with pytest.raises(Conflict, match=says):
        await check_store(configured, Durability.FSYNC)
    if vouched:
        await check_store(configured, Durability.SERVER)
    else:
        with pytest.raises(Conflict, match=says):
            await check_store(configured, Durability.SERVER)


async def test_a_server_that_is_away_is_not_judged(tmp_path: Path) -> None:
    with pytest.raises((Unavailable, OutcomeUnknown)):
        await check_store(f"unix://{tmp_path}/nobody.sock", Durability.FSYNC)
