"""The desk: one gate event in, one answer out.

It looks, decides purely, and writes. Nothing here waits for money: the grant that settlement pushed when
the car came in, or the garage's policy, decides the exit on the spot. An answer is a generator of steps that
gets the outcome of each: whether they are taken one by one, or together with those of a whole backlog
(``parking/backlog.py``), is the same to it.

What becomes of every odd order:

=====================================  ==========================================================
an event again                         the same answer, nothing changes
the same, kept while a line was down   the same, but never to open
the same, let out on a grant           the same; a hold is overruled, for the car has left
an event id with other content         :class:`Conflict`, nothing changes
entry of a car inside, within minutes  ``duplicate_entry``: the first session stands
entry of a car inside, later           a new session; the old one goes to the review list
entry before the session of a car      quarantined: the newer session stands
entry of a debtor                      opens, warns or holds by the notice that settlement left
a hold for a debt, sent again          decided anew: it opens once the debt is paid
exit without entry, or before it       ``no_entry`` by policy, quarantined; nothing is charged
exit below the confidence bar          ``low_confidence`` by policy, quarantined; nothing is charged
turn-back soon after an entry          the session is voided
turn-back soon after an exit           the car is inside again, its bill is credited
turn-back without a passage            quarantined
token not issued, used or replaced     ``token_refused``: nothing opens, at the exit a person looks
late or offline                        booked as of its device time; never opens a barrier
a lost opening, the gate stayed shut   what it did is undone: a stay that it displaced goes on, a
                                       token that it used lets in again
older than the lateness window         quarantined
from the future, or by a wrong clock   quarantined; the barrier follows the outage policy
=====================================  ==========================================================

What a garage reports late and in another order than it happened is answered by these rules too. Settlement
puts it in order afterwards (``settlement/reorderer.py``).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from parking.case import Case, Timeliness
from parking.decision import Decision, Reason, Verdict, barrier, told_at
from parking.entering import LOOKS_MAX, TOKEN_REFUSED, entering
from parking.errors import Busy, Defect
from parking.event import Kind
from parking.fee import changes_until
from parking.garage import Direction
from parking.ids import EventId, session_id_of
from parking.journal import Result
from parking.leaving import exit_decision
from parking.live.outcomes import Changed, Inside, Outcome, Remembered, Written
from parking.live.steps import LiveStep
from parking.shown_grant import shown_grant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from parking.clock import Clock
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.ids import SessionId
    from parking.live.sessions import Sessions

__all__ = ["Answer", "Answering", "Desk", "heard_late"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the gate is told; ``replayed`` when it was told so before."""

    event_id: EventId
    decision: Decision
    session_id: SessionId | None
    replayed: bool


Answering = Generator[LiveStep, Outcome, Answer]
"""An answer under way: the steps that it wants taken, and in the end the answer."""


def heard_late(event: GateEvent, decision: Decision) -> Decision:
    """The decision about an event as it is told, which was perhaps decided when it came through live."""
    if event.offline and decision.verdict is Verdict.OPEN:
        return replace(decision, verdict=Verdict.HOLD, reason=Reason.LATE)
    return decision


