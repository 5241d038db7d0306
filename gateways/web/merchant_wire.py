"""What operators and merchants send and get about merchants, their templates and their statements."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from gateways.web.operator_wire import Fen, Label, Name, Wire
from parking.coupon import CouponKind, End
from parking.errors import InvalidInput
from settlement.merchant import (
    Budget,
    BudgetPer,
    Funding,
    Merchant,
    MerchantKey,
    Template,
    TemplateId,
    Window,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from settlement.books.merchants import Counted, Statement

__all__ = [
    "BudgetIn",
    "MerchantIn",
    "MerchantOut",
    "MerchantPaymentIn",
    "MerchantPaymentMade",
    "MerchantTokenIn",
    "MerchantsOut",
    "StatementOut",
    "TemplateIn",
    "TemplateOut",
    "month_from",
]

MONTH: Final = re.compile(r"(2\d{3})-(0[1-9]|1[0-2])")
MINUTE: Final = timedelta(minutes=1)
Zone = Annotated[str, Field(max_length=64, description="Where its months and days begin.")]


class BudgetIn(Wire):
    """The most that coupons may cost, and how many there may be; what is left out is no bound.

    A coupon counts with what it may cost at the most until it is used, then with what it has cost.
    """

    fen: Fen | None = None
    coupons: Annotated[int, Field(ge=0, le=10**9)] | None = None
    per: BudgetPer = BudgetPer.MONTH


class MerchantIn(Wire):
    """A merchant of a garage. By ``worth`` it owes what drivers pay less, by ``face`` a price a coupon."""

    name: Label
    budget: BudgetIn = BudgetIn()
    funding: Funding = Funding.WORTH
    zone: Zone = "Asia/Shanghai"

    def merchant(self, key: MerchantKey) -> Merchant:
        """As settlement has it; raises :class:`InvalidInput`."""
        budget = Budget(fen=self.budget.fen, coupons=self.budget.coupons, per=self.budget.per)
        return Merchant(key=key, name=self.name, budget=budget, funding=self.funding, zone=self.zone)


class TemplateIn(Wire):
    """What each coupon of a kind takes off; which amounts count depends on ``kind``.

    A window is of local times on the day of giving. ``funded_max_fen`` is the most that a coupon costs its
    merchant, the rest is the garage's; every kind but ``amount`` needs it, unless the merchant pays by face.
    """

    name: Label
    kind: CouponKind
    minutes: Annotated[int, Field(ge=0, le=60 * 24 * 366)] = 0
    off: End = End.END
    window_opens: time | None = None
    window_closes: time | None = None
    amount_fen: Fen = 0
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    funded_max_fen: Fen | None = None
    face_fen: Fen = 0
    valid_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 400)] = 24 * 60
    per_stay_max: Annotated[int, Field(ge=1, le=8)] = 1
    ended: bool = False

    def template(self, template_id: str) -> Template:
        """As settlement has it; raises :class:`InvalidInput`."""
        opens, closes = self.window_opens, self.window_closes
        if any(one is not None and one.tzinfo is not None for one in (opens, closes)):
            raise InvalidInput("local times, without an offset", ("window_opens", "window_closes"))
        return Template(
            template_id=TemplateId(template_id),
            name=self.name,
            kind=self.kind,
            minutes=self.minutes,
            off=self.off,
            window=Window(opens=opens, closes=closes) if opens is not None and closes is not None else None,
            amount_fen=self.amount_fen,
            percent=self.percent,
            funded_max_fen=self.funded_max_fen,
            face_fen=self.face_fen,
            valid_for=self.valid_minutes * MINUTE,
            per_stay_max=self.per_stay_max,
            ended=self.ended,
        )


class TemplateOut(TemplateIn):
    """A template as recorded."""

    template_id: str

    @classmethod
    def of(cls, one: Template) -> TemplateOut:
        """The inverse of :meth:`TemplateIn.template`."""
        return cls(
            template_id=one.template_id,
            name=one.name,
            kind=one.kind,
            minutes=one.minutes,
            off=one.off,
            window_opens=one.window.opens if one.window else None,
            window_closes=one.window.closes if one.window else None,
            amount_fen=one.amount_fen,
            percent=one.percent,
            funded_max_fen=one.funded_max_fen,
            face_fen=one.face_fen,
            valid_minutes=one.valid_for // MINUTE,
            per_stay_max=one.per_stay_max,
            ended=one.ended,
        )


class MerchantOut(MerchantIn):
    """A merchant as recorded, with its templates and what counts against its budget now."""

    garage_id: str
    merchant_id: str
    counted_fen: int
    counted_coupons: int
    templates: list[TemplateOut]

    @classmethod
    def of(cls, one: Merchant, counted: Counted, templates: Sequence[Template]) -> MerchantOut:
        """A merchant as it is told."""
        budget = one.budget
        return cls(
            garage_id=one.key.garage_id,
            merchant_id=one.key.merchant_id,
            name=one.name,
            budget=BudgetIn(fen=budget.fen, coupons=budget.coupons, per=budget.per),
            funding=one.funding,
            zone=one.zone,
            counted_fen=counted.fen,
            counted_coupons=counted.coupons,
            templates=[TemplateOut.of(template) for template in templates],
        )


class MerchantsOut(Wire):
    """The merchants of a garage."""

    merchants: list[MerchantOut]


class MerchantTokenIn(Wire):
    """A token for a merchant's staff or till."""

    label: Label


class StatementOut(Wire):
    """A month of a merchant: what became of its coupons, what it owed for them, and what it paid.

    ``freed`` of ``used`` were taken back by credit notes. Owed at the end is ``closing_fen``, that is
    ``opening_fen`` and ``funded_fen`` less ``released_fen`` and ``paid_fen``.
    """

    merchant_id: str
    month: str
    given: int
    used: int
    freed: int
    revoked: int
    expired: int
    opening_fen: int
    funded_fen: int
    released_fen: int
    paid_fen: int
    closing_fen: int

    @classmethod
    def of(cls, key: MerchantKey, one: Statement) -> StatementOut:
        """A statement as it is told."""
        return cls(
            merchant_id=key.merchant_id,
            month=f"{one.month:%Y-%m}",
            given=one.given,
            used=one.uses,
            freed=one.freed,
            revoked=one.revoked,
            expired=one.expired,
            opening_fen=one.opening_fen,
            funded_fen=one.funded_fen,
            released_fen=one.released_fen,
            paid_fen=one.paid_fen,
            closing_fen=one.closing_fen,
        )


class MerchantPaymentIn(Wire):
    """What a merchant paid the garage; with the same ``payment_id`` it is booked once."""

    payment_id: Name
    amount_fen: Annotated[int, Field(gt=0, le=10**12)]
    method: Name


class MerchantPaymentMade(Wire):
    """The payment is booked."""

    payment_id: str
    replayed: bool


def month_from(text: str) -> date:
    """The first day of a month in a path; raises :class:`InvalidInput`."""
    found = MONTH.fullmatch(text)
    if found is None:
        raise InvalidInput("a month, as 2026-12", ("month",))
    return date(int(found[1]), int(found[2]), 1)
