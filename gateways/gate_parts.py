"""What the protocols of a gate process are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.presence import Presence
    from gateways.metrics import GateMetrics
    from gateways.settings import Settings
    from parking.clock import Clock
    from parking.live.batching import BatchingConnection

__all__ = ["GateParts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateParts:
    """What the controllers of a gate process have in common; ``draining`` tells when it is about to stop.

    ``number`` is that of the process on its machine, from 0.
    """

    number: int
    settings: Settings
    live: BatchingConnection
    gatehouse: Gatehouse
    catalog: CatalogKeeper
    clock: Clock
    metrics: GateMetrics
    presence: Presence
    draining: Callable[[], bool]
