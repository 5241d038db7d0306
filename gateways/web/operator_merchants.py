"""Operators keep the merchants of their garages: budgets, coupon templates, tokens, statements, payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.web.access import Scope, token_text
from gateways.web.coupon_wire import CouponFileOut, CouponFilesOut, CouponQuery
from gateways.web.identifiers import new_id
from gateways.web.merchant_coupons import coupon_page, merchant_out, statement_out
from gateways.web.merchant_wire import (
    MerchantIn,
    MerchantOut,
    MerchantPaymentIn,
    MerchantPaymentMade,
    MerchantsOut,
    MerchantTokenIn,
    StatementOut,
    TemplateIn,
    TemplateOut,
)
from gateways.web.operator_tokens import draw_token
from gateways.web.operator_wire import TokenMade
from gateways.web.routes import Nothing, Route
from parking.catalog import secret_digest
from parking.ids import GarageId
from settlement.books.merchants import MerchantPayment
from settlement.merchant import CouponId, MerchantId, MerchantKey, coupon_of

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call

__all__ = ["merchant_routes"]

PATH = "/v1/garages/{garage_id}/merchants/{merchant_id}"


def merchant_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = MerchantDesk(operator)
    return [*_kept(desk), *_owed(desk)]


def _kept(desk: MerchantDesk) -> list[Route[Any, Any]]:
    return [
        Route(
            method="GET", path="/v1/garages/{garage_id}/merchants", scope=Scope.READ,
            summary="The merchants of a garage.", answer=MerchantsOut, handle=desk.all,
        ),
        Route(
            method="PUT", path=PATH, scope=Scope.FULL,
            summary="Add a merchant, or replace its name, budget and funding for coupons given from now on.",
            body=MerchantIn, answer=MerchantOut, handle=desk.put,
        ),
        Route(
            method="GET", path=PATH, scope=Scope.READ,
            summary="One merchant, its templates, and what counts against its budget.",
            answer=MerchantOut, handle=desk.one,
        ),
        Route(
            method="PUT", path=f"{PATH}/templates/{{template_id}}", scope=Scope.FULL,
            summary="Add a coupon template, or replace it for coupons given from now on.",
            statuses={409: "It lacks what the merchant's funding needs."},
            body=TemplateIn, answer=TemplateOut, handle=desk.put_template,
        ),
        Route(
            method="POST", path=f"{PATH}/tokens", scope=Scope.FULL,
            summary="Make a token for a merchant; it is shown this once.",
            body=MerchantTokenIn, answer=TokenMade, status=201, handle=desk.add_token,
        ),
    ]  # fmt: skip


def _owed(desk: MerchantDesk) -> list[Route[Any, Any]]:
    return [
        Route(
            method="GET", path=f"{PATH}/coupons", scope=Scope.READ, summary="A merchant's coupons.",
            query=CouponQuery, answer=CouponFilesOut, handle=desk.coupons,
        ),
        Route(
            method="POST", path=f"{PATH}/coupons/{{coupon_id}}/revoke", scope=Scope.FULL,
            summary="Take a coupon back that no exit has used.", answer=CouponFileOut, handle=desk.revoke,
            statuses={409: "It is used or has expired, or its car has left and may have used it."},
        ),
        Route(
            method="GET", path=f"{PATH}/statements/{{month}}", scope=Scope.READ,
            summary="A month of a merchant, as 2026-12.", answer=StatementOut, handle=desk.statement,
        ),
        Route(
            method="POST", path=f"{PATH}/payments", scope=Scope.FULL,
            summary="Book what a merchant paid; with the same payment_id it is booked once.",
            statuses={409: "The payment_id was used for another payment."},
            body=MerchantPaymentIn, answer=MerchantPaymentMade, status=201, handle=desk.pay,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MerchantDesk:
    """The handlers."""

    operator: Operator

    async def all(self, call: Call[Nothing, Nothing]) -> MerchantsOut:
        operator, garage_id = self.operator, GarageId(call.path["garage_id"])
        await operator.garages.one(garage_id)
        found = [await merchant_out(operator, one.key) for one in await operator.merchants.all(garage_id)]
        return MerchantsOut(merchants=found)

    async def one(self, call: Call[Nothing, Nothing]) -> MerchantOut:
        return await merchant_out(self.operator, _key(call))

    async def put(self, call: Call[MerchantIn, Nothing]) -> MerchantOut:
        key = _key(call)
        new_id(key.merchant_id, "merchant_id")
        await self.operator.merchants.put(call.body.merchant(key), self.operator.clock.now())
        return await merchant_out(self.operator, key)

    async def put_template(self, call: Call[TemplateIn, Nothing]) -> TemplateOut:
        operator, key, now = self.operator, _key(call), self.operator.clock.now()
        template = call.body.template(new_id(call.path["template_id"], "template_id"))
        merchant = await operator.merchants.one(key)
        if not template.ended:
            coupon_of(merchant, template, CouponId("-"), now)
        await operator.merchants.put_template(key, template, now)
        return TemplateOut.of(template)

    async def add_token(self, call: Call[MerchantTokenIn, Nothing]) -> TokenMade:
        operator = self.operator
        token_id, secret = draw_token(operator.draw_bytes)
        await operator.tokens.add_merchant(
            token_id, secret_digest(secret), key=_key(call), label=call.body.label, now=operator.clock.now()
        )
        return TokenMade(token_id=token_id, token=token_text(token_id, secret))

    async def coupons(self, call: Call[Nothing, CouponQuery]) -> CouponFilesOut:
        key = _key(call)
        await self.operator.merchants.one(key)
        found, last = await coupon_page(self.operator, key, call.query)
        return CouponFilesOut(coupons=[CouponFileOut.of_record(one) for one in found], next=last)

    async def revoke(self, call: Call[Nothing, Nothing]) -> CouponFileOut:
        coupon_id = CouponId(call.path["coupon_id"])
        return CouponFileOut.of_record(await self.operator.coupons.revoke(_key(call), coupon_id))

    async def statement(self, call: Call[Nothing, Nothing]) -> StatementOut:
        return await statement_out(self.operator, _key(call), call.path["month"])

    async def pay(self, call: Call[MerchantPaymentIn, Nothing]) -> MerchantPaymentMade:
        body = call.body
        payment = MerchantPayment(
            key=_key(call),
            payment_id=body.payment_id,
            amount_fen=body.amount_fen,
            method=body.method,
            recorded_by=call.who,
        )
        fresh = await self.operator.merchants.pay(payment, self.operator.clock.now())
        return MerchantPaymentMade(payment_id=body.payment_id, replayed=not fresh)


def _key(call: Call[Any, Any]) -> MerchantKey:
    path = call.path
    return MerchantKey(garage_id=GarageId(path["garage_id"]), merchant_id=MerchantId(path["merchant_id"]))
