"""Merchants give coupons to the cars of their customers, take them back, and see what they owe.

A merchant's token opens nothing else. The answers repeat what the merchant named and say how its coupons
stand; whether a car is inside, when it came or left, they do not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.web.access import Scope
from gateways.web.coupon_wire import CouponGiven, CouponIn, CouponOut, CouponQuery, CouponsOut
from gateways.web.cursor import read_cursor, write_cursor
from gateways.web.merchant_wire import MerchantOut, StatementOut, month_from
from gateways.web.routes import Nothing, Route
from parking.errors import InvalidInput, NotFound
from parking.ids import SessionId
from parking.plate import Colour, parse_plate
from settlement.books.views import LAST_PLACE
from settlement.coupon_desk import Request
from settlement.coupon_life import CouponState
from settlement.merchant import CouponId, TemplateId

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.coupon_desk import CouponRecord
    from settlement.merchant import MerchantKey

__all__ = ["coupon_page", "coupon_routes", "merchant_out", "statement_out"]

LAST_ID = "~"
"""After every id."""


def coupon_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = MerchantCoupons(operator)
    return [
        Route(
            method="GET", path="/v1/merchant", scope=Scope.MERCHANT,
            summary="The merchant, its templates, and what counts against its budget.",
            answer=MerchantOut, handle=desk.own,
        ),
        Route(
            method="POST", path="/v1/merchant/coupons", scope=Scope.MERCHANT,
            summary="Give a coupon; with the same coupon_id it is given once.",
            body=CouponIn, answer=CouponGiven, status=201, handle=desk.give,
            statuses={
                404: "The merchant has no such template, or its garage no such stay.",
                409: "The budget does not bear it, the plate has enough of them, the stay is over, or the"
                " coupon_id was used for another coupon.",
            },
        ),
        Route(
            method="GET", path="/v1/merchant/coupons", scope=Scope.MERCHANT,
            summary="The merchant's coupons.", query=CouponQuery, answer=CouponsOut, handle=desk.some,
        ),
        Route(
            method="POST", path="/v1/merchant/coupons/{coupon_id}/revoke", scope=Scope.MERCHANT,
            summary="Take a coupon back that no exit has used.",
            answer=CouponOut, handle=desk.revoke,
            statuses={409: "It is used or has expired, or its car has left and may have used it."},
        ),
        Route(
            method="GET", path="/v1/merchant/statements/{month}", scope=Scope.MERCHANT,
            summary="A month of the merchant, as 2026-12.", answer=StatementOut, handle=desk.statement,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class MerchantCoupons:
    """The handlers."""

    operator: Operator

    async def own(self, call: Call[Nothing, Nothing]) -> MerchantOut:
        return await merchant_out(self.operator, call.own)

    async def give(self, call: Call[CouponIn, Nothing]) -> CouponGiven:
        body, key = call.body, call.own
        only = None if body.session_id is None else SessionId(body.session_id)
        request = Request(
            key=key,
            coupon_id=CouponId(body.coupon_id),
            template_id=TemplateId(body.template_id),
            number=await self._number(key, body.plate, only),
            only_session_id=only,
            given_by=call.who,
        )
        given = await self.operator.coupons.give(request)
        return CouponGiven(**CouponOut.of(given.coupon).model_dump(), replayed=not given.fresh)

    async def some(self, call: Call[Nothing, CouponQuery]) -> CouponsOut:
        found, last = await coupon_page(self.operator, call.own, call.query)
        return CouponsOut(coupons=[CouponOut.of(one) for one in found], next=last)

    async def revoke(self, call: Call[Nothing, Nothing]) -> CouponOut:
        return CouponOut.of(await self.operator.coupons.revoke(call.own, CouponId(call.path["coupon_id"])))

    async def statement(self, call: Call[Nothing, Nothing]) -> StatementOut:
        return await statement_out(self.operator, call.own, call.path["month"])

    async def _number(self, key: MerchantKey, plate: str | None, session_id: SessionId | None) -> str:
        if plate is not None:
            parsed = parse_plate(plate, Colour.UNKNOWN)
            if not parsed.readable:
                raise InvalidInput("a plate that names no vehicle", ("plate",))
            return parsed.number
        if session_id is None:
            raise InvalidInput("name a plate or a stay", ("plate", "session_id"))
        view = await self.operator.views.session(session_id)
        if view is None or view.garage_id != key.garage_id:
            raise NotFound("there is no such stay here; if it began just now, name its plate too")
        return view.number


async def merchant_out(operator: Operator, key: MerchantKey) -> MerchantOut:
    """A merchant with its templates; raises :class:`NotFound`."""
    merchant, now = await operator.merchants.one(key), operator.clock.now()
    await operator.coupons.books.expire(key, now)
    counted = await operator.merchants.counted(merchant, now)
    return MerchantOut.of(merchant, counted, await operator.merchants.templates(key))


async def coupon_page(
    operator: Operator, key: MerchantKey, query: CouponQuery
) -> tuple[list[CouponRecord], str | None]:
    """A page of a merchant's coupons, and the cursor of the next one."""
    books = operator.coupons.books
    await books.expire(key, operator.clock.now())
    before = (LAST_PLACE.entered_at, LAST_ID) if query.cursor is None else read_cursor(query.cursor)
    states = list(CouponState) if query.state is None else [query.state]
    found = await books.some(key, states=states, before=before, limit=query.limit)
    last = found[-1] if len(found) == query.limit else None
    return found, None if last is None else write_cursor(last.given_at, last.coupon_id)


async def statement_out(operator: Operator, key: MerchantKey, month: str) -> StatementOut:
    """A month of a merchant; raises :class:`NotFound`, :class:`InvalidInput`."""
    begins = month_from(month)
    merchant = await operator.merchants.one(key)
    await operator.coupons.books.expire(key, operator.clock.now())
    return StatementOut.of(key, await operator.merchants.statement(merchant, begins))
