"""What the granter and the keeper of debtors ask the books, and what they have them keep."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from typing_extensions import override

from parking.ids import (
    AccountId,
    BillId,
    GarageId,
    partition_of,
)
from parking.language import Language
from parking.plate import Colour, Plate
from parking.session import Session
from settlement.books.debt_notices import PAYABLE, keep_entry_notices, keep_notices, rules_json
from settlement.books.pool import connection
from settlement.books.session_rows import session_of
from settlement.books.statements import sql
from settlement.charge import State
from settlement.debtors import DebtBooks
from settlement.deciding import Known
from settlement.giving import benefits_of
from settlement.granter import GrantBooks
from settlement.policy import Place, Scope
from settlement.standing import Block, OpenBill, Standing
from settlement.voucher import Voucher

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from parking.benefits import Benefits
    from settlement.books.policies import Policies
    from settlement.debtors import Telling
    from settlement.deciding import Decided, PolicyBook
    from settlement.giving import BenefitSource
    from settlement.returning import Found

__all__ = ["PostgresGrantBooks", "known_of"]


class PostgresGrantBooks(GrantBooks, DebtBooks):
    """Answers from the tables, as of now; ``partition_count`` is that of the installation."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        policies: Policies,
        *,
        partition_count: int,
        sources: Sequence[BenefitSource] = (),
    ) -> None:
        self._pool = pool
        self._policies = policies
        self._sources = sources
        self._partition_count = partition_count

    @override
    async def known(self, plates: Sequence[Plate], now: datetime) -> list[Known]:
        return await known_of(self._pool, plates, now)

    @override
    async def benefits(self, sessions: Sequence[Session], now: datetime) -> Sequence[Benefits]:
        return await benefits_of(self._sources, sessions, now)

    @override
    async def ended(self, stays: Sequence[tuple[Session, datetime]], now: datetime) -> Sequence[Session]:
        found = [await source.ended(stays, now) for source in self._sources]
        return [session for sessions in found for session in sessions]

    @override
    async def policies(self, now: datetime) -> PolicyBook:
        return await self._policies.book(now)

    @override
    async def record(self, decisions: Sequence[Decided], now: datetime) -> None:
        if not decisions:
            return
        rows = [self._row(one) for one in decisions]
        async with connection(self._pool) as held:
            await held.execute(sql("standing/record"), *map(list, zip(*rows, strict=True)), now)
            await keep_notices(
                held,
                [
                    (one.session.plate, one.grant.account_id, one.found, one.policy_version_id)
                    for one in decisions
                    if one.found is not None
                ],
                now=now,
                partition_count=self._partition_count,
            )

    @override
    async def sessions_inside(
        self, account_ids: Sequence[AccountId], numbers: Sequence[str]
    ) -> list[Session]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("granter/sessions_inside"), list(account_ids), list(numbers))
        return [session_of(row) for row in rows]

    @override
    async def plates_owing(self, raised_until: datetime, plates_max: int) -> list[Plate]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("debts/plates_owing"), raised_until, plates_max)
        return [_plate(row) for row in rows]

    @override
    async def plates_of(self, account_ids: Sequence[AccountId], numbers: Sequence[str]) -> list[Plate]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("debts/plates_of"), list(account_ids), list(numbers))
        return [_plate(row) for row in rows]

    @override
    async def newly_overdue(
        self, raised_after: datetime, raised_until: datetime
    ) -> tuple[Sequence[AccountId], Sequence[str]]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("debts/newly_overdue"), raised_after, raised_until)
        accounts = [AccountId(row["account_id"]) for row in rows if row["account_id"] is not None]
        return accounts, [row["number"] for row in rows if row["number"] is not None]

    @override
    async def keep_notices(self, tellings: Sequence[Telling], now: datetime) -> None:
        rows = [
            (
                one.plate,
                one.known.standing.account_id if one.known.standing else None,
                one.found,
                one.policy_version_id,
            )
            for one in tellings
        ]
        async with connection(self._pool) as held, held.transaction():
            await keep_notices(held, rows, now=now, partition_count=self._partition_count)
            await keep_entry_notices(held, tellings, now=now)

    def _row(self, one: Decided) -> tuple[object, ...]:
        session, grant = one.session, one.grant
        return (
            partition_of(session.garage_id, self._partition_count),
            session.entered_at,
            session.session_id,
            session.garage_id,
            grant.account_id,
            grant.allowed,
            grant.limit_fen,
            grant.reason,
            grant.expires_at,
            one.policy_version_id,
            rules_json(one.fired),
            None if one.found is None else _debt_json(one.found),
        )


def _debt_json(found: Found) -> str:
    """What the lanes were told of a debtor, as it is recorded."""
    notice = found.notice
    return json.dumps(
        {
            "entry": notice.entry,
            "exit": notice.exit,
            "owed_fen": notice.owed_fen,
            "reference": notice.reference,
            "bills": [str(bill.bill_id) for bill in found.bills],
        }
    )


async def known_of(pool: asyncpg.Pool, plates: Sequence[Plate], now: datetime) -> list[Known]:
    """What the books know behind each plate."""
    numbers, colours = [plate.number for plate in plates], [plate.colour for plate in plates]
    async with connection(pool) as held:
        rows = await held.fetch(sql("granter/standings"), numbers, colours, now)
    return [_known(row) for row in rows]


def _known(row: asyncpg.Record) -> Known:
    return Known(
        standing=None if row["account_id"] is None else _standing(row),
        plate_bills=_bills(row["plate_bills"]),
        waived_at=frozenset(map(GarageId, row["waived_at"])),
        vouchers=tuple(_voucher(one) for one in json.loads(row["vouchers"])),
    )


def _standing(row: asyncpg.Record) -> Standing:
    return Standing(
        account_id=AccountId(row["account_id"]),
        active=row["active"],
        leave_first=row["leave_first"],
        binding_disputed=row["binding_disputed"],
        agreements=row["agreements"],
        limit_fen=row["limit_fen"],
        exposure_limit_fen=row["exposure_limit_fen"],
        bills=_bills(row["bills"]),
        blocks=tuple(_block(one) for one in json.loads(row["blocks"])),
        score=row["score"],
        language=None if row["language"] is None else Language(row["language"]),
    )


def _bills(text: str) -> tuple[OpenBill, ...]:
    return tuple(_bill(one) for one in json.loads(text)) if text != "[]" else ()


def _bill(one: Mapping[str, Any]) -> OpenBill:
    state = State(one["state"])
    return OpenBill(
        bill_id=BillId(UUID(one["bill_id"])),
        origin=_origin(one),
        amount_fen=one["amount_fen"],
        raised_at=datetime.fromisoformat(one["raised_at"]),
        payable=state in PAYABLE and not one["same_attempt"],
        declined=state is State.UNPAID,
        disputed=one["disputed"],
    )


def _block(one: Mapping[str, Any]) -> Block:
    return Block(block_id=one["block_id"], scope=Scope(one["scope"]), origin=_origin(one), cause=one["cause"])


def _voucher(one: Mapping[str, Any]) -> Voucher:
    return Voucher(
        rail=one["rail"],
        garage_id=GarageId(one["garage_id"]),
        limit_fen=one["limit_fen"],
        given_at=datetime.fromisoformat(one["given_at"]),
    )


def _origin(one: Mapping[str, Any]) -> Place:
    return Place(garage_id=GarageId(one["garage_id"]), operator_id=one["operator_id"])


def _plate(row: asyncpg.Record) -> Plate:
    return Plate(number=row["number"], colour=Colour(row["colour"]))
