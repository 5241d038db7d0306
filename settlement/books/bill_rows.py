"""Bills as the rows say them, with what is known of their charge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.benefits import parse_benefits
from parking.plate import VehicleClass
from parking.price_facts import parse_changes, parse_earlier
from settlement.bill import Bill
from settlement.charge import ChargeId, State
from settlement.undo import Billed

if TYPE_CHECKING:
    import asyncpg

__all__ = ["billed_of"]


def billed_of(row: asyncpg.Record) -> Billed:
    """A bill that was found locked."""
    bill = Bill(
        partition=row["partition"],
        bill_id=row["bill_id"],
        garage_id=row["garage_id"],
        session_id=row["session_id"],
        version=row["version"],
        account_id=row["account_id"],
        number=row["number"],
        colour=row["colour"],
        entered_at=row["entered_at"],
        left_at=row["left_at"],
        tariff_version_id=row["tariff_version_id"],
        amount_fen=row["amount_fen"],
        prepaid_fen=row["prepaid_fen"],
        reason=row["reason"],
        proof=row["proof"],
        correction=row["correction"],
        stay_from=row["stay_from"],
        vehicle_class=None if row["vehicle_class"] is None else VehicleClass(row["vehicle_class"]),
        benefits=parse_benefits(row["benefits"]),
        earlier=parse_earlier(row["earlier"]),
        changes=parse_changes(row["changes"]),
    )
    if row["charge_id"] is None:
        return Billed(bill=bill)
    return Billed(
        bill=bill,
        charge_id=ChargeId(row["charge_id"]),
        charge_state=State(row["charge_state"]),
        rail=row["rail"],
        agreement=row["agreement"],
        paid_fen=row["charge_fen"],
    )
