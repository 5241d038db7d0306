"""Who pays what a bill's coupons took off: each that made the driver pay less, and what its merchant owes.

It follows from the bill alone, from the lines of its proof and the terms of the coupons that it was priced
with. So a credit note takes back exactly what the bill had booked, and ``verify`` can work it out again.

A bill of which a coupon took off 8 yuan, funded by a bakery, moves this besides its fee (debit minus credit):

============================  ==========================  ===================
                              merchant_receivable:A/shop  garage_payable:A
============================  ==========================  ===================
bill raised                                            8                   -8
the merchant pays                                      0                   -8
============================  ==========================  ===================

What the merchant paid is then in ``gate_cash``, where the garage has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from parking.proof import parse_proof
from settlement.ledger import Entry, EntryKind, bill_credited, bill_raised, garage_payable, gate_cash
from settlement.merchant import CouponId, MerchantId, MerchantKey, split_name

if TYPE_CHECKING:
    from uuid import UUID

    from parking.benefits import Benefits
    from parking.ids import BillId
    from settlement.bill import Bill

__all__ = [
    "CouponUse",
    "CouponUseRow",
    "entries_of",
    "entries_of_credit",
    "merchant_paid",
    "merchant_receivable",
    "use_rows_of",
    "uses_of",
    "uses_of_bill",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponUse:
    """One coupon that a bill used: the driver pays ``worth_fen`` less, its merchant owes ``owed_fen``."""

    merchant_id: MerchantId
    coupon_id: CouponId
    worth_fen: int
    owed_fen: int


class CouponUseRow(NamedTuple):
    """The row of a use; ``record_no`` is that of the segment's record behind the bill, or 0."""

    record_no: int
    partition: int
    bill_id: UUID
    session_id: UUID
    garage_id: str
    merchant_id: str
    coupon_id: str
    worth_fen: int
    owed_fen: int


def uses_of_bill(bill: Bill) -> tuple[CouponUse, ...]:
    """The merchants' coupons that took something off a bill, in the order of its proof."""
    return uses_of(bill.benefits, bill.proof)


def uses_of(benefits: Benefits, proof: str) -> tuple[CouponUse, ...]:
    """The same, from what a stay was given and the text of its proof."""
    funded = {coupon.coupon_id: coupon for coupon in benefits.coupons if coupon.funder}
    if not funded:
        return ()
    return tuple(
        CouponUse(
            merchant_id=MerchantId(line.funder),
            coupon_id=split_name(line.name, line.funder),
            worth_fen=line.worth_fen,
            owed_fen=funded[line.name].owed_fen(line.worth_fen),
        )
        for line in parse_proof(proof).lines
        if line.worth_fen > 0 and line.name in funded
    )


def use_rows_of(bill: Bill, record_no: int = 0) -> list[CouponUseRow]:
    """The rows of the coupons that a bill has used."""
    return [
        CouponUseRow(
            record_no,
            bill.partition,
            bill.bill_id,
            bill.session_id,
            bill.garage_id,
            use.merchant_id,
            use.coupon_id,
            use.worth_fen,
            use.owed_fen,
        )
        for use in uses_of_bill(bill)
    ]


def merchant_receivable(key: MerchantKey) -> str:
    """Owed by a merchant for coupons that bills have used."""
    return f"merchant_receivable:{key.garage_id}/{key.merchant_id}"


def entries_of(bill: Bill) -> tuple[Entry, ...]:
    """What raising a bill books: its fee, and what merchants owe for the coupons that it used."""
    fee = bill_raised(bill.garage_id, bill.bill_id, amount_fen=bill.amount_fen, prepaid_fen=bill.prepaid_fen)
    return fee + _funded(bill, bill.bill_id, EntryKind.COUPONS_FUNDED, lines_before=len(fee))


def entries_of_credit(bill: Bill, note_id: BillId) -> tuple[Entry, ...]:
    """What the credit note ``note_id`` books, which takes the whole of a bill back."""
    fee = bill_credited(
        bill.garage_id, bill.bill_id, note_id, amount_fen=bill.amount_fen, prepaid_fen=bill.prepaid_fen
    )
    return fee + _funded(bill, note_id, EntryKind.COUPONS_RELEASED, lines_before=len(fee))


def merchant_paid(key: MerchantKey, transaction_id: UUID, *, amount_fen: int) -> Entry:
    """A merchant has paid the garage."""
    return Entry(
        transaction_id=transaction_id,
        line=1,
        kind=EntryKind.MERCHANT_PAID,
        debit_account=gate_cash(key.garage_id),
        credit_account=merchant_receivable(key),
        amount_fen=amount_fen,
        garage_id=key.garage_id,
    )


def _funded(bill: Bill, transaction_id: UUID, kind: EntryKind, *, lines_before: int) -> tuple[Entry, ...]:
    """One entry a merchant that owes anything."""
    owed_fen: dict[MerchantId, int] = {}
    for use in uses_of_bill(bill):
        owed_fen[use.merchant_id] = owed_fen.get(use.merchant_id, 0) + use.owed_fen
    payable = garage_payable(bill.garage_id)
    entries: list[Entry] = []
    for merchant_id, amount_fen in owed_fen.items():
        owed = merchant_receivable(MerchantKey(garage_id=bill.garage_id, merchant_id=merchant_id))
        debit, credit = (owed, payable) if kind is EntryKind.COUPONS_FUNDED else (payable, owed)
        entries.append(
            Entry(
                transaction_id=transaction_id,
                line=lines_before + len(entries) + 1,
                kind=kind,
                debit_account=debit,
                credit_account=credit,
                amount_fen=amount_fen,
                garage_id=bill.garage_id,
                bill_id=bill.bill_id,
            )
        )
    return tuple(entries)
