"""The desk: one gate event in, one answer out.

It looks, decides purely, and writes. Nothing here waits for money: the grant that settlement pushed when
the car came in, or the garage's policy, decides the exit on the spot.

What becomes of every odd order:

=====================================  ==========================================================
an event again                         the same answer, nothing changes
an event id with other content         :class:`Conflict`, nothing changes
entry of a car inside, within minutes  ``duplicate_entry``: the first session stands
entry of a car inside, later           a new session; the old one goes to the review list
entry before the session of a car      quarantined: the newer session stands
exit without entry, or before it       ``no_entry`` by policy, quarantined; nothing is charged
exit below the confidence bar          ``low_confidence`` by policy, quarantined; nothing is charged
turn-back soon after an entry          the session is voided
turn-back soon after an exit           the car is inside again, its bill is credited
turn-back without a passage            quarantined
late or offline                        booked as of its device time; never opens a barrier
older than the lateness window         quarantined
from the future                        quarantined; the barrier follows the outage policy
=====================================  ==========================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from parking.decision import Decision, Reason, Verdict, barrier, decide_exit
from parking.errors import Busy, Defect
from parking.event import Kind
from parking.garage import Direction
from parking.ids import EventId
from parking.journal import Result
from parking.live.sessions import Changed, Remembered
from parking.pricing import Stay, price
from parking.tariff import version_id_of

if TYPE_CHECKING:
    from datetime import datetime

    from parking.clock import Clock
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.grant import Grant
    from parking.ids import SessionId
    from parking.live.sessions import Sessions, Written
    from parking.session import Session

__all__ = ["Answer", "Desk", "Timeliness"]

LOOKS_MAX = 5
ENTERED = Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)
ENTERED_UNSURELY = Decision(verdict=Verdict.OPEN, reason=Reason.LOW_CONFIDENCE)
ENTERED_TWICE = Decision(verdict=Verdict.OPEN, reason=Reason.DUPLICATE_ENTRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeliness:
    """How old or new an event may be."""

    late_after: timedelta = timedelta(minutes=2)
    """Older than this, the car has long passed: booked, but no barrier moves."""
    window: timedelta = timedelta(hours=48)
    """Older than this, a person decides. Answers are remembered for longer than this."""
    ahead: timedelta = timedelta(minutes=2)
    """A device clock may run ahead by this much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the gate is told; ``replayed`` when it was told so before."""

    event_id: EventId
    decision: Decision
    session_id: SessionId | None
    replayed: bool


@dataclass(frozen=True, slots=True)
class Case:
    """An event on its way.

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

    @property
    def held_by_outage(self) -> bool:
        """Whether the barrier stayed shut in an outage, so that the car did not pass."""
        return (
            self.settled is not None
            and self.settled.reason is Reason.OUTAGE_POLICY
            and self.settled.verdict is Verdict.HOLD
        )


