"""Why a car was stopped, or could leave, in words for whoever stands at the barrier at night.

The figures are those that were recorded when the decision was made; nothing is computed again, because what
counts is what was known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateways.web.operator_wire import PlateIn
from gateways.web.standing_wire import PassageOut, PassageWhyOut, RuleOut, ToldOut, WhyOut
from parking.decision import Reason
from parking.errors import InvalidInput, NotFound
from parking.grant import GrantReason
from parking.money import yuan
from parking.plate import Colour, parse_plate
from settlement.standing import Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gateways.web.standing_wire import PassageWhyQuery
    from parking.ids import GarageId, SessionId
    from settlement.books.policies import Policies
    from settlement.books.standings import LastPassage, Passage, Standings, Told
    from settlement.books.views import SessionView, Views

__all__ = ["Recorded", "why"]

RULES: Final[dict[str, str]] = {
    Rule.NOT_REGISTERED: "no account has bound this plate",
    Rule.ACCOUNT_SUSPENDED: "the account is suspended or closed",
    Rule.LEAVE_FIRST_OFF: "the holder has turned leave-first off",
    Rule.BINDING_DISPUTED: "somebody else claims this plate, and a person has not decided yet",
    Rule.BLOCKED: "on a block list: {cause}",
    Rule.NO_AGREEMENT: "no agreement with a payment rail is in force",
    Rule.DEBT: "{bills} overdue bill(s), {owed_yuan} yuan in all, the oldest {oldest_h} hours old",
    Rule.TOO_MANY_OPEN: "{bills} bills are open, and fewer than {allowed} may be",
    Rule.LOW_SCORE: "the credit score is {score}, and {needed} is needed",
    Rule.EXPOSURE: "{open_yuan} yuan are open, and the total limit is {total_limit_yuan} yuan",
    Rule.LIMIT_LOWERED: "{open_yuan} yuan are open, so {room_yuan} yuan are left of {limit_yuan} yuan",
    Rule.DISPUTED_LEFT_OUT: "{bills} disputed bill(s) of {disputed_yuan} yuan were not counted",
    Rule.RETURNING_DEBTOR: "owes {owed_yuan} yuan for {bills} overdue bill(s); from {from_yuan} yuan on the "
    "policy says: at an entry {entry}, at an exit {exit}",
    Rule.WAIVED: "an attendant has let the car pass in spite of its debts",
    Rule.VOUCHED: "{rail} vouches for up to {limit_yuan} yuan",
}
PASSAGES: Final[dict[str, str]] = {
    Reason.ENTRY: "came in",
    Reason.DUPLICATE_ENTRY: "was read twice at the entry",
    Reason.FREE: "left: nothing to pay",
    Reason.GRANTED: "left first, to pay {rest} yuan later: up to {limit} yuan were vouched for",
    Reason.EVERYONE: "left first, to pay {rest} yuan later: this garage lets everybody, up to {limit} yuan",
    Reason.EXEMPT: "left: nothing is due from this vehicle",
    Reason.PASS: "left: a pass covers the stay",
    Reason.COUPON: "left: coupons take off what there was to pay",
    Reason.PREPAID: "left: {amount} yuan had been paid inside",
    Reason.NO_GRANT: "was stopped: {rest} yuan to pay, and nobody vouched for it",
    Reason.OVER_LIMIT: "was stopped: {rest} yuan to pay, and only {limit} yuan may be left unpaid",
    Reason.DEBT: "was stopped: earlier debts have to be paid first",
    Reason.DEBT_ATTENDANT: "was stopped: earlier debts, and no attendant had let it pass",
    Reason.OFFLINE_GRANT: "left while the garage was cut off, on a signed grant that holds good",
    Reason.GRANT_REFUSED: "left while the garage was cut off, on no valid grant: a person looks at it",
    Reason.OUTAGE_POLICY: "passed by the garage's outage policy: the live store did not answer",
    Reason.LATE: "was reported afterwards",
    Reason.NO_ENTRY: "was never seen coming in",
    Reason.LOW_CONFIDENCE: "was not read surely enough to charge anybody",
    Reason.UNREADABLE: "had no plate that could be read",
    Reason.TOKEN_REFUSED: "was stopped: its token was not issued here, is used, replaced or expired",
    Reason.TURN_BACK: "went back the way it came",
    Reason.NO_PASSAGE: "was said to turn back, and there was nothing to undo",
    Reason.TOO_LATE: "was reported too late to be booked without a person",
    Reason.CLOCK: "was reported with a time that cannot be right by our clock",
}


async def why(session: SessionView, *, standings: Standings, policies: Policies, now: datetime) -> WhyOut:
    """All that was recorded about a session, in the order in which it happened."""
    told = await standings.told(session)
    passages = await standings.passages(session, now)
    names = {version: await _name(policies, version) for version in {one.policy_version_id for one in told}}
    said = [_passage(one, told) for one in passages]
    return WhyOut(
        session_id=session.session_id,
        garage_id=session.garage_id,
        plate=PlateIn(number=session.number, colour=Colour(session.colour)),
        entered_at=session.entered_at,
        left_at=session.left_at,
        answer=_answer(said, told),
        told=[_told(one, names[one.policy_version_id]) for one in told],
        passages=said,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Where what was recorded is found."""

    views: Views
    standings: Standings
    policies: Policies

    async def session(self, session_id: SessionId, now: datetime) -> WhyOut:
        """Of a session; raises :class:`NotFound`."""
        session = await self.views.session(session_id)
        if session is None:
            raise NotFound("there is no such session in the books")
        return await why(session, standings=self.standings, policies=self.policies, now=now)

    async def passage(self, garage_id: GarageId, asked: PassageWhyQuery, now: datetime) -> PassageWhyOut:
        """Of a passage, with what is told of its session; raises :class:`NotFound`, :class:`InvalidInput`."""
        if asked.event_id is None and asked.plate is None:
            raise InvalidInput("name an event, a plate, or both", ("event_id", "plate"))
        number = None if asked.plate is None else parse_plate(asked.plate, Colour.UNKNOWN).number
        passage = await self.standings.last_passage(
            garage_id, event_id=asked.event_id, number=number, at=asked.at or now
        )
        session = None
        if passage.session_id is not None:
            session = await self.session(passage.session_id, now)
        return await self._passage(garage_id, passage, session)

    async def _passage(
        self, garage_id: GarageId, passage: LastPassage, session: WhyOut | None
    ) -> PassageWhyOut:
        notice = await self.standings.entry_notice(passage, garage_id)
        rules = [] if notice is None else [_rule(one) for one in notice.rules]
        said = _passage(passage, ())
        return PassageWhyOut(
            garage_id=garage_id,
            plate=PlateIn(number=passage.number, colour=Colour(passage.colour)),
            answer=_answer_at_gate(said, rules) if session is None else session.answer,
            event_id=passage.event_id,
            passage=said,
            owed_fen=0 if notice is None else notice.owed_fen,
            reference=passage.debt_reference,
            policy_version_id=None if notice is None else notice.policy_version_id,
            policy=None if notice is None else await _name(self.policies, notice.policy_version_id),
            rules=rules,
            session=session,
        )