class Desk:
    """Answers gate events from the live store, where ``sessions`` takes their steps.

    ``grant_keys`` are the public keys by which a signed grant that an exit of the past shows is checked.
    """

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        timeliness: Timeliness | None = None,
        *,
        grant_keys: Callable[[], Mapping[str, bytes]] = dict,
    ) -> None:
        self.sessions = sessions
        self._grant_keys = grant_keys
        self._steps = sessions.steps
        self._clock = clock
        self._timeliness = timeliness or Timeliness()

    async def answer(self, event: GateEvent, garage: Garage, *, given: Decision | None = None) -> Answer:
        """Answer one event; ``given`` is what the gate was told when the live store could not be asked.

        Raises :class:`Conflict`, :class:`Busy`, :class:`Unavailable` or :class:`OutcomeUnknown`; the
        event may be sent again after each of them.
        """
        return await self._take(self.answering(event, garage, given=given))

    def answering(self, event: GateEvent, garage: Garage, *, given: Decision | None = None) -> Answering:
        """The same, with steps that somebody else takes."""
        now = self._clock.now()
        age = now - event.captured_at
        passed = given is not None and given.verdict is Verdict.OPEN
        case = Case(event, garage, now, given or self._late(event, age), amend=passed)
        if event.clock_wrong or -age > self._timeliness.ahead:
            back = event.kind is Kind.TURN_BACK
            verdict = Verdict.HOLD if back else barrier(garage.policy.outage)
            clock = Decision(verdict=verdict, reason=Reason.CLOCK)
            return self._note(case, case.verdict(clock), Result.QUARANTINED)
        if age > self._timeliness.window:
            decision = Decision(verdict=Verdict.HOLD, reason=Reason.TOO_LATE)
            return self._note(case, given or decision, Result.QUARANTINED)
        if case.held_by_outage and given is not None and event.kind is not Kind.TURN_BACK:
            return self._held(case, given)
        match event.kind:
            case Kind.ENTRY:
                return self._entry(case)
            case Kind.EXIT:
                return self._exit(case)
            case Kind.TURN_BACK:
                return self._turn_back(case)
            case _ as never:
                assert_never(never)

    def late(self, event: GateEvent) -> Decision | None:
        """The decision about history: the car has long passed, so no barrier moves."""
        return self._late(event, self._clock.now() - event.captured_at)

    def _late(self, event: GateEvent, age: timedelta) -> Decision | None:
        if not event.offline and (event.clock_wrong or age <= self._timeliness.late_after):
            return None
        if event.grant_token and event.kind is Kind.EXIT:
            return shown_grant(event, self._grant_keys())
        return Decision(verdict=Verdict.HOLD, reason=Reason.CLOCK if event.clock_wrong else Reason.LATE)

    async def set_aside(self, event: GateEvent, garage: Garage, given: Decision) -> Answer:
        """Quarantine an answered event whose id the live store knows for another: no answer is lost."""
        aside = replace(event, event_id=EventId(f"{event.event_id}#{event.digest()}"))
        case = Case(aside, garage, self._clock.now(), given, amend=False)
        return await self._take(self._note(case, given, Result.QUARANTINED))

    async def _take(self, answering: Answering) -> Answer:
        """Take each step as it comes."""
        try:
            step = next(answering)
            while True:
                step = answering.send(await self.sessions.take(step))
        except StopIteration as end:
            answer: Answer = end.value
            return answer

    def _entry(self, case: Case) -> Answering:
        return _answer(case, (yield from entering(case, self._steps)))

    def _exit(self, case: Case) -> Answering:
        event, policy = case.event, case.garage.policy
        if not event.plate.readable or case.unsure:
            reason = Reason.LOW_CONFIDENCE if event.plate.readable else Reason.UNREADABLE
            decision = Decision(verdict=barrier(policy.low_confidence), reason=reason)
            return (yield from self._note(case, case.verdict(decision), Result.QUARANTINED))
        for _ in range(LOOKS_MAX):
            found = yield self._steps.look(event)
            overruled = isinstance(found, Remembered) and case.overrules(found)
            if overruled:
                found = yield self._steps.find(event.garage_id, event.plate.number)
            outcome = (
                (yield self._leaving(case, found, overrule_hold=overruled))
                if isinstance(found, Inside)
                else found
            )
            if not isinstance(outcome, Changed):
                return _answer(case, outcome)
        raise Busy("the session changed at every look")

    def _leaving(self, case: Case, found: Inside, *, overrule_hold: bool) -> LiveStep:
        """What is to be written about an exit, by what the look found."""
        event, policy, session = case.event, case.garage.policy, found.session
        if not found.is_shown(event):
            return self._noting(case, case.verdict(TOKEN_REFUSED), Result.QUARANTINED)
        if session is None or session.entered_at > event.captured_at:
            decision = Decision(verdict=barrier(policy.no_entry), reason=Reason.NO_ENTRY)
            return self._noting(case, case.verdict(decision), Result.QUARANTINED)
        decision = exit_decision(case, session, found.grant, found.debt)
        if case.settled is None and decision.verdict is Verdict.HOLD:
            return self._noting(case, decision, Result.APPLIED, session.session_id)
        return self._steps.leave(
            event,
            replace(session, changes=changes_until(session, event.captured_at, case.garage)),
            decision=decision,
            policy=policy,
            received_at=case.received_at,
            overrule_hold=overrule_hold,
        )

    def _turn_back(self, case: Case) -> Answering:
        none = Decision(verdict=Verdict.HOLD, reason=Reason.NO_PASSAGE)
        if not case.event.plate.readable:
            return (yield from self._note(case, case.verdict(none), Result.QUARANTINED))
        outcome = yield self._steps.turn_back(
            case.event,
            decision=case.verdict(Decision(verdict=Verdict.HOLD, reason=Reason.TURN_BACK)),
            decision_if_no_passage=case.verdict(none),
            direction=case.garage.lanes.get(case.event.lane_id, Direction.BOTH),
            policy=case.garage.policy,
            received_at=case.received_at,
        )
        return _answer(case, outcome)

    def _held(self, case: Case, given: Decision) -> Answering:
        """The gate stayed shut: what a lost opening of the same event has done is undone."""
        event = case.event
        outcome = yield self._noting(case, given, Result.APPLIED)
        moved = _moved_by(event, outcome)
        if moved is not None:
            outcome = yield self._steps.take_back(event, moved, hold=given, received_at=case.received_at)
        return _answer(case, outcome)

    def _note(self, case: Case, decision: Decision, result: Result) -> Answering:
        return _answer(case, (yield self._noting(case, decision, result)))

    def _noting(
        self, case: Case, decision: Decision, result: Result, session_id: SessionId | None = None
    ) -> LiveStep:
        return self._steps.note(
            case.event,
            decision=decision,
            session_id=session_id,
            result=result,
            received_at=case.received_at,
        )


def _moved_by(event: GateEvent, outcome: Outcome) -> SessionId | None:
    """The session that an event has opened or closed, whose remembered answer was to open."""
    if not isinstance(outcome, Remembered) or outcome.decision.verdict is not Verdict.OPEN:
        return None
    opened = session_id_of(event.garage_id, event.event_id)
    return outcome.session_id if event.kind is Kind.EXIT or outcome.session_id == opened else None


def _answer(case: Case, outcome: Outcome) -> Answer:
    if not isinstance(outcome, Written | Remembered):
        raise Defect("a step has an outcome of another")
    return Answer(
        event_id=case.event.event_id,
        decision=told_at(heard_late(case.event, outcome.decision), case.garage.policy),
        session_id=outcome.session_id,
        replayed=isinstance(outcome, Remembered),
    )
