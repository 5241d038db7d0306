"""Names of keys: everything of one garage under the hash tag of its partition."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from parking.ids import Partition, partition_of

if TYPE_CHECKING:
    from parking.ids import EventId, GarageId

__all__ = [
    "BARRIERS",
    "CONFIG",
    "HEARD",
    "OPENINGS",
    "GarageKeys",
    "Keys",
    "changes_channel",
    "command_key",
    "journal_key",
    "login_key",
]

BARRIERS = "lf:barriers"
"""The stream of barrier records that are not in the books yet."""
CONFIG = "lf:config"
"""A hash: ``revision`` and ``text``, what the gates must know of garages and tokens."""
HEARD = "lf:heard"
"""A hash: when each controller was heard of, when it last gave a sign of life, how wrong its clock is."""
OPENINGS = "lf:openings"
"""The stream of what attendants ask the gates to open; what becomes of one is beside it, under its id."""


def journal_key(partition: Partition) -> str:
    """The stream of a partition."""
    return f"{{p{partition}}}j"


def login_key(login: str) -> str:
    """What is known of one stored password of one device."""
    return f"lf:login:{login}"


def command_key(record: str) -> str:
    """That a barrier was commanded for a read."""
    return f"lf:command:{record}"


def changes_channel(partition: Partition) -> str:
    """The channel that tells which keys of a partition change: sharded, so in the slot of those keys."""
    return f"{{p{partition}}}n"


@dataclass(frozen=True, slots=True)
class GarageKeys:
    """The keys of one garage."""

    prefix: str
    inside: str
    journal: str
    changes: str

    def event(self, event_id: EventId) -> str:
        """The remembered answer of an event."""
        return f"{self.prefix}e:{event_id}"

    @property
    def debtors(self) -> str:
        """The notices for debtors who may come, by number and colour."""
        return f"{self.prefix}d"

    def debtor(self, number: str) -> str:
        """What is told when the notice for a plate has changed; no key of its own."""
        return f"{self.prefix}d:{number}"

    @property
    def issued(self) -> str:
        """The tokens for cars without a plate that have not come in yet, by the car's name."""
        return f"{self.prefix}k"

    @property
    def handouts(self) -> tuple[str, str, str]:
        """How often signed grants were given and taken, and which change gave and took each last."""
        return f"{self.prefix}t", f"{self.prefix}tg", f"{self.prefix}tt"

    def car(self, number: str) -> str:
        """The session of a car inside."""
        return f"{self.prefix}c:{number}"

    def left(self, number: str) -> str:
        """The session of a car that just left, kept for a turn-back."""
        return f"{self.prefix}l:{number}"


class Keys:
    """Makes keys for an installation with ``partition_count`` partitions."""

    def __init__(self, partition_count: int) -> None:
        self._partition_count = partition_count
        self.of = lru_cache(maxsize=65_536)(self._of)

    def _of(self, garage_id: GarageId) -> GarageKeys:
        partition = partition_of(garage_id, self._partition_count)
        prefix = f"{{p{partition}}}{garage_id}:"
        return GarageKeys(
            prefix=prefix,
            inside=f"{prefix}i",
            journal=journal_key(partition),
            changes=changes_channel(partition),
        )
