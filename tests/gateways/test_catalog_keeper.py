"""The gates' catalog: followed in the live store, kept in a file, never lost by either's faults."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateways.catalog_document import catalog_from_json, catalog_to_json
from gateways.gates.catalog_keeper import CatalogKeeper
from parking.errors import Defect
from parking.live.catalog import publish, published, published_revision
from tests.gateways.gate_stage import PARTITIONS, catalog_of, publish_catalog, without
from tests.scenarios.stage import live_connection
from tests.stores import valkey_command

if TYPE_CHECKING:
    from pathlib import Path

    from parking.live.batching import BatchingConnection


def keeper_of(live: BatchingConnection, file: Path) -> CatalogKeeper:
    return CatalogKeeper(live, file, partition_count=PARTITIONS)


def test_a_catalog_survives_its_journey() -> None:
    catalog = catalog_of()
    assert catalog_from_json(catalog_to_json(catalog)) == catalog


async def test_nothing_published_is_nobody_known(valkey_url: str, tmp_path: Path) -> None:
    async with live_connection(valkey_url) as live:
        keeper = keeper_of(live, tmp_path / "catalog.json")
        keeper.load_file()
        assert not await keeper.refresh()
        assert (keeper.known, dict(keeper.current.controllers)) == (False, {})
        assert await published_revision(live) is None


async def test_every_revision_is_taken_once_and_written_for_the_owner_alone(
    valkey_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "catalog.json"
    async with live_connection(valkey_url) as live:
        keeper = keeper_of(live, file)
        await publish(live, 1, catalog_to_json(catalog_of()))
        assert await keeper.refresh()
        assert not await keeper.refresh()
        assert await published(live, 1) is None
        await publish(live, 2, catalog_to_json(without(catalog_of(), "c2")))
        assert await keeper.refresh()
        assert set(keeper.current.controllers) == {"c1", "in1"}
        assert file.stat().st_mode & 0o777 == 0o600
        later = keeper_of(live, file)
        later.load_file()
        assert later.current == keeper.current


async def test_a_file_that_cannot_be_read_is_as_none(valkey_url: str, tmp_path: Path) -> None:
    file = tmp_path / "catalog.json"
    async with live_connection(valkey_url) as live:
        for text in (b"", b"{", b"[]", b"\xff", catalog_to_json(replace(catalog_of(), partition_count=64))):
            file.write_bytes(text)
            keeper = keeper_of(live, file)
            keeper.load_file()
            assert not keeper.known


async def test_a_catalog_that_is_wrong_or_of_another_installation_is_not_taken(
    valkey_url: str, tmp_path: Path
) -> None:
    async with live_connection(valkey_url) as live:
        keeper = keeper_of(live, tmp_path / "catalog.json")
        await publish(live, 1, catalog_to_json(catalog_of()))
        await keeper.refresh()
        before = keeper.current, (tmp_path / "catalog.json").read_bytes()
        for text in (b"{}", catalog_to_json(replace(catalog_of(revision=2), partition_count=64))):
            await publish(live, 2, text)
            with pytest.raises(Defect):
                await keeper.refresh()
            assert (keeper.current, (tmp_path / "catalog.json").read_bytes()) == before


async def test_it_follows_through_mistakes_and_losses(valkey_url: str, tmp_path: Path) -> None:
    async with live_connection(valkey_url) as live, asyncio.TaskGroup() as tasks:
        keeper = keeper_of(live, tmp_path / "catalog.json")
        following = tasks.create_task(keeper.follow(0.01))
        await publish_catalog(valkey_url, catalog_of())
        await revision(keeper, 1)
        await publish(live, 2, b"nonsense")
        await asyncio.sleep(0.05)
        assert valkey_command(valkey_url, "FLUSHALL") == "+OK"
        await asyncio.sleep(0.05)
        assert keeper.current.revision == 1
        await publish_catalog(valkey_url, catalog_of(revision=3))
        await revision(keeper, 3)
        following.cancel()


async def revision(keeper: CatalogKeeper, wanted: int) -> None:
    for _ in range(500):
        if keeper.current.revision == wanted:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(f"revision {wanted} was not taken")
