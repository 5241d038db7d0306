"""Coupons in the books: given within a budget, taken by the stays of their plates, revoked.

Who gives locks the merchant's row first, so that what counts against its budget is added up by one at a time.
A stay takes the coupons that wait for its plate when it is found out what the stay is given; no other stay
can have them until that one has ended without using them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from parking.benefits import Benefits, benefits_text, parse_benefits
from parking.coupon import COUPONS_MAX
from parking.errors import Conflict, Defect, NotFound
from parking.ids import partition_of
from settlement.books.merchants import UNDONE_WITHIN, budget_months, merchant_of
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.books.template_text import template_from
from settlement.coupon_desk import CouponBooks, CouponRecord, Given, Refusal, Refused, Revocation
from settlement.coupon_life import CouponState
from settlement.giving import BenefitSource
from settlement.merchant import coupon_of, month_of, reserve_fen

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    import asyncpg

    from parking.coupon import Coupon
    from parking.session import Session
    from settlement.coupon_desk import Request
    from settlement.merchant import CouponId, Merchant, MerchantKey, Template

__all__ = ["CouponSource", "Coupons"]

LATE: Final = timedelta(days=7)
"""So long an exit within a coupon's validity may be on its way to the books."""


class Coupons(CouponBooks):
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    @override
    async def give(self, request: Request, now: datetime) -> Given | Refused:
        place = self._place(request.key)
        async with connection(self._pool) as held, held.transaction():
            row = await held.fetchrow(sql("merchants/lock"), *place)
            if row is None:
                raise NotFound("there is no such merchant")
            known = await held.fetchrow(sql("coupons/find"), *place, request.coupon_id)
            if known is not None:
                _check(request, known)
                return Given(coupon=_record(known), fresh=False)
            merchant = merchant_of(row)
            template = await self._template(held, request)
            coupon = coupon_of(merchant, template, request.coupon_id, now)
            await held.execute(sql("coupons/expire"), *place, now, now - LATE)
            refusal = await self._give(held, request, merchant, template, coupon, now)
            if refusal is not None:
                return Refused(refusal=refusal)
            given = await held.fetchrow(sql("coupons/find"), *place, request.coupon_id)
        if given is None:
            raise Defect("a coupon that was given is not there")
        return Given(coupon=_record(given), fresh=True)

    async def _template(self, held: asyncpg.pool.PoolConnectionProxy, request: Request) -> Template:
        row = await held.fetchrow(sql("merchants/templates"), *self._place(request.key), request.template_id)
        if row is None:
            raise NotFound("the merchant has no such template")
        return template_from(row["template_id"], row["terms"])

    async def _give(
        self,
        held: asyncpg.pool.PoolConnectionProxy,
        request: Request,
        merchant: Merchant,
        template: Template,
        coupon: Coupon,
        now: datetime,
    ) -> Refusal | None:
        row = await held.fetchrow(
            sql("coupons/give"),
            *self._place(request.key),
            request.coupon_id,
            request.template_id,
            template.per_stay_max,
            request.number,
            request.only_session_id,
            benefits_text(Benefits(coupons=(coupon,))),
            reserve_fen(coupon),
            month_of(now, merchant.zone),
            request.given_by,
            now,
            coupon.valid_until,
            merchant.budget.fen,
            merchant.budget.coupons,
            *budget_months(merchant, now),
            now - UNDONE_WITHIN,
        )
        if row is None:
            raise Defect("giving a coupon gave no answer")
        if not row["by_budget"]:
            return Refusal.BUDGET
        return None if row["by_stay"] else Refusal.PER_STAY

    @override
    async def find(self, key: MerchantKey, coupon_id: CouponId) -> CouponRecord:
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("coupons/find"), *self._place(key), coupon_id)
        if row is None:
            raise NotFound("there is no such coupon")
        return _record(row)

    @override
    async def some(
        self,
        key: MerchantKey,
        *,
        states: Collection[CouponState],
        before: tuple[datetime, str],
        limit: int,
    ) -> list[CouponRecord]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("coupons/some"), *self._place(key), list(states), *before, limit)
        return [_record(row) for row in rows]

    @override
    async def expire(self, key: MerchantKey, now: datetime) -> None:
        async with connection(self._pool) as held:
            await held.execute(sql("coupons/expire"), *self._place(key), now, now - LATE)

    @override
    async def revoke(self, key: MerchantKey, coupon_id: CouponId, now: datetime) -> Revocation | None:
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("coupons/revoke"), *self._place(key), coupon_id, now)
        return None if row is None else Revocation(**row)

    @override
    async def end_revoking(
        self, key: MerchantKey, coupon_id: CouponId, now: datetime, *, revoked: bool
    ) -> None:
        async with connection(self._pool) as held:
            await held.execute(sql("coupons/end_revoking"), *self._place(key), coupon_id, revoked, now)

    def _place(self, key: MerchantKey) -> tuple[int, str, str]:
        return partition_of(key.garage_id, self._partition_count), key.garage_id, key.merchant_id


class CouponSource(BenefitSource):
    """What merchants have given to cars inside; ``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    @override
    async def of(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("coupons/take"),
                [partition_of(one.garage_id, self._partition_count) for one in sessions],
                [one.garage_id for one in sessions],
                [one.session_id for one in sessions],
                [one.plate.number for one in sessions],
                [one.left_at or now for one in sessions],
                COUPONS_MAX,
            )
        found: defaultdict[int, Benefits] = defaultdict(Benefits)
        for row in rows:
            place = row["place"] - 1
            found[place] += parse_benefits(row["terms"])
        return [found[place] for place in range(len(sessions))]

    @override
    async def ended(self, stays: Sequence[tuple[Session, datetime]], now: datetime) -> Sequence[Session]:
        return ()


def _check(request: Request, known: asyncpg.Record) -> None:
    given = (request.template_id, request.number, request.only_session_id)
    if (known["template_id"], known["number"], known["only_session_id"]) != given:
        raise Conflict("this coupon_id was used for another coupon")


def _record(row: asyncpg.Record) -> CouponRecord:
    return CouponRecord(**{**row, "state": CouponState(row["state"])})
