"""Controllers on a broker: whose the topics of a name are, and who is there.

A name does for a topic only where one garage alone has a controller of that name: what is answered to one
would be read by the other. One whose last will says ``offline`` is gone until it says something again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.presence import Presence
    from gateways.metrics import GateMetrics
    from parking.catalog import Catalog
    from parking.ids import ControllerId, GarageId

    Key = tuple[GarageId, ControllerId]

__all__ = ["Roster"]

log = structlog.get_logger()


class Roster:
    """Of one gate process."""

    def __init__(self, catalog: CatalogKeeper, presence: Presence, metrics: GateMetrics) -> None:
        self._catalog = catalog
        self._presence = presence
        self._metrics = metrics
        self._known: tuple[Catalog | None, dict[str, Key | None]] = None, {}
        self._online: set[str] = set()
        self._gone: set[Key] = set()

    def named(self, name: str) -> Key | None:
        """The controller of ours that a topic names; nobody where two garages have one of this name."""
        catalog = self._catalog.current
        if self._known[0] is not catalog:
            self._known = catalog, _by_name(catalog)
        return self._known[1].get(name)

    def note_status(self, name: str, *, online: bool, retained: bool) -> None:
        """What stands on its topic; only controllers that the catalog knows count.

        The broker guards who may say this. What it has retained says nothing of when a controller came.
        """
        key = self.named(name)
        if key is None:
            return
        (self._online.add if online else self._online.discard)(name)
        (self._gone.discard if online else self._gone.add)(key)
        if not (online and retained):
            self._presence.note_status(key, online=online)
        self._metrics.mqtt_controllers.set(len(self._online))
        log.info("controller_online" if online else "controller_offline", controller=name)

    def note_heard(self, key: Key) -> None:
        """A controller has said something."""
        self._gone.discard(key)

    def is_gone(self, key: Key) -> bool:
        """Whether it has gone, as far as its last will knows."""
        return key in self._gone


def _by_name(catalog: Catalog) -> dict[str, Key | None]:
    known: dict[str, Key | None] = {}
    for one in catalog.controllers.values():
        if one.device is None:
            key = one.key
            known[one.controller_id] = key if known.get(one.controller_id, key) == key else None
    return known
