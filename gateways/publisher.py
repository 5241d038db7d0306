"""Publishes the catalog: whatever changed in the books is with every gate a moment later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import structlog

from gateways.catalog_document import catalog_to_json
from parking.errors import LeaveFirstError
from parking.live.catalog import publish, published_revision

if TYPE_CHECKING:
    from parking.catalog import Catalog
    from parking.live.batching import BatchingConnection

__all__ = ["CatalogBooks", "Publisher"]

log = structlog.get_logger()


class CatalogBooks(Protocol):
    """Where the catalog comes from."""

    async def revision(self) -> int:
        """The current revision."""
        ...

    async def load_catalog(self) -> Catalog:
        """The current catalog."""
        ...


class Publisher:
    """Compares revisions and publishes; several of them do no harm."""

    def __init__(self, books: CatalogBooks, live: BatchingConnection) -> None:
        self._books = books
        self._live = live

    async def republish(self) -> None:
        """Publish the books' catalog if the live store has another revision."""
        if await self._books.revision() != await published_revision(self._live):
            catalog = await self._books.load_catalog()
            await publish(self._live, catalog.revision, catalog_to_json(catalog))
            log.info("catalog_published", revision=catalog.revision)

    async def run(self, every_s: float) -> None:
        """Publish for ever."""
        while True:
            try:
                await self.republish()
            except LeaveFirstError as error:
                log.warning("catalog_not_published", error=str(error))
            await asyncio.sleep(every_s)
