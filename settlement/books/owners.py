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

    import asyncpg

    from parking.journal import Record

__all__ = ["with_owners"]


async def with_owners(held: asyncpg.pool.PoolConnectionProxy, records: Sequence[Record]) -> list[Record]:
    """The records, with an account in those exits that had none where somebody had bound the plate."""
    nameless = {place: record for place, record in enumerate(records) if _is_nameless(record)}
    named = list(records)
    if not nameless:
        return named
    events = [record.event for record in nameless.values()]
    sessions = [record.session for record in nameless.values() if record.session is not None]
    rows = await held.fetch(
        sql("accounts/owners_at"),
        [session.plate.number for session in sessions],
        [session.plate.colour for session in sessions],
        [event.captured_at for event in events],
        [event.garage_id for event in events],
        [session.entered_at for session in sessions],
        CLOCKS_APART,
    )
    places = list(nameless)
    for row in rows:
        place = places[row["place"] - 1]
        session = records[place].session
        if session is not None:
            owned = replace(session, account_id=AccountId(row["account_id"]))
            named[place] = replace(records[place], session=owned)
    return named


def _is_nameless(record: Record) -> bool:
    session = record.session
    return record.step is Step.LEFT and session is not None and session.account_id is None
