"""Operators look at what debtors owe, take their payments, let them pass, and settle disputes.

After each the cars inside and the entries are told at once, so that the next reading of the car at the
barrier is answered by what is true now. A request that is repeated after an unknown outcome tells them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateways.web.access import Scope
from gateways.web.debt_wire import (
    CollectionIn,
    DebtOut,
    DebtPaid,
    DebtPaymentIn,
    DisputeEndIn,
    DisputeIn,
    DisputeOut,
    OwedBillOut,
    WaiverIn,
    WaiverOut,
)
from gateways.web.operator_wire import PlateIn
from gateways.web.routes import Nothing, Route
from parking.errors import NotFound
from parking.ids import AccountId, BillId, GarageId
from parking.plate import parse_plate
from settlement.books.debts import DebtPayment

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.books.debts import Disputed
    from settlement.books.owing import Owing

__all__ = ["debt_routes"]


def debt_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    debts = DebtDesk(operator)
    return [
        Route(
            method="GET", path="/v1/debts/{reference}", scope=Scope.READ,
            summary="What a payment reference stands for, and what can be paid by it now.",
            answer=DebtOut, handle=debts.one,
        ),
        Route(
            method="POST", path="/v1/debts/{reference}/payments", scope=Scope.FULL,
            summary="Take what a debtor pays at a garage; with the same payment_id it is booked once.",
            statuses={409: "Another sum is owed now, or the payment_id was used for another payment."},
            body=DebtPaymentIn, answer=DebtPaid, status=201, handle=debts.pay,
        ),
        Route(
            method="POST", path="/v1/debts/{reference}/collection", scope=Scope.FULL,
            summary="Have an account pay what can be paid by this reference, by its agreement with a rail.",
            statuses={409: "The debt is not of this account, or it has no agreement in force."},
            body=CollectionIn, answer=DebtOut, status=202, handle=debts.collect,
        ),
        Route(
            method="POST", path="/v1/debt-waivers", scope=Scope.FULL,
            summary="Let a debtor pass at a garage for a while, as an attendant.",
            body=WaiverIn, answer=WaiverOut, status=201, handle=debts.waive,
        ),
        Route(
            method="POST", path="/v1/bills/{bill_id}/dispute", scope=Scope.FULL,
            summary="Dispute a bill: until that is settled it counts against nobody.",
            statuses={409: "It was disputed before."},
            body=DisputeIn, answer=DisputeOut, status=201, handle=debts.dispute,
        ),
        Route(
            method="POST", path="/v1/bills/{bill_id}/dispute/end", scope=Scope.FULL,
            summary="End a dispute: the bill stands, or is credited.",
            statuses={409: "No dispute of it is open."},
            body=DisputeEndIn, answer=DisputeOut, handle=debts.end_dispute,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class DebtDesk:
    """The handlers."""

    operator: Operator

    async def one(self, call: Call[Nothing, Nothing]) -> DebtOut:
        return _debt(await self.operator.debts.owing(call.path["reference"]))

    async def pay(self, call: Call[DebtPaymentIn, Nothing]) -> DebtPaid:
        operator, body = self.operator, call.body
        garage = await operator.garages.one(GarageId(body.garage_id))
        received = await operator.debts.pay(
            DebtPayment(
                payment_id=body.payment_id,
                reference=call.path["reference"],
                collected_at=garage.garage_id,
                amount_fen=body.amount_fen,
                method=body.method,
                taken_by=call.who,
            ),
            operator.clock.now(),
        )
        owing = received.owing
        await self._tell(owing.account_id, owing.plate.number)
        return DebtPaid(payment_id=body.payment_id, replayed=not received.fresh, debt=_debt(owing))

    async def collect(self, call: Call[CollectionIn, Nothing]) -> DebtOut:
        """What comes of it moves the car as any payment does; nobody is told before the rail has answered."""
        operator, account_id = self.operator, AccountId(call.body.account_id)
        return _debt(await operator.debts.send(call.path["reference"], account_id, operator.clock.now()))

    async def waive(self, call: Call[WaiverIn, Nothing]) -> WaiverOut:
        operator, body = self.operator, call.body
        plate = parse_plate(body.plate.number, body.plate.colour)
        now = operator.clock.now()
        until = now + timedelta(minutes=body.minutes)
        await operator.debts.waive(
            GarageId(body.garage_id), plate, by=call.who, note=body.note, now=now, until=until
        )
        await self._tell(None, plate.number)
        return WaiverOut(until=until)

    async def dispute(self, call: Call[DisputeIn, Nothing]) -> DisputeOut:
        bill_id, now = _bill_id(call.path["bill_id"]), self.operator.clock.now()
        disputed = await self.operator.debts.dispute(bill_id, by=call.who, note=call.body.note, now=now)
        return await self._told(disputed, "open")

    async def end_dispute(self, call: Call[DisputeEndIn, Nothing]) -> DisputeOut:
        bill_id, now, end = _bill_id(call.path["bill_id"]), self.operator.clock.now(), call.body.end
        disputed = await self.operator.debts.end_dispute(bill_id, end, by=call.who, now=now)
        return await self._told(disputed, end)

    async def _told(self, disputed: Disputed, state: str) -> DisputeOut:
        await self._tell(disputed.account_id, disputed.number)
        return DisputeOut(bill_id=disputed.bill_id, account_id=disputed.account_id, state=state)

    async def _tell(self, account_id: AccountId | None, number: str) -> None:
        accounts = [] if account_id is None else [account_id]
        await self.operator.regrant(*accounts, unbound_numbers=[number])


def _bill_id(text: str) -> BillId:
    try:
        return BillId(UUID(text))
    except ValueError:
        raise NotFound("there is no such bill") from None


def _debt(owing: Owing) -> DebtOut:
    return DebtOut(
        reference=owing.reference,
        plate=PlateIn(number=owing.plate.number, colour=owing.plate.colour),
        noticed_at=owing.noticed_at,
        owed_fen=owing.owed_fen,
        bills=[
            OwedBillOut(
                bill_id=bill.bill_id,
                garage_id=bill.garage_id,
                amount_fen=bill.amount_fen,
                state=bill.state,
                disputed=bill.disputed,
                payable=bill.payable,
            )
            for bill in owing.bills
        ],
    )
