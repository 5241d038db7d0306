"""Identifiers, each with a type of its own.

What must survive redelivery is derived from facts: the same gate event always names the same session,
the same session and version always name the same bill, so that a message handled twice cannot create
a second one.
"""

from __future__ import annotations

import zlib
from hashlib import sha1
from typing import NewType
from uuid import UUID, uuid5

__all__ = [
    "AccountId",
    "BillId",
    "ControllerId",
    "EventId",
    "GarageId",
    "LaneId",
    "Partition",
    "SessionId",
    "TariffVersionId",
    "bill_id_of",
    "partition_of",
    "session_id_of",
]

GarageId = NewType("GarageId", str)
LaneId = NewType("LaneId", str)
ControllerId = NewType("ControllerId", str)
EventId = NewType("EventId", str)
"""Unique within its garage; chosen by the controller."""
TariffVersionId = NewType("TariffVersionId", str)
SessionId = NewType("SessionId", UUID)
BillId = NewType("BillId", UUID)
AccountId = NewType("AccountId", UUID)
Partition = NewType("Partition", int)
"""``0 <= partition < partition_count``; every live key and every row carries it."""

NAMESPACE = UUID("6f1a2f5e-0c56-5c3e-9b0e-0d9f5a0c2b71")
NAMESPACE_BYTES = NAMESPACE.bytes


def partition_of(garage_id: GarageId, partition_count: int) -> Partition:
    """The partition that owns everything of a garage; fixed for the life of an installation."""
    return Partition(zlib.crc32(garage_id.encode()) % partition_count)


def session_id_of(garage_id: GarageId, entry_event_id: EventId) -> SessionId:
    """The session that an entry event opens."""
    # What uuid5(NAMESPACE, name) gives, for half its price: every entry pays it.
    name = f"{garage_id}/{entry_event_id}".encode()
    return SessionId(UUID(bytes=sha1(NAMESPACE_BYTES + name, usedforsecurity=False).digest()[:16], version=5))


def bill_id_of(session_id: SessionId, version: int, correction: int = 0) -> BillId:
    """The bill of one closing of a session; an undone exit makes the next closing a new version.

    ``correction`` counts how often the bill of this closing was corrected before.
    """
    return BillId(uuid5(session_id, f"{version}/{correction}" if correction else str(version)))
