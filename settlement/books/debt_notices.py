"""Keeps what lanes are told of debtors, so that the reference they show can be paid at any garage."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from parking.ids import partition_of
from settlement.books.statements import sql
from settlement.charge import State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import asyncpg

    from parking.ids import AccountId, GarageId
    from parking.plate import Plate
    from settlement.debtors import Telling
    from settlement.policy import PolicyVersionId
    from settlement.returning import Found
    from settlement.standing import Fired

__all__ = ["PAYABLE", "keep_entry_notices", "keep_notices", "rules_json"]

PAYABLE = frozenset({State.UNASSIGNED, State.DUE, State.UNPAID})
"""A driver can pay these himself, unless an attempt that the rail had not received is to be sent again."""


def rules_json(fired: Iterable[Fired]) -> str:
    """The rules that fired, as they are recorded."""
    return json.dumps(
        [{"rule": one.rule, "stops": one.stops, "figures": dict(one.figures)} for one in fired],
        ensure_ascii=False,
    )


async def keep_notices(
    held: asyncpg.pool.PoolConnectionProxy,
    notices: Iterable[tuple[Plate, AccountId | None, Found, PolicyVersionId]],
    *,
    now: datetime,
    partition_count: int,
) -> None:
    """Keep what lanes are about to be told, so that a reference can be paid."""
    rows = {
        found.notice.reference: (
            found.notice.reference,
            plate.number,
            plate.colour,
            account_id,
            json.dumps(
                [
                    {
                        "partition": partition_of(bill.origin.garage_id, partition_count),
                        "bill_id": str(bill.bill_id),
                    }
                    for bill in found.bills
                ]
            ),
            found.notice.owed_fen,
            policy_version_id,
            rules_json(found.fired),
        )
        for plate, account_id, found, policy_version_id in notices
    }
    if rows:
        await held.execute(sql("debts/keep_notices"), *map(list, zip(*rows.values(), strict=True)), now)


async def keep_entry_notices(
    held: asyncpg.pool.PoolConnectionProxy, tellings: Iterable[Telling], *, now: datetime
) -> None:
    """Keep by which rules the entries of which garages are about to be told, so that a hold can be explained.

    The notices themselves are kept before.
    """
    told: defaultdict[tuple[str, str, str], set[GarageId]] = defaultdict(set)
    for one in tellings:
        basis = one.found.notice.reference, one.policy_version_id, rules_json(one.found.fired)
        told[basis].update(one.garage_ids)
    rows = [(*basis, json.dumps(sorted(garage_ids))) for basis, garage_ids in sorted(told.items())]
    if rows:
        await held.execute(sql("debts/keep_entry_notices"), *map(list, zip(*rows, strict=True)), now)
