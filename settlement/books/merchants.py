"""Merchants in the books: their budgets and templates, their statements, and what they paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from parking.errors import Conflict, Defect, InvalidInput, NotFound, Unavailable
from parking.ids import GarageId, partition_of
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.books.template_text import template_from, template_text
from settlement.funding import merchant_paid
from settlement.merchant import Budget, BudgetPer, Funding, Merchant, MerchantId, MerchantKey, month_of

if TYPE_CHECKING:
    import asyncpg

    from settlement.merchant import Template

__all__ = [
    "UNDONE_WITHIN",
    "Counted",
    "MerchantPayment",
    "Merchants",
    "Statement",
    "budget_months",
    "merchant_of",
]
UNDONE_WITHIN: Final = timedelta(days=1)
"""So long after its use a coupon may be freed because its car turned back, which may be reported late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What counts against a budget: what coupons may cost until their use stands, then what they cost."""

    fen: int
    coupons: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantPayment:
    """What a merchant paid the garage; ``payment_id`` is the caller's, ``recorded_by`` his token."""

    key: MerchantKey
    payment_id: str
    amount_fen: int
    method: str
    recorded_by: str

    def __post_init__(self) -> None:
        if self.amount_fen <= 0:
            raise InvalidInput("an amount above zero", ("amount_fen",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One month of a merchant: ``opening_fen`` was owed before it.

    ``funded_fen`` came in by coupons used, ``released_fen`` of that, or of earlier months, was taken back by
    credit notes.
    """

    month: date
    given: int
    revoked: int
    expired: int
    uses: int
    freed: int
    opening_fen: int
    funded_fen: int
    released_fen: int
    paid_fen: int

    @property
    def closing_fen(self) -> int:
        """What is owed at its end."""
        return self.opening_fen + self.funded_fen - self.released_fen - self.paid_fen


class Merchants:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int) -> None:
        self._pool = pool
        self._partition_count = partition_count

    async def put(self, merchant: Merchant, now: datetime) -> None:
        """Add a merchant, or replace what is said of it; raises :class:`NotFound` without its garage."""
        budget = merchant.budget
        async with connection(self._pool) as held:
            await held.execute(
                sql("merchants/put"),
                *self._place(merchant.key),
                merchant.name,
                merchant.zone,
                merchant.funding,
                budget.fen,
                budget.coupons,
                budget.per,
                now,
            )

    async def all(self, garage_id: GarageId) -> list[Merchant]:
        """The merchants of a garage."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("merchants/some"), partition_of(garage_id, self._partition_count), garage_id, None
            )
        return [merchant_of(row) for row in rows]

    async def one(self, key: MerchantKey) -> Merchant:
        """One merchant; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("merchants/some"), *self._place(key))
        if row is None:
            raise NotFound("there is no such merchant")
        return merchant_of(row)

    async def put_template(self, key: MerchantKey, template: Template, now: datetime) -> None:
        """Add a template, or replace it for coupons given from now on; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            await held.execute(
                sql("merchants/put_template"),
                *self._place(key),
                template.template_id,
                template_text(template),
                now,
            )

    async def templates(self, key: MerchantKey) -> list[Template]:
        """The templates of a merchant, also those that have ended."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("merchants/templates"), *self._place(key), None)
        return [template_from(row["template_id"], row["terms"]) for row in rows]

    async def counted(self, merchant: Merchant, now: datetime) -> Counted:
        """What counts against a merchant's budget now."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(
                sql("merchants/counted"),
                *self._place(merchant.key),
                *budget_months(merchant, now),
                now - UNDONE_WITHIN,
            )
        if row is None:
            raise Defect("a sum is no row")
        return Counted(**row)

    async def statement(self, merchant: Merchant, month: date) -> Statement:
        """What became of its coupons in the month that begins on ``month``, and what it owes."""
        zone = ZoneInfo(merchant.zone)
        next_month = (month + timedelta(days=31)).replace(day=1)
        begins_at, ends_at = (datetime(day.year, day.month, 1, tzinfo=zone) for day in (month, next_month))
        async with connection(self._pool) as held:
            row = await held.fetchrow(
                sql("merchants/statement"), *self._place(merchant.key), begins_at, ends_at
            )
        if row is None:
            raise Defect("a statement is no row")
        return Statement(month=month, **row)

    async def pay(self, payment: MerchantPayment, now: datetime) -> bool:
        """Book a payment, once; whether this call did it.

        Raises :class:`NotFound`, or :class:`Conflict` when its id was used for another.
        """
        place = self._place(payment.key)
        entry = merchant_paid(
            payment.key,
            uuid5(NAMESPACE_URL, f"merchant_payment:{'/'.join(map(str, place))}/{payment.payment_id}"),
            amount_fen=payment.amount_fen,
        )
        async with connection(self._pool) as held:
            fresh: bool = await held.fetchval(
                sql("merchants/pay"),
                *place,
                payment.payment_id,
                payment.amount_fen,
                payment.method,
                payment.recorded_by,
                now,
                entry.transaction_id,
                entry.kind,
                entry.debit_account,
                entry.credit_account,
            )
            recorded = await held.fetchrow(sql("merchants/payment"), *place, payment.payment_id)
        if recorded is None:
            raise Unavailable("somebody else books this payment now")
        if tuple(recorded) != (payment.amount_fen, payment.method):
            raise Conflict("this payment_id was used for another payment")
        return fresh

    def _place(self, key: MerchantKey) -> tuple[int, str, str]:
        return partition_of(key.garage_id, self._partition_count), key.garage_id, key.merchant_id


def merchant_of(row: asyncpg.Record) -> Merchant:
    """A merchant as recorded."""
    return Merchant(
        key=MerchantKey(garage_id=GarageId(row["garage_id"]), merchant_id=MerchantId(row["merchant_id"])),
        name=row["name"],
        zone=row["zone"],
        funding=Funding(row["funding"]),
        budget=Budget(fen=row["budget_fen"], coupons=row["budget_coupons"], per=BudgetPer(row["budget_per"])),
    )


def budget_months(merchant: Merchant, now: datetime) -> tuple[date, date]:
    """The first and the last month whose coupons count against the budget now."""
    if merchant.budget.per is BudgetPer.ALL:
        return date.min, date.max
    month = month_of(now, merchant.zone)
    return month, month
