"""One task for each device that wants one, begun and ended as the catalog changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateways.gates.catalog_keeper import CatalogKeeper
    from parking.catalog import Controller

__all__ = ["DeviceTasks"]

LOOK_EVERY_S: Final = 1.0
TASKS_MAX: Final = 500


class DeviceTasks:
    """``wants`` says which controllers' devices have a task, ``keep`` is what it does; ``name`` is for logs.

    A task that has returned is begun anew only when its controller is configured anew.
    """

    def __init__(
        self,
        catalog: CatalogKeeper,
        wants: Callable[[Controller], bool],
        keep: Callable[[Controller], Coroutine[None, None, None]],
        *,
        name: str,
    ) -> None:
        self._catalog = catalog
        self._wants = wants
        self._keep = keep
        self._name = name
        self._running: dict[str, tuple[Controller, asyncio.Task[None]]] = {}

    async def run(self) -> Never:
        """Keep the tasks that the catalog wants, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._follow(tasks)
                await asyncio.sleep(LOOK_EVERY_S)

    def _follow(self, tasks: asyncio.TaskGroup) -> None:
        known = self._catalog.current.controllers
        wanted = {token_id: one for token_id, one in known.items() if self._wants(one)}
        for token_id, (controller, task) in list(self._running.items()):
            if wanted.get(token_id) != controller:
                task.cancel()
                del self._running[token_id]
        for token_id, controller in wanted.items():
            if token_id not in self._running and len(self._running) < TASKS_MAX:
                task = tasks.create_task(
                    self._keep(controller), name=f"{self._name}-{controller.controller_id}"
                )
                self._running[token_id] = controller, task
