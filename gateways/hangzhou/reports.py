"""What happened in a garage, in the words of the city."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from gateways.hangzhou.codes import (
    BillWay,
    PaidType,
    ParkingType,
    PayType,
    PhotoType,
    car_type_of,
    city_time,
    colour_code,
)
from gateways.hangzhou.connection import RAIL
from gateways.hangzhou.messages import (
    AbnormalBill,
    CarIn,
    CarOut,
    DailyBill,
    Operation,
    ParkingState,
    PayRecord,
    Photo,
)
from settlement.visit_report import Report

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime
    from typing import Any

    from gateways.hangzhou.connection import CityGarage, Connection
    from gateways.hangzhou.messages import Up
    from parking.ids import GarageId, LaneId
    from settlement.visit_report import BillNow, DayTotal, Visit, VisitNow

__all__ = ["Garage", "Reporting"]

PICTURE: Final = re.compile(r"[0-9a-f]{64}\.(?:jpg|png)")
"""The reference of a picture that is named by its content."""
UNKNOWN_LANE: Final = "0"
"""The number of an entry or exit that the connection does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Garage:
    """A garage as the city knows it, and how full it is; more cars than places leave none free."""

    garage_id: GarageId
    city: CityGarage
    spaces: int
    occupied: int

    def berths(self) -> dict[str, int]:
        """The three numbers that go with every passage."""
        public = self.city.open_places
        open_places = self.spaces if public is None else min(public, self.spaces)
        return {
            "total_berth_num": self.spaces,
            "open_berth_num": open_places,
            "free_berth_num": max(0, min(open_places, self.spaces - self.occupied)),
        }

    def with_more(self, cars: int) -> Garage:
        """The garage once so many more are inside."""
        return replace(self, occupied=self.occupied + cars)

    def lane(self, lane_id: LaneId | None) -> str:
        """A lane's number at the city."""
        return UNKNOWN_LANE if lane_id is None else self.city.lanes.get(lane_id, UNKNOWN_LANE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """Words reports; ``now`` is when they are written."""

    connection: Connection
    now: datetime

    def came_in(self, visit: Visit, uid: str, garage: Garage) -> Iterator[Report]:
        """A car came in, and its picture if there is one."""
        message = CarIn(**self._passage(visit, uid, garage), arrive_id=visit.session_id.hex)
        yield _report(garage.garage_id, Operation.CAR_IN, message)
        yield from self._photo(visit.image_reference, visit.entered_at, PhotoType.ENTRY, uid, garage)

    def news(self, one: VisitNow, garage: Garage) -> Iterator[Report]:
        """Everything about a visit that the city does not know, in the order in which it happened."""
        told, bill = one.told, one.bill
        standing = None if bill is None or one.is_void else bill.bill_id
        if told.bill_id is not None and told.bill_id != standing:
            yield self._taken_back(one, garage, told.bill_id)
        if one.is_over or (bill is not None and one.closings > told.closings):
            yield self._left(one, garage)
            yield from self._photo(one.exit_image, one.left_at or self.now, PhotoType.EXIT, one.uid, garage)
            if bill is not None and bill.prepaid_fen:
                yield self._prepaid(one, garage, bill)
        known = told.is_paid and bill is not None and told.bill_id == bill.bill_id
        if bill is not None and one.payment is not None and not known:
            yield self._paid(one, garage, bill)

    def day(self, total: DayTotal, day: date) -> Report:
        """What was collected of a day's bills."""
        message = DailyBill(
            parking_code=self.connection.garages[total.garage_id].parking_code,
            account_date=day.isoformat(),
            bill_num=total.payments,
            pay_total=total.paid_fen,
        )
        return _report(total.garage_id, Operation.CHECK_DAILY_BILL, message)

    def state(self, garage: Garage) -> ParkingState:
        """How full a garage is."""
        return ParkingState(
            parking_code=garage.city.parking_code, upload_time=city_time(self.now), **garage.berths()
        )

    def _photo(
        self, reference: str | None, at: datetime, kind: PhotoType, uid: str, garage: Garage
    ) -> Iterator[Report]:
        """Of a picture that we keep: others have references of their own making."""
        if reference is None or not PICTURE.fullmatch(reference):
            return
        message = Photo(
            parking_code=garage.city.parking_code,
            uid=uid,
            photo_id=f"{reference[:32]}-{kind.value}",
            time=city_time(at),
            type=kind,
            name=reference,
            upload_time=city_time(self.now),
        )
        yield _report(garage.garage_id, Operation.PHOTO, message)

    def _passage(self, visit: Visit, uid: str, garage: Garage) -> dict[str, Any]:
        return {
            "uid": uid,
            "plate_no": visit.plate.number,
            "plate_color": colour_code(visit.plate.colour),
            "car_type": car_type_of(visit.plate),
            "parking_code": garage.city.parking_code,
            "entry_num": garage.lane(visit.entry_lane_id),
            "gate_no": garage.city.gate_no,
            "operator_code": garage.city.operator_code,
            "arrive_time": city_time(visit.entered_at),
            "parking_type": ParkingType.VISITOR,
            "upload_time": city_time(self.now),
            **garage.berths(),
        }

    def _left(self, one: VisitNow, garage: Garage) -> Report:
        """It left, or is no longer taken to be inside: then without a fee, as of now."""
        message = CarOut(
            **self._passage(one.visit, one.uid, garage),
            end_id=f"{one.visit.session_id.hex}-{one.closings}",
            end_time=city_time(one.left_at or self.now),
            out_num=garage.lane(one.exit_lane_id),
            charge_fee=0 if one.bill is None else one.bill.amount_fen,
            should_pay=0 if one.bill is None else one.bill.due_fen,
        )
        return _report(garage.garage_id, Operation.CAR_OUT, message)

    def _taken_back(self, one: VisitNow, garage: Garage, bill_id: UUID) -> Report:
        message = AbnormalBill(
            parking_code=garage.city.parking_code,
            uid=one.uid,
            bill_id=bill_id.hex,
            plate_no=one.visit.plate.number,
            plate_color=colour_code(one.visit.plate.colour),
            should_pay=0,
            reason="turned back" if one.bill is None else "corrected",
            upload_time=city_time(self.now),
        )
        return _report(garage.garage_id, Operation.ABNORMAL_BILL, message)

    def _prepaid(self, one: VisitNow, garage: Garage, bill: BillNow) -> Report:
        fields = {
            "bill_id": f"{bill.bill_id.hex}-inside",
            "paid_fen": bill.prepaid_fen,
            "paid_at": bill.prepaid_at or bill.raised_at,
            "paid_type": self.connection.paid_types.get("inside", PaidType.CASH),
            "pay_type": PayType.INSIDE,
            "bill_way": BillWay.OTHER,
        }
        return self._record(one, garage, bill, fields)

    def _paid(self, one: VisitNow, garage: Garage, bill: BillNow) -> Report:
        payment = one.payment
        if payment is None:
            raise ValueError("nothing was paid")
        by_rail = payment.attempt_key is not None and payment.rail is not None
        means = payment.rail if by_rail else payment.method
        # Of its own payments the city knows the means; the one that most drivers use stands for all.
        other = PaidType.ALIPAY if by_rail else PaidType.CASH
        fields = {
            "bill_id": payment.attempt_key or bill.bill_id.hex,
            "paid_fen": bill.due_fen,
            "paid_at": payment.paid_at,
            "paid_type": self.connection.paid_types.get(means or RAIL, other),
            "pay_type": PayType.LEAVE_FIRST if by_rail else PayType.ARREARS,
            "bill_way": BillWay.CONTACTLESS if by_rail else BillWay.OTHER,
        }
        return self._record(one, garage, bill, fields)

    def _record(self, one: VisitNow, garage: Garage, bill: BillNow, paid: Mapping[str, Any]) -> Report:
        message = PayRecord(
            bill_id=paid["bill_id"],
            uid=one.uid,
            plate_no=one.visit.plate.number,
            parking_code=garage.city.parking_code,
            charge_fee=bill.amount_fen,
            should_pay=paid["paid_fen"],
            actual_pay=paid["paid_fen"],
            bill_time=city_time(bill.raised_at),
            deal_time=city_time(paid["paid_at"]),
            paid_type=paid["paid_type"],
            pay_type=paid["pay_type"],
            bill_way=paid["bill_way"],
            upload_time=city_time(self.now),
        )
        return _report(garage.garage_id, Operation.PAY_RECORD, message)


def _report(garage_id: GarageId, operation: Operation, message: Up) -> Report:
    return Report(garage_id=garage_id, operation=operation, body=message.wire().decode())
