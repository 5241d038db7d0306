"""What the granter asks the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from parking.ids import AccountId, EventId, GarageId, LaneId, SessionId, TariffVersionId
from parking.plate import Colour, Plate
from parking.session import Session
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.granter import GrantBooks
from settlement.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

__all__ = ["PostgresGrantBooks"]


class PostgresGrantBooks(GrantBooks):
    """Answers from the tables, as of now."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @override
    async def standings(self, plates: Sequence[Plate]) -> list[Standing | None]:
        numbers, colours = [plate.number for plate in plates], [plate.colour for plate in plates]
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("granter/standings"), numbers, colours)
        found = {row["plate_no"]: _standing(row) for row in rows}
        return [found.get(plate_no) for plate_no in range(1, len(plates) + 1)]

    @override
    async def sessions_inside(
        self, account_ids: Sequence[AccountId], numbers: Sequence[str]
    ) -> list[Session]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("granter/sessions_inside"), list(account_ids), list(numbers))
        return [_session(row) for row in rows]


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(
        account_id=AccountId(row["account_id"]),
        active=row["active"],
        has_agreement=row["has_agreement"],
        has_debt=row["has_debt"],
        limit_fen=row["limit_fen"],
        exposure_limit_fen=row["exposure_limit_fen"],
        exposure_fen=row["exposure_fen"],
    )


def _session(row: asyncpg.Record) -> Session:
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
