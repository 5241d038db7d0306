"""Pictures as files in a folder; all gate processes of a machine share it, or all machines that mount it."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from typing_extensions import override

from gateways.pictures.store import PictureStore, place_of
from parking.clock import to_ms
from parking.errors import Unavailable

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["FolderPictures"]


class FolderPictures(PictureStore):
    """What cannot be deleted is tried again next time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    async def put(self, reference: str, picture: bytes, now: datetime) -> None:
        try:
            await asyncio.to_thread(_write, self._folder / place_of(reference), picture, now)
        except OSError as error:
            raise Unavailable(f"the picture cannot be written: {error.strerror}") from error

    @override
    async def get(self, reference: str, bytes_max: int) -> bytes | None:
        return await asyncio.to_thread(_read, self._folder / place_of(reference), bytes_max)

    @override
    async def forget(self, before: datetime) -> int:
        return await asyncio.to_thread(_delete, self._folder, before)


def _read(path: Path, bytes_max: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            picture = file.read(bytes_max + 1)
    except OSError:
        return None
    return picture if len(picture) <= bytes_max else None


def _write(path: Path, picture: bytes, now: datetime) -> None:
    """Write whole or not at all; one that is there is only as old as its last use."""
    seconds = to_ms(now) / 1000
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as writing:
                writing.write(picture)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
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
