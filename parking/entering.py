"""A car comes in: by its plate, or without one by a token.

A token is one car's, for one stay. It opens when it was issued here, has not been used, and had not expired
when it was shown; the entry uses it, atomically, so that of two cars with one token the second is refused.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final

from parking.decision import Decision, Reason, Verdict, of_debtor
from parking.errors import Busy
from parking.garage import Direction
from parking.journal import Result
from parking.live.outcomes import Changed, Issued, Outcome, Owes, Remembered
from parking.live.steps import LiveStep

if TYPE_CHECKING:
    from parking.case import Case
    from parking.live.steps import Steps

__all__ = ["LOOKS_MAX", "TOKEN_REFUSED", "Entering", "entering"]

LOOKS_MAX: Final = 5
ENTERED = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)
ENTERED_UNSURELY = Decision(verdict=Verdict.OPEN, reason=Reason.LOW_CONFIDENCE)
ENTERED_TWICE = Decision(verdict=Verdict.OPEN, reason=Reason.DUPLICATE_ENTRY)
TOKEN_REFUSED = Decision(verdict=Verdict.HOLD, reason=Reason.TOKEN_REFUSED)

Entering = Generator[LiveStep, Outcome, Outcome]
"""An entry under way: the steps that it wants taken, and what came of the last."""


def entering(case: Case, steps: Steps) -> Entering:
    """Let a car in; raises :class:`Busy` when what it depends on changed at every look."""
    event = case.event
    if event.token_digest:
        return _by_token(case, steps)
    if event.plate.readable:
        return _by_plate(case, steps)
    unreadable = Decision(verdict=Verdict.OPEN, reason=Reason.UNREADABLE)
    return _once(_noting(case, steps, case.verdict(unreadable), Result.QUARANTINED))


def _by_plate(case: Case, steps: Steps) -> Entering:
    entered, held = ENTERED_UNSURELY if case.unsure else ENTERED, None
    decision, heed_debts = case.verdict(entered), case.settled is None and entered is ENTERED
    for _ in range(LOOKS_MAX):
        outcome = yield _enter(case, steps, decision, heed_debts=heed_debts, overrule_hold=held is not None)
        if isinstance(outcome, Owes):
            decision, heed_debts = of_debtor(entered, outcome.debt, Direction.ENTRY), False
            if decision.verdict is Verdict.HOLD:
                return held or (yield _noting(case, steps, decision, Result.APPLIED))
        elif heed_debts and held is None and isinstance(outcome, Remembered) and case.overrules(outcome):
            held = outcome
        else:
            return outcome
    raise Busy("the driver's debts changed at every look")


def _by_token(case: Case, steps: Steps) -> Entering:
    for _ in range(LOOKS_MAX):
        issued = yield steps.look_issued(case.event)
        if not isinstance(issued, Issued):
            return issued
        if not issued.lets_in(case.event):
            # A car that has passed all the same is inside without a stay: a person looks at it.
            result = Result.APPLIED if case.settled is None else Result.QUARANTINED
            return (yield _noting(case, steps, case.verdict(TOKEN_REFUSED), result))
        outcome = yield _enter(case, steps, case.verdict(ENTERED), issued=issued)
        if not isinstance(outcome, Changed):
            return outcome
    raise Busy("the token changed at every look")


def _once(step: LiveStep) -> Entering:
    return (yield step)


def _enter(
    case: Case,
    steps: Steps,
    decision: Decision,
    *,
    heed_debts: bool = False,
    overrule_hold: bool = False,
    issued: Issued | None = None,
) -> LiveStep:
    event, garage = case.event, case.garage
    return steps.enter(
        event,
        decision=decision,
        decision_if_twice=case.verdict(ENTERED_TWICE),
        tariff=garage.tariffs.in_force(event.captured_at),
        policy=garage.policy,
        received_at=case.received_at,
        heed_debts=heed_debts,
        overrule_hold=overrule_hold,
        issued=issued,
    )


def _noting(case: Case, steps: Steps, decision: Decision, result: Result) -> LiveStep:
    return steps.note(
        case.event, decision=decision, session_id=None, result=result, received_at=case.received_at
    )
