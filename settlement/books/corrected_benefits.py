"""What a stay is given once a person has found out which vehicle it was.

Its exemption and its passes are those of the vehicle that it was in fact: what the wrong plate had is taken
away, and its place is free for that time. A car of the pass that found none because of it is given it after
all: one inside is granted anew, one that has left is looked up as any exit whose gate did not know. Coupons
were given to the stay, and remain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parking.ids import EventId, LaneId
from parking.plate import Colour, Plate
from parking.session import Session
from settlement.books.exemptions import exemptions_of
from settlement.books.passes import passes_of
from settlement.books.statements import sql
from settlement.passes import Held, covered_by

if TYPE_CHECKING:
    from datetime import datetime

    import asyncpg

    from parking.benefits import Benefits
    from settlement.bill import Bill
    from settlement.correction import Correction

__all__ = ["Given", "benefits_of_corrected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a corrected stay is given; cars inside with these ``numbers`` may have a place of a pass now."""

    benefits: Benefits
    numbers: tuple[str, ...] = ()


async def benefits_of_corrected(
    held: asyncpg.pool.PoolConnectionProxy, bill: Bill, correction: Correction, now: datetime
) -> Given:
    """What the stay of ``bill`` is given by the facts of ``correction``; it has it with this transaction."""
    if correction.benefits is not None:
        return Given(benefits=correction.benefits)
    was = Plate(number=bill.number, colour=Colour(bill.colour))
    plate = correction.plate or was
    vehicle_class = correction.vehicle_class or bill.vehicle_class or plate.vehicle_class
    was_class = bill.vehicle_class or was.vehicle_class
    if (plate, vehicle_class) == (was, was_class):
        return Given(benefits=await _from_earlier(held, bill, correction))
    left_at = correction.left_at or bill.left_at
    stay = _stay(bill, correction, plate, left_at)
    (exempt,) = await exemptions_of(held, [stay], [vehicle_class], left_at)
    if plate == was:
        given = await _from_earlier(held, bill, correction)
        return Given(benefits=replace(given, exempt=exempt.exempt))
    given = replace(bill.benefits, exempt=exempt.exempt)
    waiting = await held.fetch(sql("passes/take_away"), bill.session_id, now)
    (passes,) = await passes_of(held, [stay])
    numbers = tuple(row["number"] for row in waiting)
    return Given(benefits=replace(given, covered=passes.covered), numbers=numbers)


async def _from_earlier(
    held: asyncpg.pool.PoolConnectionProxy, bill: Bill, correction: Correction
) -> Benefits:
    """What the stay has, of a pass also before the entry that was billed, where it began earlier in fact."""
    covered, entered_at = bill.benefits.covered, correction.entered_at
    if not covered or entered_at is None or entered_at >= bill.stayed_from:
        return bill.benefits
    rows = await held.fetch(sql("passes/extend"), bill.session_id, bill.stayed_from, entered_at)
    return replace(bill.benefits, covered=(*covered_by([Held(**row) for row in rows]), *covered))


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
