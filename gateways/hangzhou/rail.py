"""The city as a payment rail: it charges a car that has left, when it vouched for it.

A charge is asked for under its attempt key, which is its ``billID``: however often it is asked, it is one
bill. The city says "taken", and later, by the broker, what became of it; whoever does not hear that asks. So
the usual answer is :class:`Accepted`, and the collector's questions find what a lost message would have
said.

The interface has nothing to give money back with: a refund is declined for good, and a person pays it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from typing_extensions import override

from gateways.hangzhou.codes import PayStatus, city_time, colour_code, moment_of
from gateways.hangzhou.heard import PayResult, read_message
from gateways.hangzhou.messages import ApplyPayment, Operation, ResultQuestion
from parking.errors import DependencyError, InvalidInput
from settlement.rail import Accepted, Answer, Declined, NotReceived, Paid, Rail, Unknown

if TYPE_CHECKING:
    from gateways.hangzhou.client import CityClient, Reply
    from gateways.hangzhou.connection import Connection, OpenQuestions
    from settlement.rail import Order
    from settlement.visit_report import PaidVisit

__all__ = ["HangzhouRail", "Visits", "answer_of"]

NO_REFUNDS: Final = Declined(code="city_gives_nothing_back", hard=True)


class Visits(Protocol):
    """Knows which visit an attempt is about."""

    async def visit_of(self, attempt_key: str) -> PaidVisit | None:
        """The visit, once it is reported; raises what the books raise."""
        ...


class HangzhouRail(Rail):
    """The platform as settlement sees it."""

    def __init__(self, client: CityClient, visits: Visits, connection: Connection) -> None:
        self._client = client
        self._visits = visits
        self._codes = {garage_id: garage.parking_code for garage_id, garage in connection.garages.items()}
        self._open = connection.open

    @override
    async def charge(self, order: Order) -> Answer:
        try:
            visit = await self._visits.visit_of(order.attempt_key)
            if visit is None or visit.garage_id not in self._codes:
                return Unknown(detail="the visit is not reported to the city yet, so not sent")
            application = _application(order, visit, self._codes[visit.garage_id])
            reply = await self._client.call(Operation.APPLY_PAYMENT, application.wire())
        except DependencyError as error:
            return Unknown(detail=str(error))
        if reply.taken or reply.code in self._open.known_bill:
            return Accepted(rail_reference=order.attempt_key)
        return self._refused(reply)

    @override
    async def charge_state(self, attempt_key: str) -> Answer:
        try:
            visit = await self._visits.visit_of(attempt_key)
            if visit is None:
                return NotReceived()
            code = self._codes.get(visit.garage_id)
            if code is None:
                return Unknown(detail="the garage is no longer connected to the city")
            question = ResultQuestion(parking_code=code, bill_id=attempt_key)
            reply = await self._client.call(Operation.GET_RESULT, question.wire())
            return self._told(attempt_key, reply)
        except (DependencyError, InvalidInput) as error:
            return Unknown(detail=str(error))

    @override
    async def refund(self, order: Order) -> Answer:
        return NO_REFUNDS

    @override
    async def refund_state(self, attempt_key: str) -> Answer:
        return NotReceived()

    def _told(self, attempt_key: str, reply: Reply) -> Answer:
        if reply.code in self._open.not_found:
            return NotReceived()
        if not reply.taken:
            return self._refused(reply)
        if reply.data is None:
            return Unknown(detail="the city answered without a result")
        if self._open.sealed_replies and not reply.sealed:
            return Unknown(detail="the city's answer about a payment is not sealed")
        result, _ = read_message(reply.data, PayResult)
        if result.bill_id != attempt_key:
            return Unknown(detail="the city answered about another bill")
        return answer_of(result, self._open)

    def _refused(self, reply: Reply) -> Answer:
        """Only a code that is known to say no says no."""
        if reply.code in self._open.declined | self._open.declined_for_now:
            return Declined(code=str(reply.code), hard=reply.code in self._open.declined)
        return Unknown(detail=str(reply))


def answer_of(result: PayResult, questions: OpenQuestions) -> Answer:
    """What a result says; raises :class:`InvalidInput` for a payment that is not dated or numbered."""
    if result.pay_status == PayStatus.UNPAID:
        return Accepted(rail_reference=result.bill_id)
    if result.pay_status in questions.failed_status:
        return Declined(code=f"pay_status_{result.pay_status}", hard=True)
    if result.pay_status != PayStatus.PAID:
        return Unknown(detail=f"nobody knows what a payStatus of {result.pay_status} says")
    if result.deal_time is None or not result.order_code:
        raise InvalidInput("a payment has a time and a number", ("dealTime", "orderCode"))
    paid_at = moment_of(result.deal_time)
    return Paid(rail_reference=result.order_code, amount_fen=_paid_fen(result, questions), paid_at=paid_at)


def _paid_fen(result: PayResult, questions: OpenQuestions) -> int:
    """What the garage gets for the bill; whoever books it compares it with what was asked."""
    whole_fen = result.actual_pay + result.discount_amount
    return whole_fen if questions.discounts_by_city and whole_fen == result.should_pay else result.actual_pay


def _application(order: Order, visit: PaidVisit, parking_code: str) -> ApplyPayment:
    return ApplyPayment(
        parking_code=parking_code,
        uid=visit.uid,
        plate_no=visit.plate.number,
        plate_color=colour_code(visit.plate.colour),
        arrive_time=city_time(visit.entered_at),
        end_time=city_time(visit.left_at),
        bill_id=order.attempt_key,
        bill_time=city_time(visit.billed_at),
        should_pay=order.amount_fen,
    )
