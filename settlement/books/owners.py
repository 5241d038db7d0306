"""Names the driver of an exit whose gate did not know him: whose the plate was when the car left.

A grant names the account. A car that leaves before its grant came, as in an outage, has none, and its bill
would be nobody's although everybody is known.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.ids import AccountId
from parking.session import Step
from settlement.books.statements import sql
from settlement.voucher import CLOCKS_APART

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from parking.ids import GarageId
    from parking.journal import Record
    from parking.plate import Plate

__all__ = ["owner_at", "with_owners"]


async def with_owners(held: asyncpg.pool.PoolConnectionProxy, records: Sequence[Record]) -> list[Record]:
    """The records, with an account in those exits that had none where somebody had bound the plate."""
    nameless = {place: record for place, record in enumerate(records) if _is_nameless(record)}
    named = list(records)
    if not nameless:
        return named
    events = [record.event for record in nameless.values()]
    sessions = [record.session for record in nameless.values() if record.session is not None]
    owners = await _owners_at(
        held,
        [
            (session.plate, event.captured_at, event.garage_id, session.entered_at)
            for event, session in zip(events, sessions, strict=True)
        ],
    )
    places = list(nameless)
    for at, account_id in owners.items():
        place = places[at]
        session = records[place].session
        if session is not None:
            owned = replace(session, account_id=account_id)
            named[place] = replace(records[place], session=owned)
    return named


async def owner_at(
    held: asyncpg.pool.PoolConnectionProxy,
    plate: Plate,
    *,
    left_at: datetime,
    garage_id: GarageId,
    entered_at: datetime,
) -> AccountId | None:
    """Whose a plate was when its car left: who pays for the stay, whenever that is found out."""
    return (await _owners_at(held, [(plate, left_at, garage_id, entered_at)])).get(0)


async def _owners_at(
    held: asyncpg.pool.PoolConnectionProxy, stays: Sequence[tuple[Plate, datetime, GarageId, datetime]]
) -> dict[int, AccountId]:
    """By its place, the owner of each plate that somebody had when its car left."""
    rows = await held.fetch(
        sql("accounts/owners_at"),
        [plate.number for plate, _, _, _ in stays],
        [plate.colour for plate, _, _, _ in stays],
        [left_at for _, left_at, _, _ in stays],
        [garage_id for _, _, garage_id, _ in stays],
        [entered_at for _, _, _, entered_at in stays],
        CLOCKS_APART,
    )
    return {row["place"] - 1: AccountId(row["account_id"]) for row in rows}


def _is_nameless(record: Record) -> bool:
    session = record.session
    return record.step is Step.LEFT and session is not None and session.account_id is None
