"""Operators give back what a driver paid inside and no bill has used.

The money was taken by the garage, at a machine or a till, so no rail of ours can return it: whoever gives it
back says so here, once, and the review list has it no more. An exit that may still be undone keeps what was
paid for it, because the stay would go on with it. That a car has turned back may be reported late: so its
gates are told what is left, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateways.web.access import Scope
from gateways.web.operator_sessions import session_id_from
from gateways.web.prepayment_wire import PrepaymentRefundIn, PrepaymentRefundMade
from gateways.web.routes import Nothing, Route
from parking.errors import NotFound
from settlement.books.prepayments import PrepaymentRefund

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from parking.ids import GarageId, SessionId

__all__ = ["prepayment_refund_routes"]


def prepayment_refund_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    return [
        Route(
            method="POST", path="/v1/sessions/{session_id}/prepayment-refunds", scope=Scope.FULL,
            summary="Book what was given back of a payment inside; with the same refund_id once.",
            body=PrepaymentRefundIn, answer=PrepaymentRefundMade, status=201,
            handle=RefundDesk(operator).refund,
            statuses={409: "The stay is not over for good, its bills leave less unused, or the refund_id was"
                           " used for another refund."},
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefundDesk:
    """The handler."""

    operator: Operator

    async def refund(self, call: Call[PrepaymentRefundIn, Nothing]) -> PrepaymentRefundMade:
        operator, body = self.operator, call.body
        session_id = session_id_from(call.path["session_id"])
        view = await operator.views.session(session_id)
        if view is None:
            raise NotFound("there is no such session")
        refund = PrepaymentRefund(
            refund_id=body.refund_id,
            garage_id=view.garage_id,
            session_id=session_id,
            amount_fen=body.amount_fen,
            method=body.method,
            given_by=call.who,
        )
        now = operator.clock.now()
        policy = (await operator.garages.one(view.garage_id)).policy
        fresh = await operator.prepayments.refund(refund, now, over_until=now - policy.turn_back_within)
        await self._tell_gates(view.garage_id, view.number, session_id)
        return PrepaymentRefundMade(refund_id=refund.refund_id, session_id=session_id, replayed=not fresh)

    async def _tell_gates(self, garage_id: GarageId, number: str, session_id: SessionId) -> None:
        """What was told last is what the books say, whoever else changes it for this stay now."""
        operator, told = self.operator, None
        total = await operator.prepayments.total(session_id)
        while told != total:
            await operator.sessions.give_back(garage_id, number, session_id, total_fen=total.amount_fen)
            told, total = total, await operator.prepayments.total(session_id)
