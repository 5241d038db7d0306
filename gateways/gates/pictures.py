"""Pictures of cars: named by their content, outside of every store of ours, for as long as they may be kept.

A picture comes with a read and must not delay it: its name is worked out at once and goes with the event, it
is kept a moment later by one writer. What is too large or no picture is refused alone; its event is kept. The
same picture sent twice is kept once. What is older than the retention is deleted; a name outlives it.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import structlog

from parking.errors import LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from gateways.metrics import GateMetrics
    from gateways.pictures.store import PictureStore
    from parking.clock import Clock

__all__ = ["Pictures"]

log = structlog.get_logger()
BYTES_MAX: Final = 2 * 1024 * 1024
WAITING_MAX: Final = 64
"""Pictures in memory, some tens of MB at worst; a disk that falls behind by more loses them, counted."""
FORGET_EVERY_S: Final = 3600.0
FORMS: Final = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))
"""What begins a picture, and the ending of its name."""


class Pictures:
    """The pictures that one gate process gets."""

    def __init__(self, store: PictureStore, clock: Clock, metrics: GateMetrics, *, kept: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._kept = kept
        self._waiting: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(WAITING_MAX)

    def keep_soon(self, pictures: Sequence[bytes]) -> str:
        """The reference of the first that is a picture, which will be kept; empty where none is."""
        for picture in pictures:
            reference = _reference(picture)
            if reference is None:
                self._metrics.picture("refused")
                continue
            try:
                self._waiting.put_nowait((reference, picture))
            except asyncio.QueueFull:
                self._metrics.picture("lost")
            return reference
        return ""

    async def run(self) -> None:
        """Write what waits, for ever."""
        while True:
            reference, picture = await self._waiting.get()
            try:
                await self._store.put(reference, picture, self._clock.now())
            except LeaveFirstError as error:
                self._metrics.picture("lost")
                log.warning("picture_not_kept", error=str(error))
            else:
                self._metrics.picture("kept")

    async def forget(self) -> None:
        """Delete what is older than the retention, now and every hour."""
        while True:
            try:
                gone = await self._store.forget(self._clock.now() - self._kept)
            except LeaveFirstError as error:
                log.warning("pictures_not_deleted", error=str(error))
            else:
                log.info("pictures_deleted", count=gone)
            await asyncio.sleep(FORGET_EVERY_S)


def _reference(picture: bytes) -> str | None:
    ending = next((name for start, name in FORMS if picture.startswith(start)), None)
    if ending is None or len(picture) > BYTES_MAX:
        return None
    return f"{sha256(picture).hexdigest()}.{ending}"
