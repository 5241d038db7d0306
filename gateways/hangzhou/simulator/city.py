"""What the city does with each message, once its envelope is open.

It vouches for the cars of drivers who are registered with it as soon as they are reported to be inside,
charges them when a garage asks, and compares a garage's day with its own. What is asked for a bill, and what
becomes of it, is the business of the rail simulator's teller: faults follow from the seed or from the
driver's script.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from gateways.hangzhou.heard import DeparturePayInfo
from gateways.hangzhou.messages import ApplyPayment, DailyBill, Operation, ResultQuestion
from gateways.hangzhou.simulator.results import result_of
from gateways.rails.simulator.books import Attempt, State
from gateways.rails.simulator.faults import Kind
from gateways.rails.simulator.wire import OrderBody
from parking.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateways.hangzhou.simulator.books import CityBooks
    from gateways.hangzhou.simulator.publisher import Publisher
    from gateways.rails.simulator.books import Books
    from gateways.rails.simulator.teller import Spoilt, Teller
    from parking.clock import Clock

__all__ = ["CONFLICT", "DECLINED", "DECLINED_FOR_NOW", "DIFFERS", "NOT_FOUND", "City", "Driver", "Said"]

OK: Final = 200
NOT_FOUND: Final = 404
CONFLICT: Final = 409
DECLINED: Final = 1001
DECLINED_FOR_NOW: Final = 1002
DIFFERS: Final = 1010


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Somebody who is registered with the city; ``script`` forces faults, as the rail simulator's does."""

    limit_fen: int
    script: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An answer; ``data`` is sealed."""

    code: int = OK
    message: str = "ok"
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The counter behind the doors."""

    books: CityBooks
    bills: Books
    teller: Teller
    publisher: Publisher
    drivers: Mapping[str, Driver]
    clock: Clock
    _inside: dict[tuple[str, str], DeparturePayInfo] = field(default_factory=dict)

    async def take(
        self, operation: Operation, fields: dict[str, Any], gone: Callable[[], bool]
    ) -> Said | Spoilt:
        """Answer a message; raises what its shape and the books raise."""
        match operation:
            case Operation.APPLY_PAYMENT:
                return await self._charge(ApplyPayment.model_validate(fields), gone)
            case Operation.GET_RESULT:
                return await self._result(ResultQuestion.model_validate(fields))
            case Operation.GET_GRANTS:
                code = str(fields.get("parkingCode"))
                known = [info for (parking_code, _), info in self._inside.items() if parking_code == code]
                return Said(data=[info.model_dump(by_alias=True) for info in known])
            case Operation.CHECK_DAILY_BILL:
                return await self._compare(DailyBill.model_validate(fields))
            case Operation.CAR_IN:
                await self._vouch(fields)
            case Operation.CAR_OUT:
                self._inside.pop((fields["parkingCode"], fields["plateNo"]), None)
            case _:
                pass
        return Said()

    async def _charge(self, asked: ApplyPayment, gone: Callable[[], bool]) -> Said | Spoilt:
        order = OrderBody(
            order_key=asked.uid,
            attempt_key=asked.bill_id,
            agreement=self._agreement(asked.plate_no),
            amount_fen=asked.should_pay,
            subject=asked.parking_code,
        )
        try:
            taken = await self.teller.take(Kind.CHARGE, order, gone)
        except Conflict as error:
            return Said(code=CONFLICT, message=str(error))
        return _refusal(taken) or Said() if isinstance(taken, Attempt) else taken

    async def _result(self, question: ResultQuestion) -> Said:
        attempt = await self.bills.find(Kind.CHARGE, question.bill_id)
        if attempt is None:
            return Said(code=NOT_FOUND, message="no such bill")
        return _refusal(attempt) or Said(data=result_of(attempt).model_dump(by_alias=True))

    async def _vouch(self, fields: dict[str, Any]) -> None:
        driver = self.drivers.get(fields["plateNo"])
        info = DeparturePayInfo(
            plate_no=fields["plateNo"],
            plate_color=fields["plateColor"],
            parking_code=fields["parkingCode"],
            no_sense=int(driver is not None),
            departure_pay=int(driver is not None),
            money_limit=driver.limit_fen if driver is not None else 0,
        )
        self._inside[info.parking_code, info.plate_no] = info
        self.publisher.grant(info)

    async def _compare(self, said: DailyBill) -> Said:
        own = await self.books.collected(said.parking_code, said.account_date)
        if own == (said.bill_num, said.pay_total):
            return Said()
        return Said(code=DIFFERS, message=f"the city has {own[0]} bills of {own[1]} fen")

    def _agreement(self, plate_no: str) -> str:
        """What the teller draws the faults of a driver by."""
        known = self.drivers.get(plate_no)
        digest = blake2b(plate_no.encode(), digest_size=8).hexdigest()
        return f"{known.script}#{digest}" if known is not None and known.script else f"plate-{digest}"


def _refusal(attempt: Attempt) -> Said | None:
    if attempt.state is not State.DECLINED:
        return None
    return Said(code=DECLINED if attempt.hard else DECLINED_FOR_NOW, message=attempt.code or "declined")
