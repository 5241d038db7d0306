"""Pictures of cars: files named by their content, outside of every store, for as long as they may be kept.

A picture comes with a read and must not delay it: its name is worked out at once and goes with the event, the
file is written a moment later by one writer. What is too large or no picture is refused alone; its event is
kept. The same picture sent twice is one file. Files older than the retention are deleted; a name outlives its
file.

All gate processes of a machine share the folder. A share that all machines mount serves several.
"""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import structlog

from parking.clock import to_ms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from pathlib import Path

    from gateways.metrics import GateMetrics
    from parking.clock import Clock

__all__ = ["Pictures", "picture_path"]

log = structlog.get_logger()
BYTES_MAX: Final = 2 * 1024 * 1024
WAITING_MAX: Final = 64
"""Pictures in memory, some tens of MB at worst; a disk that falls behind by more loses them, counted."""
FORGET_EVERY_S: Final = 3600.0
FORMS: Final = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"))
"""What begins a picture, and the ending of its name."""


def picture_path(folder: Path, reference: str) -> Path:
    """Where the picture of a reference is kept."""
    return folder / reference[:2] / reference


class Pictures:
    """The pictures that one gate process gets."""

    def __init__(self, folder: Path, clock: Clock, metrics: GateMetrics, *, kept: timedelta) -> None:
        self._folder = folder
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
            path = picture_path(self._folder, reference)
            try:
                await asyncio.to_thread(_write, path, picture, self._clock.now())
            except OSError as error:
                self._metrics.picture("lost")
                log.warning("picture_not_kept", error=type(error).__name__)
            else:
                self._metrics.picture("kept")

    async def forget(self) -> None:
        """Delete what is older than the retention, now and every hour."""
        while True:
            before = self._clock.now() - self._kept
            gone = await asyncio.to_thread(_delete, self._folder, before)
            if gone:
                log.info("pictures_deleted", count=gone)
            await asyncio.sleep(FORGET_EVERY_S)


def _reference(picture: bytes) -> str | None:
    ending = next((name for start, name in FORMS if picture.startswith(start)), None)
    if ending is None or len(picture) > BYTES_MAX:
        return None
    return f"{sha256(picture).hexdigest()}.{ending}"


def _write(path: Path, picture: bytes, now: datetime) -> None:
    """Write whole or not at all; one that is there is only as old as its last use."""
    seconds = to_ms(now) / 1000
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as writing:
            writing.write(picture)
        fresh.replace(path)
    os.utime(path, (seconds, seconds))


def _delete(folder: Path, before: datetime) -> int:
    """How many files are gone; what cannot be deleted is tried again next time."""
    gone = 0
    for path in folder.glob("*/*"):
        try:
            if path.stat().st_mtime * 1000 < to_ms(before):
                path.unlink()
                gone += 1
        except OSError:
            continue
    return gone
