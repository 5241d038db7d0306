"""Lanes with simulated gates, for ``leave-first simulate``: a camera's view, or a controller's lane."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from gateways.devices.driving import Lane

if TYPE_CHECKING:
    from gateways.devices.camera import Camera
    from gateways.devices.controllers import NativeController
    from parking.event import GateEvent

__all__ = ["CameraLane", "ControllerLane"]

OPENED_WITHIN_S: Final = 3.0
"""How long a driver waits for a command that opens before he is said to stand there."""


class CameraLane(Lane):
    """One view of a camera, with its barrier."""

    def __init__(self, camera: Camera, channel: int) -> None:
        self._camera = camera
        self._channel = channel

    @override
    async def see(self, event: GateEvent) -> str:
        camera, barrier = self._camera, self._camera.barriers[self._channel]
        openings = barrier.openings
        seen = await camera.see(event, self._channel)
        if seen.heard is None:
            return f"kept: no server took it ({camera.kept:,} in its memory)"
        if camera.maker.by_command:
            with suppress(TimeoutError):
                async with asyncio.timeout(OPENED_WITHIN_S):
                    await barrier.until_opened(openings)
        moved = "opens" if barrier.openings > openings else "stays shut"
        return "  ".join(filter(None, [f"the barrier {moved}", seen.heard.said]))


class ControllerLane(Lane):
    """One lane of a controller of the garage's own making."""

    def __init__(self, controller: NativeController) -> None:
        self._controller = controller

    @override
    async def see(self, event: GateEvent) -> str:
        told = await self._controller.ask(event)
        problem = told.get("problem")
        if problem is not None:
            return f"refused: {problem.get('title')}"
        moved = "opens" if told["decision"] == "open" else "stays shut"
        return f"the barrier {moved}: {told['reason']}  {'  '.join(told['display'])}"
