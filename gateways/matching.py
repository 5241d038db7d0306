"""The matcher, put together from what the settlement process has."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from settlement.biller import GROUP as BILLER
from settlement.books.unmatched import PostgresUnmatchedBooks
from settlement.closing import Closer
from settlement.matcher import Matcher, MatcherSettings

if TYPE_CHECKING:
    from gateways.settings import Settings
    from gateways.web.operating import Operator
    from parking.garage import Garage
    from parking.ids import GarageId
    from parking.live.journal import LiveJournal
    from settlement.books.pool import Pool
    from settlement.observe import Observer

__all__ = ["matcher_of"]


def matcher_of(
    settings: Settings, operator: Operator, pool: Pool, journal: LiveJournal, observer: Observer
) -> Matcher:
    """A matcher for what ``operator`` works with; it looks at the biller's backlog in ``journal``."""

    async def garage_of(garage_id: GarageId) -> Garage | None:
        return (await operator.garages.one(garage_id)).garage

    async def behind() -> timedelta:
        return timedelta(milliseconds=(await journal.backlog(BILLER)).oldest_ms)

    return Matcher(
        books=PostgresUnmatchedBooks(pool, partition_count=settings.partition_count),
        sessions=operator.sessions,
        closer=Closer(operator.sessions, operator.clock),
        garage_of=garage_of,
        behind=behind,
        clock=operator.clock,
        observer=observer,
        settings=MatcherSettings(wait=timedelta(seconds=settings.misread_wait_s)),
    )
