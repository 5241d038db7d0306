"""What the barriers did, as their controllers saw it: counted while the day goes on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from parking.decision import Reason, Verdict
from parking.event import Kind
from parking.ids import GarageId, LaneId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateways.demo.gates import GateAnswer
    from parking.event import GateEvent
    from parking.ids import EventId

__all__ = ["Sighting", "Tally"]

Sighting = tuple[GarageId, LaneId, Kind, datetime]
"""Where, what and when."""

PERMILLE: Final = 1_000
RECENT: Final = 500


@dataclass(slots=True, kw_only=True)
class Tally:
    """Grows with every answer; ``now`` is the day's clock."""

    now: datetime
    answers: Counter[tuple[Kind, Verdict]] = field(default_factory=Counter)
    """First answers; repeats are in ``replayed``."""
    replayed: int = 0
    unsaid: int = 0
    """What happened and no gate there has a way to say."""
    inside: int = 0
    acknowledged: set[tuple[GarageId, EventId]] = field(default_factory=set)
    """Those that the archive must have by the same name."""
    sighted: Counter[Sighting] = field(default_factory=Counter)
    """Those whose gate has no name for them, and our side another: they are counted instead."""
    latencies_ms: list[float] = field(default_factory=list)
    """Of single events, as the controller waits for them."""
    delivered: int = 0
    """What was kept while a line was down, repeats included."""
    opened_late: int = 0
    """How much of that opened a barrier, which would be for nobody."""
    payments: int = 0
    payments_fen: int = 0
    coupons: int = 0
    debts: int = 0
    debts_fen: int = 0
    resolved: int = 0
    """Unsure readings that an attendant matched."""
    corrected: int = 0
    """Bills of cars that went back to their place unreported."""
    replaced: int = 0
    """Lost tokens, of cars whose entry an attendant found."""
    matched: int = 0
    """Those that were matched by themselves before."""

    @property
    def events_sent(self) -> int:
        """Messages that were answered, repeats included."""
        return sum(self.answers.values()) + self.replayed

    def decided(self, verdict: Verdict) -> int:
        """How many first answers had this verdict."""
        return sum(many for (_, one), many in self.answers.items() if one is verdict)

    def note(self, event: GateEvent, answer: GateAnswer, *, single: bool = True) -> None:
        """Count one answer."""
        if single:
            self.latencies_ms.append(answer.seconds * 1000)
        if answer.named:
            self.acknowledged.add((event.garage_id, event.event_id))
        if answer.replayed:
            self.replayed += 1
            return
        if not answer.named:
            self.sighted[event.garage_id, event.lane_id, event.kind, event.captured_at] += 1
        self.answers[event.kind, answer.verdict] += 1
        self.inside += _movement(event, answer)

    def latency_ms(self, permille: int) -> float:
        """The wait that so many in a thousand did not exceed."""
        ordered = sorted(self.latencies_ms)
        return round(ordered[len(ordered) * permille // PERMILLE], 2) if ordered else 0.0

    def recent_ms(self, permille: int) -> float:
        """The same of the last few hundred answers."""
        ordered = sorted(self.latencies_ms[-RECENT:])
        return ordered[len(ordered) * permille // PERMILLE] if ordered else 0.0

    def note_all(self, events: Iterable[GateEvent], answers: Iterable[GateAnswer]) -> None:
        """Count the answers to a batch."""
        for event, answer in zip(events, answers, strict=True):
            self.note(event, answer, single=False)


def _movement(event: GateEvent, answer: GateAnswer) -> int:
    """By how many the cars inside change."""
    match event.kind:
        case Kind.ENTRY:
            return int(answer.reason in {Reason.ENTRY, Reason.LATE, Reason.OUTAGE_POLICY, None})
        case Kind.EXIT:
            return -int(answer.verdict is Verdict.OPEN or answer.reason is Reason.LATE)
        case Kind.TURN_BACK:
            if answer.reason not in {Reason.TURN_BACK, Reason.LATE, None}:
                return 0
            return -1 if event.lane_id.startswith("in-") else 1
