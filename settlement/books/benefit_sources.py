"""All that the books know which stays can be given, in the order in which it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from settlement.books.coupons import CouponSource
from settlement.books.exemptions import Exemptions
from settlement.books.passes import Passes

if TYPE_CHECKING:
    import asyncpg

    from settlement.giving import BenefitSource

__all__ = ["benefit_sources"]


def benefit_sources(pool: asyncpg.Pool, *, partition_count: int) -> tuple[BenefitSource, ...]:
    """The sources; ``partition_count`` is that of the installation."""
    return (
        Exemptions(pool),
        Passes(pool, partition_count=partition_count),
        CouponSource(pool, partition_count=partition_count),
    )
