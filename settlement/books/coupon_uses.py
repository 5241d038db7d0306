"""Which coupons bills have used, noted in the transaction that raises or credits them.

A segment of journal records notes its uses in the statement that posts it; this is for all other bills.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from settlement.books.statements import sql
from settlement.funding import use_rows_of
from settlement.merchant import split_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import asyncpg

    from parking.benefits import Benefits
    from settlement.bill import Bill

__all__ = ["free_coupons", "use_coupons", "with_coupons_of"]


async def with_coupons_of(held: asyncpg.pool.PoolConnectionProxy, bill: Bill, benefits: Benefits) -> Benefits:
    """What the stay of a bill is given, without coupons that another stay has taken, or that were revoked.

    It locks the others, so that no other stay takes them before the bill in its place is raised.
    """
    if not any(coupon.funder for coupon in benefits.coupons):
        return benefits
    rows = await held.fetch(
        sql("coupons/of_stay"),
        bill.partition,
        bill.garage_id,
        bill.session_id,
        [coupon.funder for coupon in benefits.coupons],
        [split_name(coupon.coupon_id, coupon.funder) for coupon in benefits.coupons],
    )
    kept = {(row["merchant_id"], row["coupon_id"]) for row in rows}
    coupons = tuple(
        coupon
        for coupon in benefits.coupons
        if not coupon.funder or (coupon.funder, split_name(coupon.coupon_id, coupon.funder)) in kept
    )
    return replace(benefits, coupons=coupons)


async def use_coupons(held: asyncpg.pool.PoolConnectionProxy, bill: Bill, now: datetime) -> None:
    """Note what a bill has used."""
    rows = use_rows_of(bill)
    if rows:
        await held.execute(sql("coupons/use"), rows, now)


async def free_coupons(
    held: asyncpg.pool.PoolConnectionProxy, credit_notes: Iterable[Bill], now: datetime
) -> int:
    """Free what credited bills had used; answers how many coupons that were."""
    credited = [(note.partition, note.credits_bill_id) for note in credit_notes if note.benefits.coupons]
    if not credited:
        return 0
    return len(await held.fetch(sql("coupons/free"), *map(list, zip(*credited, strict=True)), now))
