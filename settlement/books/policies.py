"""Policies on credit in the books: which one decides at whose garages from when on.

They are stored as JSON. How it is written and read is given by the floor above, in :class:`PolicyTexts`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parking.clock import from_ms
from parking.errors import Conflict, NotFound, Unavailable
from parking.ids import GarageId
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.deciding import EVERYWHERE, PolicyBook
from settlement.policy import PolicyVersionId, StandingPolicy, policy_version_id_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import asyncpg

__all__ = ["Policies", "PolicyTexts", "PolicyUse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTexts:
    """Writes and reads the JSON of policies."""

    text: Callable[[StandingPolicy], str]
    read: Callable[[str], StandingPolicy]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyUse:
    """A policy and from when on it decides; ``operator_id`` is ``*`` for all that have none of their own."""

    operator_id: str
    in_force_from: datetime
    policy_version_id: PolicyVersionId
    policy: StandingPolicy


SINCE_EVER: Final = from_ms(0)


class Policies:
    """Keeps them; a definition is read from its text once."""

    def __init__(self, pool: asyncpg.Pool, texts: PolicyTexts) -> None:
        self._pool = pool
        self._texts = texts
        self._read: dict[str, StandingPolicy] = {}

    async def book(self, now: datetime) -> PolicyBook:
        """What is in force."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("standing/policies"), now)
            garages = await held.fetch(sql("standing/operators"))
        return PolicyBook(
            policies={row["operator_id"]: self._policy(row["definition"]) for row in rows},
            operators={GarageId(row["garage_id"]): row["operator_id"] for row in garages},
        )

    async def add(
        self,
        policy: StandingPolicy,
        *,
        in_force_from: datetime,
        now: datetime,
        operator_id: str = EVERYWHERE,
    ) -> PolicyVersionId:
        """Put it in force; raises :class:`Conflict` when another is on record from this moment."""
        version_id = policy_version_id_of(policy)
        async with connection(self._pool) as held:
            recorded = await held.fetchval(
                sql("standing/add_policy"),
                operator_id,
                in_force_from,
                version_id,
                self._texts.text(policy),
                now,
            )
        if recorded is None:
            raise Unavailable("somebody else puts a policy in force now")
        if recorded != version_id:
            raise Conflict("another policy is on record from this moment; choose a later one")
        return version_id

    async def begin_with(self, policy: StandingPolicy, now: datetime) -> None:
        """Put it in force since ever where no policy is: what the program ships may change, this does not."""
        with suppress(Conflict):
            await self.add(policy, in_force_from=SINCE_EVER, now=now)

    async def all(self) -> list[PolicyUse]:
        """Every one that is, was or will be in force."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("standing/all_policies"))
        return [
            PolicyUse(
                operator_id=row["operator_id"],
                in_force_from=row["in_force_from"],
                policy_version_id=PolicyVersionId(row["policy_version_id"]),
                policy=self._policy(row["definition"]),
            )
            for row in rows
        ]

    async def one(self, policy_version_id: str) -> StandingPolicy:
        """One version; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            text = await held.fetchval(sql("standing/policy"), policy_version_id)
        if text is None:
            raise NotFound("there is no such policy")
        return self._policy(text)

    def _policy(self, text: str) -> StandingPolicy:
        if text not in self._read:
            self._read[text] = self._texts.read(text)
        return self._read[text]