def _answer_at_gate(said: PassageOut, rules: Sequence[RuleOut]) -> str:
    if said.verdict == "open":
        return f"The car {said.words}."
    words = said.words if said.words.startswith("was stopped") else f"was stopped: it {said.words}"
    reasons = "; ".join(one.words for one in rules if one.stops)
    return f"The car {words}, because {reasons}." if reasons else f"The car {words}."


async def _name(policies: Policies, version_id: str) -> str:
    try:
        return (await policies.one(version_id)).name
    except NotFound:
        return version_id


def _answer(passages: Sequence[PassageOut], told: Sequence[Told]) -> str:
    """One sentence: the last thing that happened at a gate, and what it went by."""
    if not passages:
        return "No gate was asked about this car yet."
    last = passages[-1]
    basis = next((one for one in told if one.decided_at == last.told_at), None)
    reasons = [] if basis is None else [_words(rule) for rule in basis.rules if rule["stops"]]
    because = f", because {'; '.join(reasons)}" if reasons and last.verdict == "hold" else ""
    return f"The car {last.words}{because}."


def _told(one: Told, policy: str) -> ToldOut:
    words = f"may leave first, up to {yuan(one.limit_fen)} yuan" if one.allowed else "has to pay at the exit"
    if one.reason != GrantReason.GOOD_STANDING:
        words = f"{words}: {one.reason.replace('_', ' ')}"
    return ToldOut(
        decided_at=one.decided_at,
        allowed=one.allowed,
        limit_fen=one.limit_fen,
        reason=one.reason,
        account_id=one.account_id,
        expires_at=one.expires_at,
        policy_version_id=one.policy_version_id,
        policy=policy,
        rules=[_rule(rule) for rule in one.rules],
        debt=None if one.debt is None else dict(one.debt),
        words=words,
    )


def _passage(one: Passage, told: Sequence[Told]) -> PassageOut:
    basis = [decision.decided_at for decision in told if decision.decided_at <= one.received_at]
    words = PASSAGES.get(one.reason, one.reason.replace("_", " "))
    amounts = {"amount": one.amount_fen, "rest": one.amount_fen - one.prepaid_fen, "limit": one.limit_fen}
    return PassageOut(
        captured_at=one.captured_at,
        lane_id=one.lane_id,
        kind=one.kind,
        offline=one.offline,
        verdict=one.verdict,
        reason=one.reason,
        amount_fen=one.amount_fen,
        prepaid_fen=one.prepaid_fen,
        limit_fen=one.limit_fen,
        told_at=basis[-1] if basis and one.kind == "exit" else None,
        words=words.format(**{name: yuan(fen) for name, fen in amounts.items()}),
    )


def _rule(rule: Mapping[str, Any]) -> RuleOut:
    return RuleOut(rule=rule["rule"], stops=rule["stops"], figures=rule["figures"], words=_words(rule))


def _words(rule: Mapping[str, Any]) -> str:
    """A recorded rule in words; one of another version of the program by its name."""
    figures: Mapping[str, Any] = rule["figures"]
    amounts = {
        f"{name.removesuffix('_fen')}_yuan": yuan(figure)
        for name, figure in figures.items()
        if name.endswith("_fen")
    }
    try:
        return RULES[rule["rule"]].format(**figures, **amounts)
    except KeyError:
        return str(rule["rule"]).replace("_", " ")
