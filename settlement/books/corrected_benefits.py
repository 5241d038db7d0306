"""What a stay is given once a person has found out which vehicle it was.

Its exemption and its passes are those of the vehicle that it was in fact: what the wrong plate had is taken
away, and its place is free for that time. Coupons were given to the stay, and remain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.ids import EventId, LaneId
from parking.plate import Colour, Plate
from parking.session import Session
from settlement.books.exemptions import exemptions_of
from settlement.books.passes import passes_of
from settlement.books.statements import sql

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from parking.benefits import Benefits
    from settlement.bill import Bill
    from settlement.correction import Correction

__all__ = ["benefits_of_corrected"]


async def benefits_of_corrected(
    held: asyncpg.pool.PoolConnectionProxy, bill: Bill, correction: Correction
) -> Benefits:
    """What the stay of ``bill`` is given by the facts of ``correction``; it has it with this transaction."""
    if correction.benefits is not None:
        return correction.benefits
    was = Plate(number=bill.number, colour=Colour(bill.colour))
    plate = correction.plate or was
    vehicle_class = correction.vehicle_class or bill.vehicle_class or plate.vehicle_class
    was_class = bill.vehicle_class or was.vehicle_class
    if (plate, vehicle_class) == (was, was_class):
        return bill.benefits
    left_at = correction.left_at or bill.left_at
    stay = _stay(bill, correction, plate, left_at)
    (exempt,) = await exemptions_of(held, [stay], [vehicle_class], left_at)
    given = replace(bill.benefits, exempt=exempt.exempt)
    if plate == was:
        return given
    await held.execute(sql("passes/take_away"), bill.session_id)
    (passes,) = await passes_of(held, [stay])
    return replace(given, covered=passes.covered)


def _stay(bill: Bill, correction: Correction, plate: Plate, left_at: datetime) -> Session:
    return Session(
        session_id=bill.session_id,
        garage_id=bill.garage_id,
        plate=plate,
        entered_at=correction.entered_at or bill.stayed_from,
        entry_lane_id=LaneId(""),
        entry_event_id=EventId(""),
        tariff_version_id=bill.tariff_version_id,
        version=bill.version,
        left_at=left_at,
    )
