"""The catalog: every garage, and every controller that may speak for one.

The gates work from this alone. It is made from the books, published in the live store, and kept by each
gate process in memory and in a local file, so that no store has to answer before a barrier opens.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parking.device import Device
    from parking.garage import Garage
    from parking.ids import ControllerId, GarageId, LaneId

__all__ = ["Catalog", "Controller", "secret_digest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One garage controller, known by its token; ``lane_ids`` are the lanes it may speak for.

    With a ``device`` it speaks that maker's protocol and no other; without, the native one.
    """

    controller_id: ControllerId
    garage_id: GarageId
    lane_ids: frozenset[LaneId]
    secret_sha256: bytes
    device: Device | None = None

    @property
    def key(self) -> tuple[GarageId, ControllerId]:
        """Which one it is: its name is its garage's."""
        return self.garage_id, self.controller_id

    def holds(self, secret: str) -> bool:
        """Whether ``secret`` is this controller's; takes the same time for every wrong one."""
        return hmac.compare_digest(secret_digest(secret), self.secret_sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """One revision of it; ``controllers`` by token id, ``partition_count`` that of the installation."""

    revision: int
    partition_count: int
    garages: Mapping[GarageId, Garage]
    controllers: Mapping[str, Controller]
    grant_keys: Mapping[str, bytes] = field(default_factory=dict)
    """The public keys of signed grants by key id, retired ones included."""
    revoked_keys: frozenset[str] = frozenset()
    """The ids of those by which nothing holds good any more."""


def secret_digest(secret: str) -> bytes:
    """What is stored of a token's secret, which is 256 random bits: nothing slower is needed."""
    return sha256(secret.encode()).digest()
