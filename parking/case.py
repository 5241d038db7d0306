"""An event on its way to an answer: what is settled about it before anybody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from parking.decision import DEBT_HOLDS, SHOWN_GRANT, Reason, Verdict

if TYPE_CHECKING:
    from datetime import datetime

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.live.outcomes import Remembered

__all__ = ["Case", "Timeliness"]

HISTORY: Final = SHOWN_GRANT | {Reason.LATE, Reason.CLOCK, Reason.TOO_LATE}
"""What is told about a car that has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeliness:
    """How old or new an event may be."""

    late_after: timedelta = timedelta(minutes=2)
    """Older than this, the car has long passed: booked, but no barrier moves."""
    window: timedelta = timedelta(hours=48)
    """Older than this, a person decides. Answers are remembered for longer than this."""
    ahead: timedelta = timedelta(minutes=2)
    """A device clock may run ahead by this much."""


@dataclass(frozen=True, slots=True)
class Case:
    """The event with its garage; ``received_at`` is the engine's time, not the device's.

    ``settled`` is the decision when the car has passed already; ``amend`` lets it overrule a hold that
    the gate never received.
    """

    event: GateEvent
    garage: Garage
    received_at: datetime
    settled: Decision | None
    amend: bool

    def verdict(self, live: Decision) -> Decision:
        """The live decision, unless another was given already."""
        return self.settled or live

    def overrules(self, found: Remembered) -> bool:
        """Whether a remembered hold may not stand: the car has left all the same, or a debt may be paid."""
        if self.settled is None:
            return found.decision.reason in DEBT_HOLDS
        if found.decision.verdict is not Verdict.HOLD:
            return False
        return self.amend or (self.settled.reason in SHOWN_GRANT and found.decision.reason not in HISTORY)

    @property
    def unsure(self) -> bool:
        """Whether the plate was read less surely than the garage asks for."""
        return self.event.confidence_permille < self.garage.policy.confidence_bar_permille

    @property
    def held_by_outage(self) -> bool:
        """Whether the barrier stayed shut in an outage, so that the car did not pass."""
        return (
            self.settled is not None
            and self.settled.reason is Reason.OUTAGE_POLICY
            and self.settled.verdict is Verdict.HOLD
        )
