"""What the car that waits at a barrier would be told now, with nothing written.

For telling a lane that it may report its car again; only the answer to that report opens a barrier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from parking.case import Case
from parking.decision import Decision, Reason, Verdict, of_debtor, told_at
from parking.event import Kind
from parking.garage import Direction
from parking.leaving import exit_decision

if TYPE_CHECKING:
    from datetime import datetime

    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.live.sessions import Sessions

__all__ = ["HELD_FOR_MONEY", "foresee"]

HELD_FOR_MONEY: Final = frozenset({Reason.NO_GRANT, Reason.OVER_LIMIT, Reason.DEBT, Reason.DEBT_ATTENDANT})
"""The holds that end when somebody pays, or vouches."""
ENTERS: Final = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)


async def foresee(sessions: Sessions, event: GateEvent, garage: Garage, now: datetime) -> Decision | None:
    """The decision about a held car if it were read again at ``now``; ``None``: it is not there any more.

    Raises what a read of the live store raises.
    """
    if event.kind is Kind.ENTRY:
        notice = await sessions.debt(event.garage_id, event.plate)
        return told_at(of_debtor(ENTERS, notice, Direction.ENTRY), garage.policy)
    found = await sessions.find(event.garage_id, event.plate.number)
    if found.session is None:
        return None
    case = Case(replace(event, captured_at=now), garage, now, None, amend=False)
    return told_at(exit_decision(case, found.session, found.grant, found.debt), garage.policy)
