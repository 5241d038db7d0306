"""Corrects bills: credit note, new bill, ledger, charges and who said so, in one transaction.

Locks are taken as everywhere in the books: the session, then its charges, then balances. A correction and
an exit that is undone at the same moment so see one another's work, and never credit a bill twice. A charge
that is on its way is not called back, it is marked: when its rail has taken the money all the same, the
money goes back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from parking.benefits import benefits_text
from parking.errors import Conflict, Defect, NotFound
from parking.ids import AccountId, BillId, bill_id_of, partition_of
from parking.price_facts import changes_text, earlier_text
from parking.session import State
from settlement.bill import CORRECTED
from settlement.books.bill_rows import billed_of
from settlement.books.corrected_benefits import benefits_of_corrected
from settlement.books.coupon_uses import use_coupons, with_coupons_of
from settlement.books.owners import owner_at
from settlement.books.pool import connection
from settlement.books.posting import COLLECT_DELAY, void
from settlement.books.statements import sql
from settlement.charge import Direction, charge_id_of
from settlement.correction import Paid, corrected_bill
from settlement.funding import entries_of
from settlement.undo import undo_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from uuid import UUID

    import asyncpg

    from parking.benefits import Benefits
    from parking.ids import GarageId, Partition, SessionId, TariffVersionId
    from parking.tariff import Tariff
    from settlement.bill import Bill
    from settlement.correction import Correction
    from settlement.undo import Billed

__all__ = ["BilledStay", "Corrected", "CorrectionPlace", "Corrections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledStay:
    """Which session: ``entered_at`` as its gates saw it; who paid inside had ``exit_within`` to leave.

    ``bill_id`` is the bill in force where the correction is right for that one only.
    """

    garage_id: GarageId
    entered_at: datetime
    session_id: SessionId
    exit_within: timedelta
    bill_id: BillId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """What a correction led to; ``replayed`` when it was made before. ``was_account_id`` had the old bill.

    ``was_number`` is the plate number of the old bill, ``number`` that of the new one; ``free_for`` are those
    of cars inside that may have a place of a pass now.
    """

    correction: int
    credit_note_id: BillId
    was_account_id: AccountId | None
    was_number: str
    bill_id: BillId
    account_id: AccountId | None
    number: str
    amount_fen: int
    prepaid_fen: int
    replayed: bool
    free_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionPlace:
    """A place in the order of corrections."""

    corrected_at: datetime
    bill_id: UUID


class Corrections:
    """A corrected charge falls due ``collect_delay`` after the exit, and not before it is raised.

    ``partition_count`` is that of the installation.
    """

    def __init__(
        self, pool: asyncpg.Pool, *, partition_count: int, collect_delay: timedelta = COLLECT_DELAY
    ) -> None:
        self._pool = pool
        self._partition_count = partition_count
        self._collect_delay = collect_delay

    async def correct(
        self,
        stay: BilledStay,
        correction: Correction,
        tariffs: Mapping[TariffVersionId, Tariff],
        now: datetime,
    ) -> Corrected:
        """Correct the bill in force of a session, priced by the versions of its price list, as it was.

        Raises :class:`Conflict` when the session has no bill that stands, or another than the stay names,
        when there is nothing to correct, and when the id was used for another correction; :class:`NotFound`
        without a session.
        """
        partition = partition_of(stay.garage_id, self._partition_count)
        async with connection(self._pool) as held, held.transaction():
            session = await held.fetchrow(
                sql("posting/lock_sessions"), [partition], [stay.entered_at], [stay.session_id]
            )
            if session is None:
                raise NotFound("there is no such session")
            made = await _made_before(held, partition, stay.session_id, correction)
            if made is not None:
                return made
            if session["state"] != State.CLOSED:
                raise Conflict(f"the session is {session['state']}: only a bill can be corrected")
            billed = await _in_force(held, partition, stay, session["version"])
            given = await benefits_of_corrected(held, billed.bill, correction, now)
            bill = await _priced(held, stay, billed.bill, correction, tariffs, given.benefits)
            undo = undo_of(billed, CORRECTED)
            await void(held, [replace(undo, entries=undo.entries + entries_of(bill))], now)
            await self._raise(held, bill, billed.bill, correction, now)
            await use_coupons(held, bill, now)
        return Corrected(
            correction=bill.correction,
            credit_note_id=undo.credit_note.bill_id,
            was_account_id=billed.bill.account_id,
            was_number=billed.bill.number,
            bill_id=bill.bill_id,
            account_id=bill.account_id,
            number=bill.number,
            amount_fen=bill.amount_fen,
            prepaid_fen=bill.prepaid_fen,
            replayed=False,
            free_for=given.numbers,
        )

    async def some(
        self, *, garage_id: GarageId | None, corrected_from: datetime, before: CorrectionPlace, limit: int
    ) -> list[Mapping[str, Any]]:
        """Corrections of a garage or of all, latest first, with the amounts of the bills before and after."""
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("corrections/some"), garage_id, corrected_from, before.corrected_at, before.bill_id, limit
            )
        return [dict(row) for row in rows]

    async def _raise(
        self,
        held: asyncpg.pool.PoolConnectionProxy,
        bill: Bill,
        credited: Bill,
        correction: Correction,
        now: datetime,
    ) -> None:
        await held.execute(
            sql("corrections/raise"),
            bill.partition,
            bill.entered_at,
            bill.session_id,
            bill.version,
            bill.correction,
            bill.bill_id,
            bill.garage_id,
            bill.account_id,
            bill.number,
            bill.colour,
            bill.stay_from,
            bill.left_at,
            bill.tariff_version_id,
            bill.amount_fen,
            bill.prepaid_fen,
            bill.reason,
            bill.proof,
            charge_id_of(bill.bill_id, Direction.COLLECT),
            max(now, bill.left_at + self._collect_delay),
            correction.correction_id,
            correction.request,
            correction.reason,
            correction.corrected_by,
            credited.bill_id,
            now,
            benefits_text(bill.benefits),
            earlier_text(bill.earlier),
            changes_text(bill.changes),
            bill.vehicle_class,
        )


async def _made_before(
    held: asyncpg.pool.PoolConnectionProxy,
    partition: Partition,
    session_id: SessionId,
    correction: Correction,
) -> Corrected | None:
    row = await held.fetchrow(sql("corrections/find"), partition, session_id, correction.correction_id)
    if row is None:
        return None
    facts = dict(row)
    if facts.pop("request") != correction.request:
        raise Conflict("this correction_id was used for another correction")
    return Corrected(**facts, replayed=True)


async def _in_force(
    held: asyncpg.pool.PoolConnectionProxy, partition: Partition, stay: BilledStay, version: int
) -> Billed:
    first = bill_id_of(stay.session_id, version)
    row = await held.fetchrow(sql("posting/lock_bills"), [partition], [stay.entered_at], [first])
    if row is None or row["credited"]:
        raise Conflict("the session has no bill that stands")
    billed = billed_of(row)
    if stay.bill_id not in {None, billed.bill.bill_id}:
        raise Conflict("the bill was corrected meanwhile")
    return billed


async def _priced(
    held: asyncpg.pool.PoolConnectionProxy,
    stay: BilledStay,
    bill: Bill,
    correction: Correction,
    tariffs: Mapping[TariffVersionId, Tariff],
    given: Benefits,
) -> Bill:
    left_at = correction.left_at or bill.left_at
    row = await held.fetchrow(
        sql("corrections/facts"), bill.partition, bill.entered_at, bill.session_id, bill.version, left_at
    )
    if row is None:
        raise Defect("the facts of a bill are no row")
    prepaid_at = row["prepaid_at"]
    paid = Paid(
        prepaid_fen=row["prepaid_fen"],
        prepaid_at=prepaid_at,
        prepaid_until=None if prepaid_at is None else prepaid_at + stay.exit_within,
    )
    benefits = await with_coupons_of(held, bill, given)
    bound_to = None
    if correction.plate is not None:
        entered_at = correction.entered_at or bill.stayed_from
        bound_to = await owner_at(
            held, correction.plate, left_at=left_at, garage_id=bill.garage_id, entered_at=entered_at
        )
    return corrected_bill(bill, correction, tariffs, benefits=benefits, paid=paid, bound_to=bound_to)
