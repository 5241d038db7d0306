"""The public halves of the keys by which grants are signed; the private ones are in no store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from parking.errors import NotFound
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

__all__ = ["GrantKey", "GrantKeys"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantKey:
    """One key; ``public_key`` is 32 bytes of Ed25519."""

    key_id: str
    public_key: bytes
    made_at: datetime
    retired_at: datetime | None
    revoked_at: datetime | None


class GrantKeys:
    """Adds, retires and lists them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, key_id: str, public_key: bytes, now: datetime) -> None:
        """Publish a new key."""
        async with connection(self._pool) as held:
            await held.execute(sql("grants/add_key"), key_id, public_key, now)

    async def retire(self, key_id: str, now: datetime) -> None:
        """Nothing is signed by it any more; raises :class:`NotFound` when it is not in use."""
        async with connection(self._pool) as held:
            if await held.fetchval(sql("grants/retire_key"), key_id, now) is None:
                raise NotFound("there is no such key in use")

    async def revoke(self, key_id: str, now: datetime) -> None:
        """Nothing that it signed counts any more; :class:`NotFound` when there is nothing to revoke."""
        async with connection(self._pool) as held:
            if await held.fetchval(sql("grants/revoke_key"), key_id, now) is None:
                raise NotFound("there is no such key, or it is revoked already")

    async def all(self) -> list[GrantKey]:
        """All of them, the youngest first."""
        async with connection(self._pool) as held:
            return [GrantKey(**row) for row in await held.fetch(sql("grants/keys"))]
