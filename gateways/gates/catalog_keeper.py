"""Keeps the catalog of a gate process current.

It follows what is published in the live store, and writes every revision to a local file, so that a
gate that starts while no store answers still knows its garages and its controllers.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import structlog

from gateways.catalog_document import catalog_from_json
from parking.catalog import Catalog
from parking.errors import Defect, DependencyError
from parking.live.catalog import published

if TYPE_CHECKING:
    from pathlib import Path

    from parking.live.batching import BatchingConnection

__all__ = ["CatalogKeeper"]

log = structlog.get_logger()
NOTHING_YET = -1


class CatalogKeeper:
    """``current`` is the newest catalog known here; before the first one it knows nobody."""

    def __init__(self, live: BatchingConnection, file: Path, *, partition_count: int) -> None:
        self._live = live
        self._file = file
        self._partition_count = partition_count
        self.current = Catalog(
            revision=NOTHING_YET, partition_count=partition_count, garages={}, controllers={}
        )

    @property
    def known(self) -> bool:
        """Whether there is any catalog yet."""
        return self.current.revision != NOTHING_YET

    def load_file(self) -> None:
        """Start from the local file, if there is one that can be read."""
        try:
            self._take(self._file.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, Defect) as error:
            log.warning("catalog_file_unusable", error=str(error))

    async def refresh(self) -> bool:
        """Take the published catalog if it is another one; whether it was."""
        text = await published(self._live, self.current.revision)
        if text is None:
            return False
        self._take(text)
        await asyncio.to_thread(_keep, self._file, text)
        return True

    async def follow(self, every_s: float) -> None:
        """Refresh for ever."""
        while True:
            try:
                if await self.refresh():
                    log.info("catalog_changed", revision=self.current.revision)
            except (DependencyError, Defect, OSError) as error:
                log.warning("catalog_not_refreshed", error=str(error))
            await asyncio.sleep(every_s)

    def _take(self, text: bytes) -> None:
        catalog = catalog_from_json(text)
        if catalog.partition_count != self._partition_count:
            raise Defect(
                f"the stores were set up with {catalog.partition_count} partitions, "
                f"this process with {self._partition_count}"
            )
        self.current = catalog


def _keep(file: Path, text: bytes) -> None:
    """Replace the file; after a power cut it is the old one or the new one."""
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as writing:
        fresh.chmod(0o600)
        writing.write(text)
        writing.flush()
        os.fsync(writing.fileno())
    fresh.replace(file)
