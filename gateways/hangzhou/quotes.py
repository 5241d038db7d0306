"""What a car inside would have to pay if it left now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.hangzhou.codes import city_time, colour_code
from gateways.hangzhou.messages import Fee
from parking.fee import fee_of

if TYPE_CHECKING:
    from gateways.hangzhou.connection import Connection
    from parking.clock import Clock
    from parking.ids import GarageId
    from parking.live.sessions import Sessions
    from settlement.books.garages import Garages
    from settlement.books.reporting import PostgresReportBooks

__all__ = ["Quotes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Prices cars from what their gates know of them."""

    connection: Connection
    sessions: Sessions
    garages: Garages
    books: PostgresReportBooks
    clock: Clock

    async def fee(self, garage_id: GarageId, number: str, request_id: str) -> Fee | None:
        """06 for a car; ``None`` when it is not inside or the city does not know it yet.

        Raises what the stores raise.
        """
        session = (await self.sessions.find(garage_id, number)).session
        garage = (await self.garages.one(garage_id)).garage
        if session is None or garage is None or session.left_at is not None:
            return None
        uid = await self.books.uid_of(garage_id, session.session_id)
        if uid is None:
            return None
        now = self.clock.now()
        fee_fen = fee_of(session, max(now, session.entered_at), garage)
        return Fee(
            request_id=request_id,
            parking_code=self.connection.garages[garage_id].parking_code,
            uid=uid,
            plate_no=session.plate.number,
            plate_color=colour_code(session.plate.colour),
            arrive_time=city_time(session.entered_at),
            end_time=city_time(now),
            bill_time=city_time(now),
            charge_fee=fee_fen,
            should_pay=max(0, fee_fen - session.prepaid_fen),
        )
