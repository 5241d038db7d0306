"""What every test gets: its tasks are counted, and one that outlives its test fails it."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytest_plugins = ["tests.stores"]

GRACE_PASSES = 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Watch the tests that run on a loop; the others need none."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            item.fixturenames.insert(0, "no_leaked_tasks")


@pytest.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Set up first and taken down last, so that the tasks of other fixtures are counted too."""
    before = asyncio.all_tasks()
    yield
    for _ in range(GRACE_PASSES):
        await asyncio.sleep(0)
    leaked = asyncio.all_tasks() - before - {asyncio.current_task()}
    for task in leaked:
        task.cancel()
    assert sorted(str(task.get_coro()) for task in leaked) == []
