"""What finds out whose passages they were: the matcher and the reorderer, put together."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from settlement.biller import GROUP as BILLER
from settlement.books.late_visits import PostgresVisitBooks
from settlement.books.unmatched import PostgresUnmatchedBooks
from settlement.closing import Closer
from settlement.matcher import Matcher, MatcherSettings
from settlement.reorderer import Reorderer

if TYPE_CHECKING:
    from gateways.settings import Settings
    from gateways.web.operating import Operator
    from parking.garage import Garage
    from parking.ids import GarageId
    from parking.live.journal import LiveJournal
    from settlement.books.pool import Pool
    from settlement.observe import Observer

__all__ = ["matcher_of", "reorderer_of"]


def matcher_of(
    settings: Settings, operator: Operator, pool: Pool, journal: LiveJournal, observer: Observer
) -> Matcher:
    """A matcher for what ``operator`` works with; it looks at the biller's backlog in ``journal``."""
    return Matcher(
        books=PostgresUnmatchedBooks(pool, partition_count=settings.partition_count),
        sessions=operator.sessions,
        closer=Closer(operator.sessions, operator.clock),
        garage_of=partial(_garage_of, operator),
        behind=partial(_behind, journal),
        clock=operator.clock,
        observer=observer,
        settings=MatcherSettings(wait=timedelta(seconds=settings.misread_wait_s)),
    )


def reorderer_of(
    settings: Settings, operator: Operator, pool: Pool, journal: LiveJournal, observer: Observer
) -> Reorderer:
    """A reorderer likewise."""
    return Reorderer(
        books=PostgresVisitBooks(
            pool,
            operator.corrections,
            operator.garages.tariffs,
            partition_count=settings.partition_count,
        ),
        sessions=operator.sessions,
        closer=Closer(operator.sessions, operator.clock),
        garage_of=partial(_garage_of, operator),
        behind=partial(_behind, journal),
        clock=operator.clock,
        observer=observer,
    )


async def _garage_of(operator: Operator, garage_id: GarageId) -> Garage | None:
    return (await operator.garages.one(garage_id)).garage


async def _behind(journal: LiveJournal) -> timedelta:
    return timedelta(milliseconds=(await journal.backlog(BILLER)).oldest_ms)
