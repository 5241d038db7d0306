"""What verification reads: one statement a check, all of them in one snapshot of the books.

Bills are read with a cursor, because there are more of them than fit into memory. The ledger's chain is
checked beside them, piece by piece (:mod:`settlement.books.chain_check`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from typing_extensions import override

from settlement.books.chain_check import LEDGER_IS_CHAINED, broken_links
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.charge import Direction, State
from settlement.verify import VerifiableBill, VerifiableBooks, VerifiableCharge, Violation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from settlement.books.pool import Pool

__all__ = ["CHECKS", "PostgresVerifiableBooks"]

CHECKS: Final = (
    "entries_complete",
    "accounts_balance",
    "balances_match_entries",
    "bills_are_posted",
    "charges_are_posted",
    "entries_have_a_cause",
    "one_live_bill",
    "bills_are_proven",
    "bills_are_charged",
    "credited_charges_end",
    "paid_once",
    "events_archived_once",
    "quarantined_has_item",
    "closed_has_bill",
    "only_closed_has_bill",
    "lost_sight_has_item",
    "transitions_allowed",
    "control_receivable",
    "control_rail_clearing",
    "control_refund_payable",
    "control_prepayment",
    "refunds_have_a_cause",
    "charges_are_of_their_bill",
    "attempts_follow_declines",
    "entries_between_right_accounts",
    "prepaid_was_received",
    "sessions_have_their_events",
    "bill_is_of_its_session",
    "resolved_items_are_settled",
    "debts_are_collected",
    "control_between_garages",
    "corrections_are_booked",
    "set_aside_has_item",
    "coupons_stand",
    "coupons_follow_bills",
    "coupons_are_posted",
    "control_merchant_receivable",
    "unknown_benefits_are_not_charged",
)
"""Each is one statement."""
TIMEOUT_S: Final = 600.0
"""A check reads whole tables."""
CHUNK: Final = 2_000
"""Bills read at a time."""


class PostgresVerifiableBooks(VerifiableBooks):
    """Reads the tables; takes as long as they are large."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    @override
    def checks(self) -> tuple[str, ...]:
        return (*CHECKS, LEDGER_IS_CHAINED)

    @override
    async def violations(self) -> list[Violation]:
        found: list[Violation] = []
        async with (
            connection(self._pool) as held,
            held.transaction(isolation="repeatable_read", readonly=True),
        ):
            await held.execute(sql("verify/take_time"))
            for check in CHECKS:
                rows = await held.fetch(sql(f"verify/{check}"), timeout=TIMEOUT_S)
                found += [
                    Violation(check=check, item_id=row["item_id"], explanation=row["explanation"])
                    for row in rows
                ]
        return found + await broken_links(self._pool)

    @override
    async def imbalance_fen(self) -> int:
        async with connection(self._pool) as held:
            out_by: int = await held.fetchval(sql("verify/imbalance"), timeout=TIMEOUT_S)
        return out_by

    @override
    async def charges(self, rail: str) -> list[VerifiableCharge]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("verify/charges_of_rail"), rail, timeout=TIMEOUT_S)
        return [
            VerifiableCharge(
                direction=Direction(row["direction"]),
                order_key=row["order_key"],
                amount_fen=row["amount_fen"],
                state=State(row["state"]),
                paid_attempt_key=row["paid_attempt_key"],
                same_attempt=row["same_attempt"],
            )
            for row in rows
        ]

    @override
    async def bills(self) -> AsyncGenerator[Sequence[VerifiableBill]]:
        async with (
            connection(self._pool) as held,
            held.transaction(isolation="repeatable_read", readonly=True),
        ):
            await held.execute(sql("verify/take_time"))
            cursor = await held.cursor(sql("verify/bills"), timeout=TIMEOUT_S)
            while rows := await cursor.fetch(CHUNK, timeout=TIMEOUT_S):
                yield [VerifiableBill(**row) for row in rows]

    @override
    async def paid_by_rail(self) -> Mapping[str, int]:
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("verify/paid_by_rail"), timeout=TIMEOUT_S)
        return {row["rail"]: row["charges"] for row in rows}
