"""The steps of a session as the live store takes them: what is sent, and how the reply is read.

Nothing here waits. Whoever decides makes a step and gets its outcome; whether it travelled alone or with
the steps of a thousand other cars is of no concern to it. Every step is atomic and idempotent by event id:
the same event with the same content gets the remembered answer, the same id with other content is a
:class:`Conflict`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from parking.clock import to_ms
from parking.ids import EventId, session_id_of
from parking.journal import HELD_AFTER_ALL, IN_AFTER_ALL, LEFT_AFTER_ALL
from parking.live.codec import decision_text, event_text, facts_text, session_fields
from parking.live.grant_codec import given_text
from parking.live.outcomes import Issued, Outcome, Written
from parking.live.replies import issued_token, read_back, seen, written
from parking.price_facts import changes_text
from parking.tariff import version_id_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.garage import Direction, Policy
    from parking.ids import GarageId, SessionId
    from parking.journal import Result
    from parking.live.keys import Keys
    from parking.session import Session, Step
    from parking.tariff import Tariff

__all__ = ["LiveStep", "Steps"]

MILLISECOND = timedelta(milliseconds=1)
MINUTE_MS = 60_000


class LiveStep(NamedTuple):
    """One step: a function of the library with its keys and arguments, and how its reply is read."""

    function: str
    keys: tuple[str, ...]
    arguments: tuple[str | int, ...]
    read: Callable[[Any], Outcome]
    """Raises :class:`Conflict`, or :class:`Defect` for what this version cannot read."""


class Steps:
    """Makes steps; ``answers_kept`` is how long their answers are remembered."""

    def __init__(self, keys: Keys, *, answers_kept: timedelta) -> None:
        self._keys = keys
        self._keep_ms = answers_kept // MILLISECOND

    def look(self, event: GateEvent) -> LiveStep:
        """The remembered answer, or the car inside that bears the event's plate."""
        keys = self._keys.of(event.garage_id)
        return LiveStep(
            "lf1_look",
            (keys.event(event.event_id), keys.car(event.plate.number)),
            (event.digest(),),
            partial(seen, event.garage_id),
        )

    def find(self, garage_id: GarageId, number: str) -> LiveStep:
        """The car inside with this plate number, whatever is remembered."""
        return LiveStep("lf1_find", (self._keys.of(garage_id).car(number),), (), partial(seen, garage_id))

    def look_issued(self, event: GateEvent) -> LiveStep:
        """The remembered answer, or the token that was issued under the name that the event shows."""
        keys = self._keys.of(event.garage_id)
        return LiveStep(
            "lf1_look_issued",
            (keys.event(event.event_id), keys.issued),
            (event.digest(), event.plate.number),
            issued_token,
        )

    def enter(  # noqa: PLR0913 - all that an entry fixes, and what may stand against it
        self,
        event: GateEvent,
        *,
        decision: Decision,
        decision_if_twice: Decision,
        tariff: Tariff,
        policy: Policy,
        received_at: datetime,
        heed_debts: bool = False,
        overrule_hold: bool = False,
        issued: Issued | None = None,
    ) -> LiveStep:
        """Open a session; a car already inside is a repeated read or displaces its old session.

        With ``heed_debts`` a debtor is not let in: his notice comes back. ``overrule_hold``, as in
        :meth:`leave`, replaces a remembered hold for a debt. A token is used by it, as it was ``issued``.
        """
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        session_id = session_id_of(event.garage_id, event.event_id)
        text, session = decision_text(decision), str(session_id)
        journalled = _overruling(event, IN_AFTER_ALL) if overrule_hold else event
        return LiveStep(
            "lf1_enter",
            (
                keys.event(event.event_id), keys.car(number), keys.inside, keys.journal, keys.debtors,
                keys.left(number), *((keys.issued,) if issued else ()),
            ),
            (
                event.digest(), text, decision_text(decision_if_twice), self._keep_ms,
                event_text(journalled, received_at), session, facts_text(event, version_id_of(tariff)),
                event.captured_ms, number, policy.duplicate_entry_within // MILLISECOND,
                f"{number};{event.plate.colour}" if heed_debts else "", int(overrule_hold),
                tariff.reentry_minutes * MINUTE_MS, *((issued.record,) if issued else ()),
            ),
            partial(written, f"{text};{session}", Written(decision, session_id)),
        )  # fmt: skip

    def leave(
        self,
        event: GateEvent,
        session: Session,
        *,
        decision: Decision,
        policy: Policy,
        received_at: datetime,
        overrule_hold: bool = False,
    ) -> LiveStep:
        """Close the session as it was looked at, with the changes of its price list until then.

        ``overrule_hold`` replaces a remembered hold of the same event, which is in the journal already;
        so this step is journalled under an event id of its own.
        """
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        session_id = str(session.session_id)
        answer = f"{decision_text(decision)};{session_id}"
        journalled = _overruling(event, LEFT_AFTER_ALL) if overrule_hold else event
        return LiveStep(
            "lf1_leave",
            (keys.event(event.event_id), keys.car(number), keys.inside, keys.left(number), keys.journal),
            (
                event.digest(), answer, self._keep_ms, event_text(journalled, received_at),
                session_id, session.version, event.captured_ms, number,
                max(policy.turn_back_within // MILLISECOND, self._keep_ms), int(overrule_hold),
                "" if session.prepaid_at is None else to_ms(session.prepaid_at),
                given_text(session.benefits),
                decision.amount_fen, changes_text(session.changes),
            ),
            partial(written, answer, Written(decision, session.session_id)),
        )  # fmt: skip

    def turn_back(
        self,
        event: GateEvent,
        *,
        decision: Decision,
        decision_if_no_passage: Decision,
        direction: Direction,
        policy: Policy,
        received_at: datetime,
    ) -> LiveStep:
        """Undo the car's last passage through a lane of this direction."""
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        return LiveStep(
            "lf1_turn_back",
            (keys.event(event.event_id), keys.car(number), keys.inside, keys.left(number), keys.journal),
            (
                event.digest(), decision_text(decision), decision_text(decision_if_no_passage),
                self._keep_ms, event_text(event, received_at),
                direction, event.captured_ms, policy.turn_back_within // MILLISECOND, number,
            ),
            read_back,
        )  # fmt: skip

    def take_back(
        self, event: GateEvent, session_id: SessionId, *, hold: Decision, received_at: datetime
    ) -> LiveStep:
        """Undo what an event did to a session whose gate stayed shut, because the answer never reached it.

        Its opening is in the journal already; so this step is journalled under an event id of its own.
        """
        keys = self._keys.of(event.garage_id)
        number = event.plate.number
        journalled = _overruling(event, HELD_AFTER_ALL)
        return LiveStep(
            "lf1_take_back",
            (
                keys.event(event.event_id), keys.car(number), keys.inside, keys.left(number), keys.journal,
                keys.issued,
            ),
            (
                event.digest(), event.kind, decision_text(hold), self._keep_ms,
                event_text(journalled, received_at), str(session_id), number,
            ),
            read_back,
        )  # fmt: skip

    def past(
        self, steps: Sequence[tuple[GateEvent, Decision, Step, Session]], *, received_at: datetime
    ) -> LiveStep:
        """Journal what became of a stay that is over, of which the live store knows nothing.

        The last event names the whole: that it was taken is remembered by it. :class:`Changed` where the
        car is inside for that stay.
        """
        words: list[str | int] = []
        for event, decision, step, session in steps:
            fields = session_fields(session)
            answer = f"{decision_text(decision)};{session.session_id}"
            words += [event_text(event, received_at), answer, step, len(fields), *fields]
        last, decision, _, session = steps[-1]
        keys = self._keys.of(last.garage_id)
        answer = f"{decision_text(decision)};{session.session_id}"
        return LiveStep(
            "lf1_past",
            (keys.event(last.event_id), keys.journal, keys.car(session.plate.number)),
            (last.digest(), answer, self._keep_ms, *words),
            partial(written, answer, Written(decision, session.session_id)),
        )

    def note(
        self,
        event: GateEvent,
        *,
        decision: Decision,
        session_id: SessionId | None,
        result: Result,
        received_at: datetime,
    ) -> LiveStep:
        """Record an event that changes no session."""
        keys = self._keys.of(event.garage_id)
        answer = f"{decision_text(decision)};{session_id or ''}"
        return LiveStep(
            "lf1_note",
            (keys.event(event.event_id), keys.journal),
            (event.digest(), answer, self._keep_ms, event_text(event, received_at), result),
            partial(written, answer, Written(decision, session_id)),
        )


def _overruling(event: GateEvent, how: str) -> GateEvent:
    """The event as a record of its own, beside the one of its first answer."""
    return replace(event, event_id=EventId(f"{event.event_id}{how}"))
