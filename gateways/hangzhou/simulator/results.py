"""What the city says of a bill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateways.hangzhou.codes import PaidType, PayStatus, PayType, city_time
from gateways.hangzhou.heard import PayResult
from gateways.rails.simulator.books import State
from parking.clock import from_ms

if TYPE_CHECKING:
    from gateways.rails.simulator.books import Attempt

__all__ = ["FAILED", "result_of"]

FAILED: Final = 2
"""The ``payStatus`` of a payment that was taken up and failed after all."""
STATUSES: Final = {State.ACCEPTED: PayStatus.UNPAID, State.PAID: PayStatus.PAID, State.DECLINED: FAILED}


def result_of(attempt: Attempt, *, too_much_fen: int = 0) -> PayResult:
    """07 for an attempt as it is; ``too_much_fen`` makes it name another amount."""
    paid_at_ms = attempt.paid_at_ms
    return PayResult(
        plate_no="-",
        bill_id=attempt.attempt_key,
        should_pay=attempt.amount_fen,
        pay_status=STATUSES[attempt.state],
        actual_pay=0 if paid_at_ms is None else attempt.amount_fen + too_much_fen,
        deal_time=None if paid_at_ms is None else city_time(from_ms(paid_at_ms)),
        order_code=attempt.rail_reference,
        paid_type=PaidType.ALIPAY,
        pay_type=PayType.LEAVE_FIRST,
    )
