"""A voucher: somebody outside promises to pay for a car that is inside, up to an amount.

A city, or another platform with drivers of its own, sees that a car came in, knows its driver, and vouches
for this one stay. Where the driver's own standing here gives no grant, or a smaller one, the car may leave
on the voucher; its bill is then nobody's here and is collected from whoever vouched. Nobody can vouch away
what the operator or the driver has said no to. What a debtor owes at the lanes is another matter: it is not
forgiven.

Pure. A voucher counts for the stay during which it was given, and of several from one party the latest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from parking.grant import GrantReason
from settlement.standing import Fired, Judgement, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from parking.ids import GarageId
    from parking.session import Session

__all__ = ["CLOCKS_APART", "Voucher", "vouched", "voucher_of"]

CLOCKS_APART: Final = timedelta(minutes=2)
"""How far a gate's clock, which dates the entry, may run ahead of ours, which dates the voucher."""
VETOES: Final = frozenset({Rule.ACCOUNT_SUSPENDED, Rule.LEAVE_FIRST_OFF, Rule.BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """Who vouches, by the name of the rail that collects it, where, and up to what; 0 takes it back."""

    rail: str
    garage_id: GarageId
    limit_fen: int
    given_at: datetime


def voucher_of(session: Session, vouchers: Iterable[Voucher]) -> Voucher | None:
    """The voucher that reaches furthest for this stay."""
    counting = [
        one
        for one in vouchers
        if one.garage_id == session.garage_id
        and one.limit_fen > 0
        and one.given_at + CLOCKS_APART >= session.entered_at
    ]
    return max(counting, key=lambda one: (one.limit_fen, one.rail), default=None)


def vouched(judgement: Judgement, voucher: Voucher) -> Judgement | None:
    """The grant on a voucher; ``None`` where the driver's own reaches as far, or somebody has said no."""
    if judgement.limit_fen >= voucher.limit_fen or any(
        one.stops and one.rule in VETOES for one in judgement.fired
    ):
        return None
    figures: dict[str, int | str] = {"rail": voucher.rail, "limit_fen": voucher.limit_fen}
    return Judgement(
        allowed=True,
        limit_fen=voucher.limit_fen,
        reason=GrantReason.VOUCHED,
        fired=(*judgement.fired, Fired(rule=Rule.VOUCHED, figures=figures)),
    )
