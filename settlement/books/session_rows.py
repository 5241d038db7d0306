"""Sessions as the rows of the books have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.ids import EventId, GarageId, LaneId, SessionId, TariffVersionId
from parking.plate import Colour, Plate
from parking.price_facts import parse_earlier
from parking.session import Session

if TYPE_CHECKING:
    from datetime import timedelta

    import asyncpg

__all__ = ["paid_session_of", "session_of"]


def session_of(row: asyncpg.Record) -> Session:
    """What an entry has fixed, and how often the session was closed."""
    return Session(
        session_id=SessionId(row["session_id"]),
        garage_id=GarageId(row["garage_id"]),
        plate=Plate(number=row["number"], colour=Colour(row["colour"])),
        entered_at=row["entered_at"],
        entry_lane_id=LaneId(row["entry_lane_id"]),
        entry_event_id=EventId(row["entry_event_id"]),
        tariff_version_id=TariffVersionId(row["tariff_version_id"]),
        version=row["version"],
    )


def paid_session_of(row: asyncpg.Record, exit_within: timedelta) -> Session:
    """The same with the visits that it continues and what was paid inside, with so long to leave after it."""
    paid_at = row["prepaid_at"]
    return replace(
        session_of(row),
        earlier=parse_earlier(row["earlier"]),
        prepaid_fen=row["prepaid_fen"],
        prepaid_at=paid_at,
        prepaid_until=paid_at + exit_within if paid_at else None,
    )
