"""What an exit is told about a car inside: its fee, and whether it may leave before paying."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.decision import Decision, Reason, decide_exit, of_debtor
from parking.fee import fee_of
from parking.garage import Direction

if TYPE_CHECKING:
    from parking.benefits import Benefits
    from parking.case import Case
    from parking.debt import DebtNotice
    from parking.grant import Grant
    from parking.session import Session

__all__ = ["exit_decision"]


def exit_decision(case: Case, session: Session, grant: Grant | None, debt: DebtNotice | None) -> Decision:
    """Decide by the stay, what its driver was granted, and what he owes.

    Of a car that has passed already it is the decision that was given, with the amounts as they are now.
    """
    fee_fen = fee_of(session, case.event.captured_at, case.garage)
    prepaid_fen = min(session.prepaid_fen, fee_fen)
    decision = decide_exit(
        due_fen=fee_fen - prepaid_fen,
        prepaid_fen=prepaid_fen,
        benefits=_what_counts(case, session, fee_fen),
        grant=grant,
        policy=case.garage.policy,
        at=case.event.captured_at,
    )
    if grant is not None and grant.language is not None:
        decision = replace(decision, language=grant.language)
    if case.settled is None:
        return of_debtor(decision, debt, Direction.EXIT)
    reason = case.settled.reason
    if reason is Reason.OFFLINE_GRANT and fee_fen - prepaid_fen > case.settled.limit_fen:
        reason = Reason.GRANT_REFUSED
    return Decision(
        verdict=case.settled.verdict,
        reason=reason,
        amount_fen=decision.amount_fen,
        limit_fen=decision.limit_fen,
        prepaid_fen=prepaid_fen,
    )


def _what_counts(case: Case, session: Session, fee_fen: int) -> Benefits | None:
    """What the stay was given, without coupons where there would have been nothing for them to take off."""
    benefits = session.benefits
    if fee_fen or benefits is None or not benefits.coupons:
        return benefits
    without = replace(session, benefits=replace(benefits, coupons=()))
    return benefits if fee_of(without, case.event.captured_at, case.garage) else without.benefits