class Desk:
    """Answers gate events from the live store."""

    def __init__(self, sessions: Sessions, clock: Clock, timeliness: Timeliness | None = None) -> None:
        self._sessions = sessions
        self._clock = clock
        self._timeliness = timeliness or Timeliness()

    async def answer(self, event: GateEvent, garage: Garage, *, given: Decision | None = None) -> Answer:
        """Answer one event; ``given`` is what the gate was told when the live store could not be asked.

        Raises :class:`Conflict`, :class:`Busy`, :class:`Unavailable` or :class:`OutcomeUnknown`; the
        event may be sent again after each of them.
        """
        now = self._clock.now()
        age = now - event.captured_at
        passed = given is not None and given.verdict is Verdict.OPEN
        case = Case(event, garage, now, given or self._late(event, age), amend=passed)
        if age > self._timeliness.window:
            decision = Decision(verdict=Verdict.HOLD, reason=Reason.TOO_LATE)
            return await self._quarantine(case, given or decision)
        if -age > self._timeliness.ahead:
            verdict = barrier(garage.policy.outage)
            return await self._quarantine(case, case.verdict(Decision(verdict=verdict, reason=Reason.CLOCK)))
        if case.held_by_outage and given is not None and event.kind is not Kind.TURN_BACK:
            return _answer(event, await self._note(case, given, Result.APPLIED))
        match event.kind:
            case Kind.ENTRY:
                return await self._entry(case)
            case Kind.EXIT:
                return await self._exit(case)
            case Kind.TURN_BACK:
                return await self._turn_back(case)
            case _ as never:
                assert_never(never)

    def late(self, event: GateEvent) -> Decision | None:
        """The decision about history: the car has long passed, so no barrier moves."""
        return self._late(event, self._clock.now() - event.captured_at)

    def _late(self, event: GateEvent, age: timedelta) -> Decision | None:
        if event.offline or age > self._timeliness.late_after:
            return Decision(verdict=Verdict.HOLD, reason=Reason.LATE)
        return None

    async def set_aside(self, event: GateEvent, garage: Garage, given: Decision) -> Answer:
        """Quarantine an answered event whose id the live store knows for another: no answer is lost."""
        aside = replace(event, event_id=EventId(f"{event.event_id}#{event.digest()}"))
        case = Case(aside, garage, self._clock.now(), given, amend=False)
        return await self._quarantine(case, given)

    async def _entry(self, case: Case) -> Answer:
        event, garage = case.event, case.garage
        if not event.plate.readable:
            decision = Decision(verdict=Verdict.OPEN, reason=Reason.UNREADABLE)
            return await self._quarantine(case, case.verdict(decision))
        entered = ENTERED_UNSURELY if _unsure(case) else ENTERED
        outcome = await self._sessions.enter(
            event,
            decision=case.verdict(entered),
            decision_if_twice=case.verdict(ENTERED_TWICE),
            tariff_version_id=version_id_of(garage.tariffs.in_force(event.captured_at)),
            policy=garage.policy,
            received_at=case.received_at,
        )
        return _answer(event, outcome)

    async def _exit(self, case: Case) -> Answer:
        event, policy = case.event, case.garage.policy
        if not event.plate.readable or _unsure(case):
            reason = Reason.LOW_CONFIDENCE if event.plate.readable else Reason.UNREADABLE
            decision = Decision(verdict=barrier(policy.low_confidence), reason=reason)
            return await self._quarantine(case, case.verdict(decision))
        for _ in range(LOOKS_MAX):
            outcome = await self._look_and_leave(case)
            if not isinstance(outcome, Changed):
                return _answer(event, outcome)
        raise Busy("the session changed at every look")

    async def _look_and_leave(self, case: Case) -> Remembered | Written | Changed:
        event, policy = case.event, case.garage.policy
        found = await self._sessions.look(event)
        overruled = False
        if isinstance(found, Remembered):
            overruled = case.amend and found.decision.verdict is Verdict.HOLD
            if not overruled:
                return found
            found = await self._sessions.find(event.garage_id, event.plate.number)
        session = found.session
        if session is None or session.entered_at > event.captured_at:
            decision = Decision(verdict=barrier(policy.no_entry), reason=Reason.NO_ENTRY)
            return await self._note(case, case.verdict(decision), Result.QUARANTINED)
        decision = _exit_decision(case, session, found.grant)
        if case.settled is None and decision.verdict is Verdict.HOLD:
            return await self._note(case, decision, Result.APPLIED, session.session_id)
        return await self._sessions.leave(
            event,
            session,
            decision=decision,
            policy=policy,
            received_at=case.received_at,
            overrule_hold=overruled,
        )

    async def _turn_back(self, case: Case) -> Answer:
        none = Decision(verdict=Verdict.HOLD, reason=Reason.NO_PASSAGE)
        if not case.event.plate.readable:
            return await self._quarantine(case, case.verdict(none))
        outcome = await self._sessions.turn_back(
            case.event,
            decision=case.verdict(Decision(verdict=Verdict.HOLD, reason=Reason.TURN_BACK)),
            decision_if_no_passage=case.verdict(none),
            direction=case.garage.lanes.get(case.event.lane_id, Direction.BOTH),
            policy=case.garage.policy,
            received_at=case.received_at,
        )
        return _answer(case.event, outcome)

    async def _quarantine(self, case: Case, decision: Decision) -> Answer:
        return _answer(case.event, await self._note(case, decision, Result.QUARANTINED))

    async def _note(
        self, case: Case, decision: Decision, result: Result, session_id: SessionId | None = None
    ) -> Remembered | Written:
        return await self._sessions.note(
            case.event,
            decision=decision,
            session_id=session_id,
            result=result,
            received_at=case.received_at,
        )


def _exit_decision(case: Case, session: Session, grant: Grant | None) -> Decision:
    fee_fen = fee_of(session, case.event.captured_at, case.garage)
    prepaid_fen = min(session.prepaid_fen, fee_fen)
    decision = decide_exit(
        due_fen=fee_fen - prepaid_fen,
        prepaid_fen=prepaid_fen,
        grant=grant,
        policy=case.garage.policy,
        at=case.event.captured_at,
    )
    if case.settled is None:
        return decision
    return replace(decision, verdict=case.settled.verdict, reason=case.settled.reason)


def fee_of(session: Session, left_at: datetime, garage: Garage) -> int:
    """The whole fee of a stay that ends at ``left_at``, in fen."""
    tariff = garage.tariffs.version(session.tariff_version_id)
    if tariff is None:
        raise Defect(f"tariff version {session.tariff_version_id} is not known here")
    until = session.charged_until(left_at)
    return price(Stay(entered_at=session.entered_at, left_at=until, plate=session.plate), tariff).amount_fen


def _unsure(case: Case) -> bool:
    return round(case.event.confidence * 1000) < case.garage.policy.confidence_bar_permille


def _answer(event: GateEvent, outcome: Remembered | Written) -> Answer:
    return Answer(
        event_id=event.event_id,
        decision=outcome.decision,
        session_id=outcome.session_id,
        replayed=isinstance(outcome, Remembered),
    )
