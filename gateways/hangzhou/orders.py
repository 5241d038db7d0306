"""What the city sends down: grants, questions for a bill, and what became of payments.

A message counts when the platform's key sealed it. It is acknowledged to the broker when what it says is in
the books, and confirmed to the city after that; so it may come again, and then has no further effect. What
can never be taken is logged and let go.

A result may overtake the answer of its request: the attempt, with its key, was in the books before it was
sent, so it is booked at once. A result of a bill that is not ours waits for a person.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from pydantic import ValidationError

from gateways.hangzhou.codes import colour_from
from gateways.hangzhou.connection import RAIL
from gateways.hangzhou.envelope import Envelope, unseal
from gateways.hangzhou.heard import DeparturePayInfo, Down, DownEnvelope, FeeQuestion, PayResult, read_message
from gateways.hangzhou.messages import Confirmation, Operation
from gateways.hangzhou.rail import answer_of
from parking.errors import CallerError, Defect, DependencyError, InvalidInput, Unavailable
from parking.plate import parse_plate
from settlement.charge import Direction
from settlement.notices import Notice, Receipt
from settlement.rail import Declined, Paid
from settlement.voucher import Voucher

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateways.hangzhou.client import CityClient
    from gateways.hangzhou.connection import Connection
    from gateways.hangzhou.metrics import CityMetrics
    from gateways.hangzhou.quotes import Quotes
    from gateways.mqtt.options import Received
    from gateways.web.operating import Regrant
    from parking.clock import Clock
    from settlement.books.reporting import PostgresReportBooks
    from settlement.books.vouchers import Vouchers
    from settlement.notices import NoticeDesk

__all__ = ["Orders", "topics_of"]

log = structlog.get_logger()
ORDER_PARTS: Final = 3
"""A topic ends with what it is about, the ``accessID`` and the garage's code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A message that the platform sealed."""

    down: Down
    request_id: str
    content: bytes


def topics_of(connection: Connection) -> tuple[str, ...]:
    """What to subscribe to."""
    return tuple(f"{connection.open.topic_prefix}/{down}/{connection.access_id}/#" for down in Down)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Takes them, in batches."""

    connection: Connection
    client: CityClient
    vouchers: Vouchers
    notices: NoticeDesk
    books: PostgresReportBooks
    quotes: Quotes
    regrant: Regrant
    clock: Clock
    metrics: CityMetrics

    async def take(self, batch: Sequence[Received]) -> None:
        """Book a batch; raises :class:`DependencyError` when it has to be taken again."""
        orders = [order for one in batch if (order := self._opened(one)) is not None]
        failed: list[str] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                # Grants in their order: the latest counts. Results are booked together.
                results = [one for one in orders if one.down is Down.RESULT]
                tasks.create_task(self._in_turn(one for one in orders if one.down is not Down.RESULT))
                for one in results:
                    tasks.create_task(self._in_turn([one]))
        except* DependencyError as group:
            failed = [str(error) for error in group.exceptions]
        if failed:
            raise Unavailable("; ".join(sorted(set(failed))))

    async def grant(self, info: DeparturePayInfo) -> None:
        """Keep what the city vouches for, and tell the car's gates; raises what the stores raise."""
        garage_id = self.connection.garage_of(info.parking_code)
        if garage_id is None:
            raise InvalidInput("no garage of ours has this code", ("parkingCode",))
        plate = parse_plate(info.plate_no, colour_from(info.plate_color))
        voucher = Voucher(
            rail=RAIL, garage_id=garage_id, limit_fen=info.vouched_fen, given_at=self.clock.now()
        )
        if await self.vouchers.give(plate.number, voucher):
            await self.regrant(unbound_numbers=[plate.number])

    def _opened(self, received: Received) -> Order | None:
        try:
            down = _down_of(received.topic)
            envelope = DownEnvelope.model_validate_json(received.payload)
            content = unseal(
                Envelope(cipher=envelope.cipher, sign=envelope.sign), self.connection.platform_key
            )
        except (ValidationError, CallerError) as error:
            log.warning("city_message_refused", topic=received.topic, error=type(error).__name__)
            self.metrics.heard("unknown", "refused")
            return None
        return Order(down=down, request_id=envelope.request_id, content=content)

    async def _in_turn(self, orders: Iterable[Order]) -> None:
        for order in orders:
            try:
                await self._take(order)
            except (CallerError, Defect) as error:
                # Taken again it would fail again, and stand in the way of every other.
                log.warning("city_message_refused", message=order.down, error=str(error))
                self.metrics.heard(order.down, "refused")
            else:
                self.metrics.heard(order.down, "taken")

    async def _take(self, order: Order) -> None:
        match order.down:
            case Down.GRANT:
                info, fields = read_message(order.content, DeparturePayInfo)
                await self.grant(info)
                await self._confirm(Operation.CONFIRM_GRANT, order, fields)
            case Down.FEE:
                await self._answer_fee(order)
            case Down.RESULT:
                result, fields = read_message(order.content, PayResult)
                await self._book(result)
                await self._confirm(Operation.CONFIRM_RESULT, order, fields)

    async def _answer_fee(self, order: Order) -> None:
        question, _ = read_message(order.content, FeeQuestion)
        garage_id = self.connection.garage_of(question.parking_code)
        if garage_id is None:
            raise InvalidInput("no garage of ours has this code", ("parkingCode",))
        plate = parse_plate(question.plate_no, colour_from(question.plate_color))
        fee = await self.quotes.fee(garage_id, plate.number, order.request_id)
        if fee is None:
            log.info("city_asked_for_a_car_that_is_not_inside")
            return
        await self._say(Operation.UPLOAD_FEE, fee.wire())

    async def _book(self, result: PayResult) -> None:
        answer = answer_of(result, self.connection.open)
        if not isinstance(answer, Paid | Declined):
            log.info("city_result_without_an_outcome", bill=result.bill_id, status=result.pay_status)
            return
        notice = Notice(rail=RAIL, direction=Direction.COLLECT, attempt_key=result.bill_id, answer=answer)
        receipt = await self.notices.take(notice)
        if receipt is Receipt.NOT_OURS:
            log.warning("city_result_of_an_unknown_bill", bill=result.bill_id)
            # A result names no garage; any of the operator's lists will do.
            garage_id, told = next(iter(self.connection.garages)), result.model_dump(by_alias=True)
            await self.books.keep_unknown_payment(garage_id, result.bill_id, told, self.clock.now())

    async def _confirm(self, operation: Operation, order: Order, fields: dict[str, Any]) -> None:
        """A confirmation that is lost makes the city send again what has no further effect."""
        await self._say(operation, Confirmation(request_id=order.request_id, params=fields).wire())

    async def _say(self, operation: Operation, wire: bytes) -> None:
        try:
            reply = await self.client.call(operation, wire)
        except DependencyError as error:
            log.warning("city_not_told", operation=operation, error=str(error))
            return
        if not reply.taken:
            log.warning("city_not_told", operation=operation, error=str(reply))


def _down_of(topic: str) -> Down:
    parts = topic.strip("/").split("/")
    if len(parts) < ORDER_PARTS or parts[-ORDER_PARTS] not in set(Down):
        raise InvalidInput("not a topic of ours")
    return Down(parts[-ORDER_PARTS])
