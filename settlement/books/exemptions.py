"""Lists of vehicles from which nothing is due, in the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from typing_extensions import override

from parking.benefits import NO_BENEFITS, Benefits
from parking.errors import Conflict, NotFound
from parking.ids import GarageId
from parking.plate import Colour, Plate, VehicleClass
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.exemption import CarsInside, Exemption, exempting
from settlement.giving import BenefitSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from parking.session import Session

__all__ = ["Exemptions", "exemptions_of"]

LISTED_MAX: Final = 1_000


class Exemptions(BenefitSource):
    """Entries are added and ended, never changed: who was exempt when can be told for ever."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, exemption: Exemption, *, by: str) -> None:
        """Add an entry; raises :class:`Conflict` when its id was used for another."""
        plate = exemption.plate
        async with connection(self._pool) as held:
            on_record = await held.fetchval(
                sql("exemptions/add"),
                exemption.exemption_id,
                exemption.garage_id,
                exemption.operator_id,
                plate.number if plate else None,
                plate.colour if plate else None,
                exemption.vehicle_class,
                exemption.cause,
                exemption.cars_inside,
                exemption.valid_from,
                exemption.valid_until,
                by,
                exemption.added_at,
            )
        if not on_record:
            raise Conflict("this exemption_id was used for another entry")

    async def end(self, exemption_id: str, *, by: str, now: datetime) -> str | None:
        """End an entry; answers the number of its plate. Raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("exemptions/end"), exemption_id, by, now)
        if row is None:
            raise NotFound("there is no such exemption")
        number: str | None = row["number"]
        return number

    async def list_of(self, garage_id: GarageId, *, with_ended: bool) -> list[Exemption]:
        """What is on a garage's list and its operator's, the newest first."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("exemptions/list"), garage_id, with_ended, LISTED_MAX)
        return [_exemption(row) for row in rows]

    @override
    async def of(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        classes = [session.plate.vehicle_class for session in sessions]
        async with connection(self._pool) as held:
            return await exemptions_of(held, sessions, classes, now)

    @override
    async def ended(self, stays: Sequence[tuple[Session, datetime]], now: datetime) -> Sequence[Session]:
        return ()


async def exemptions_of(
    held: asyncpg.pool.PoolConnectionProxy,
    sessions: Sequence[Session],
    classes: Sequence[VehicleClass],
    now: datetime,
) -> list[Benefits]:
    """The exemption of each stay now, or at its exit, whose vehicle is of the class in its place."""
    rows = await held.fetch(
        sql("exemptions/candidates"),
        [session.garage_id for session in sessions],
        [session.plate.number for session in sessions],
        classes,
    )
    fitting: dict[int, list[Exemption]] = {}
    for row in rows:
        fitting.setdefault(row["stay_no"] - 1, []).append(_exemption(row))
    given = [NO_BENEFITS] * len(sessions)
    for place, exemptions in fitting.items():
        session = sessions[place]
        found = exempting(exemptions, session, session.left_at or now, classes[place])
        if found is not None:
            given[place] = Benefits(exempt=found.cause)
    return given


def _exemption(row: asyncpg.Record) -> Exemption:
    number = row["number"]
    return Exemption(
        exemption_id=row["exemption_id"],
        garage_id=None if row["garage_id"] is None else GarageId(row["garage_id"]),
        operator_id=row["operator_id"],
        plate=None if number is None else Plate(number=number, colour=Colour(row["colour"])),
        vehicle_class=None if row["vehicle_class"] is None else VehicleClass(row["vehicle_class"]),
        cause=row["cause"],
        cars_inside=CarsInside(row["cars_inside"]),
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
        added_at=row["added_at"],
        ended_at=row["ended_at"],
    )
