"""Listens to what changes for cars inside and for debtors: which key, told by whoever changed it.

Sharded channels of the live store and no stream: what is told costs no disk, and one that listens too late
has lost nothing but a hint, because a lane's next report gets the right answer anyway.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from parking.ids import GarageId, Partition
from parking.live.failures import translated
from parking.live.keys import changes_channel

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Change", "Changed", "changes"]

ASK_EVERY_S: Final = 5.0
"""How soon a store that has gone silent is noticed."""


@unique
class Changed(StrEnum):
    """What changed, by the letter of its key."""

    CAR = "c"
    """The grant, the debts or the prepayment of a car inside."""
    DEBTOR = "d"
    """What the entries know of a debtor."""
    TOKENS = "t"
    """The garage's signed grants."""


@dataclass(frozen=True, slots=True)
class Change:
    """``number`` is the plate's, empty where a garage as a whole is meant."""

    what: Changed
    garage_id: GarageId
    number: str


async def changes(
    url: str, *, partition_count: int, timeout_s: float = 10.0
) -> AsyncGenerator[Change | None, None]:
    """Every change from now on, ``None`` as soon as nothing more is missed; for ever.

    Raises :class:`DependencyError` when the store is lost; what changed until the next call is then unknown.
    """
    client = Redis.from_url(
        url,
        socket_connect_timeout=timeout_s,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=ASK_EVERY_S,
        protocol=2,
    )
    listener: Any = client.pubsub()
    unheard = partition_count
    try:
        await listener.ssubscribe(*(changes_channel(Partition(one)) for one in range(partition_count)))
        while True:
            message = await listener.get_message(timeout=ASK_EVERY_S)
            kind = message["type"] if message is not None else None
            if kind == "ssubscribe":
                unheard -= 1
                if not unheard:
                    yield None
            elif kind == "smessage":
                change = _change(message["data"])
                if change is not None:
                    yield change
    except (RedisError, OSError, TimeoutError) as error:
        raise translated(error) from error
    finally:
        await listener.aclose()
        await client.aclose()


def _change(key: bytes) -> Change | None:
    """The change that a key names; a newer version may tell of keys that this one does not know."""
    garage_id, _, rest = key.decode(errors="replace").rpartition("}")[2].partition(":")
    letter, _, number = rest.partition(":")
    try:
        return Change(Changed(letter), GarageId(garage_id), number)
    except ValueError:
        return None
