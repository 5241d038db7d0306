"""Whether a live store can be trusted: its version, its disk, and that it forgets nothing.

A server that evicts keys forgets cars inside, and one that does not sync its log before it answers forgets
what a gate was told. Both look well until the day that matters, so they are refused at the start. A server
that keeps its configuration to itself cannot be asked: then somebody must vouch for it.
"""

from __future__ import annotations

import asyncio
import re
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from parking.errors import Conflict
from parking.live.failures import translated

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Durability", "check_answers", "check_store"]

TIMEOUT_S: Final = 5.0
VALKEY_MIN: Final = (8, 0)
REDIS_MIN: Final = (7, 2)
ASKED: Final = ("appendonly", "appendfsync", "maxmemory", "maxmemory-policy")


@unique
class Durability(StrEnum):
    """What is asked of a live store that the installation names."""

    FSYNC = "fsync"
    """Every answer is on its disk before it is given."""
    SERVER = "server"
    """As its operator has set it, who vouches for what may be lost, or trusts replicas instead."""


async def check_store(url: str, durability: Durability) -> None:
    """Refuse a server that would lose what it was told.

    Raises :class:`Conflict` with the reason, and :class:`Unavailable` or :class:`OutcomeUnknown` where it
    cannot be asked now.
    """
    client: Any = Redis.from_url(
        url,
        socket_connect_timeout=TIMEOUT_S,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=True,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            server = await client.info("server")
            try:
                config = await client.config_get(*ASKED)
            except ResponseError:
                config = {}
    except (RedisError, OSError, TimeoutError) as error:
        raise translated(error) from error
    finally:
        await client.aclose()
    check_answers(server, config, durability)


def check_answers(server: Mapping[str, object], config: Mapping[str, str], durability: Durability) -> None:
    """Judge what a server says of itself: ``INFO server``, and those parameters that it tells.

    Raises :class:`Conflict`.
    """
    name, said, least = "Redis", str(server.get("redis_version", "")), REDIS_MIN
    if "valkey_version" in server:
        name, said, least = "Valkey", str(server["valkey_version"]), VALKEY_MIN
    version = tuple(int(number) for number in re.findall(r"\d+", said)[:2])
    if version < least:
        raise Conflict(
            f"{name} {least[0]}.{least[1]} or later is needed; this live store is {said or 'unknown'}"
        )
    if config.get("maxmemory", "0") != "0" and config.get("maxmemory-policy", "noeviction") != "noeviction":
        raise Conflict(
            "the live store would forget cars inside: its maxmemory-policy must be noeviction, and is "
            f"{config['maxmemory-policy']}"
        )
    if durability is Durability.FSYNC and (config.get("appendonly"), config.get("appendfsync")) != (
        "yes",
        "always",
    ):
        found = ", ".join(f"{one} {config[one]}" for one in ("appendonly", "appendfsync") if one in config)
        raise Conflict(
            "the live store would lose what it has answered: it must say appendonly yes, appendfsync always, "
            f"and says {found or 'nothing'}; LEAVE_FIRST_VALKEY_DURABILITY=server takes it as it is"
        )
