"""What stays are given, from all that can give it: exemptions, passes, coupons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from parking.benefits import NO_BENEFITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.session import Session

__all__ = ["BenefitSource", "benefits_of"]


class BenefitSource(Protocol):
    """One kind of thing that stays are given."""

    async def of(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        """What it gives each of ``sessions`` now, or gave it at its exit, in their order.

        Asking again changes nothing.
        """
        ...

    async def ended(self, stays: Sequence[tuple[Session, datetime]], now: datetime) -> Sequence[Session]:
        """These stays are over since a moment each: the sessions inside that are given something else now."""
        ...


async def benefits_of(
    sources: Sequence[BenefitSource], sessions: Sequence[Session], now: datetime
) -> list[Benefits]:
    """What all sources together give each session, in their order."""
    given = [NO_BENEFITS] * len(sessions)
    for source in sources:
        given = [one + more for one, more in zip(given, await source.of(sessions, now), strict=True)]
    return given
