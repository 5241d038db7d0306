"""Plays the tables in ``gates/`` on a real Valkey and compares every answer and every journal record."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gateways.catalog_document import policy_from_json
from parking.benefits import Benefits
from parking.coupon import Coupon, CouponKind, Covered
from parking.debt import DebtNotice, Measure
from parking.decision import Decision, Reason, Verdict
from parking.errors import Conflict
from parking.event import Kind
from parking.grant import Grant, Granted, GrantReason
from parking.ids import AccountId, session_id_of
from parking.plate import Colour, parse_plate
from tests.scenarios.stage import GARAGE, MIDNIGHT, Stage, an_event, garage_of, stage
from tests.scenarios.table import Scenario, Step, read_scenarios
from tests.scenarios.tokens import is_token, showing, token_of

if TYPE_CHECKING:
    from parking.desk import Answer
    from parking.event import GateEvent
    from parking.ids import SessionId
    from parking.journal import Record
    from parking.session import Session

FOLDER = Path(__file__).parent / "gates"
SCENARIOS = [(file.stem, one) for file in sorted(FOLDER.glob("*.txt")) for one in read_scenarios(file)]
KINDS = {"entry": Kind.ENTRY, "exit": Kind.EXIT, "turn-back": Kind.TURN_BACK}
ACCOUNT = AccountId(UUID(int=1))


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=f"{file}: {one.title}") for file, one in SCENARIOS]
)
async def test_the_scenario_plays_as_written(valkey_url: str, scenario: Scenario) -> None:
    async with stage(valkey_url) as on:
        player = Player(on, scenario)
        played = [(step.line, *await player.play(step)) for step in scenario.steps]
    written = [(step.line, " ".join(step.answer), " ".join(step.journal)) for step in scenario.steps]
    assert played == written


def test_every_reason_of_the_closed_list_occurs_in_a_table() -> None:
    told = {word for _, one in SCENARIOS for step in one.steps for word in step.answer}
    assert {reason.value for reason in Reason} <= told


class Player:
    """Plays the steps of one scenario and says in the table's words what came of each."""

    def __init__(self, on: Stage, scenario: Scenario) -> None:
        self._on = on
        self._garage = garage_of(policy_from_json(json.dumps(scenario.policy)))
        self._events: dict[str, GateEvent] = {}
        self._names: dict[SessionId, str] = {}

    async def play(self, step: Step) -> tuple[str, str]:
        """The answer and the journal record of a step, as words."""
        self._on.clock.moment = moment(step.time)
        before, records = await self._on.dump(), len(await self._on.journal())
        answer = await self._act(step)
        added = (await self._on.journal())[records:]
        if added:
            return answer, " & ".join(self._record_words(one) for one in added)
        if step.act not in {"grant", "give", "prepay", "owes", "issue", "replace"}:
            assert await self._on.dump() == before, f"line {step.line}: something changed"
        return answer, "nothing"

    async def _act(self, step: Step) -> str:
        match step.act:
            case "grant":
                return await self._grant(step)
            case "give":
                return await self._give(step)
            case "prepay":
                return await self._prepay(step)
            case "owes":
                return await self._owes(step)
            case "issue":
                until, now = moment(step.options["until"]), moment(step.time)
                await self._on.sessions.issue_tokens(GARAGE, [token_of(step.plate)], now=now, until=until)
                return "issued"
            case "replace":
                done = await self._on.sessions.replace_token(await self._session(step), token_of(step.plate))
                return "replaced" if done else "gone"
            case "inside":
                return str(await self._on.sessions.occupancy(GARAGE))
            case _:
                return await self._gate(self._event(step), step)

    def _event(self, step: Step) -> GateEvent:
        if step.act == "again":
            event = self._events[step.options.get("of", f"e{len(self._events)}")]
            return replace(
                event,
                confidence=float(step.options.get("sure", event.confidence)),
                offline=event.offline or "offline" in step.options,
            )
        name = f"e{len(self._events) + 1}"
        event = an_event(
            name,
            KINDS[step.act],
            at=moment(step.options.get("at", step.time)),
            plate="" if step.plate == "none" or is_token(step.plate) else step.plate,
            lane=step.lane,
            confidence=float(step.options.get("sure", "0.97")),
        )
        event = replace(event, offline="offline" in step.options)
        event = showing(event, token_of(step.plate)) if is_token(step.plate) else event
        self._events[name] = event
        self._names[session_id_of(GARAGE, event.event_id)] = name
        return event

    async def _gate(self, event: GateEvent, step: Step) -> str:
        try:
            answer = await self._on.desk.answer(event, self._garage, given=_given(step))
        except Conflict:
            return "conflict"
        return self._answer_words(answer)

    async def _grant(self, step: Step) -> str:
        limit_fen = int(step.options["limit"])
        grant = Grant(
            allowed=limit_fen > 0,
            limit_fen=limit_fen,
            reason=GrantReason.GOOD_STANDING if limit_fen else GrantReason.DEBT,
            expires_at=moment(step.options.get("until", "30/00:00")),
            account_id=ACCOUNT,
        )
        return (
            "given"
            if await self._on.grants.give(Granted(session=await self._session(step), grant=grant))
            else "gone"
        )

    async def _owes(self, step: Step) -> str:
        """A notice for the entries, and for the car that is inside; without an amount, for neither."""
        owed_fen = int(step.options.get("owed", "0"))
        notice = DebtNotice(
            entry=Measure(step.options.get("entry", "ignore")),
            exit=Measure(step.options.get("exit", "ignore")),
            owed_fen=owed_fen,
            reference="DREFERENCE",
        )
        plate = parse_plate(step.plate, Colour.BLUE)
        await self._on.debtors.put(GARAGE, plate, notice if owed_fen else None)
        session = (await self._on.sessions.find(GARAGE, plate.number)).session
        if session is None:
            return "noted"
        grant = Grant(
            allowed=not owed_fen,
            limit_fen=0 if owed_fen else 5_000,
            reason=GrantReason.DEBT if owed_fen else GrantReason.GOOD_STANDING,
            expires_at=moment("30/00:00"),
            account_id=ACCOUNT,
        )
        await self._on.grants.give(Granted(session=session, grant=grant, debt=notice if owed_fen else None))
        return "told"

    async def _give(self, step: Step) -> str:
        """What settlement finds out about a car inside; without an option, nothing."""
        until = moment(step.options.get("until", "30/00:00"))
        covered = Covered(since=moment(step.options.get("from", "00:00")), until=until, name="monthly")
        minutes = int(step.options.get("minutes", "0"))
        coupon = Coupon(coupon_id="c1", kind=CouponKind.MINUTES, minutes=minutes) if minutes else None
        benefits = Benefits(
            covered=(covered,) if "pass" in step.options else (),
            coupons=(coupon,) if coupon else (),
            exempt=step.options.get("exempt", ""),
        )
        grant = Grant(
            allowed=False, limit_fen=0, reason=GrantReason.NOT_REGISTERED, expires_at=moment("30/00:00")
        )
        given = Granted(session=await self._session(step), grant=grant, benefits=benefits)
        return "told" if await self._on.grants.give(given) else "gone"

    async def _prepay(self, step: Step) -> str:
        paid_at = moment(step.time)
        known = await self._on.sessions.prepay(
            await self._session(step),
            total_fen=int(step.options["total"]),
            paid_at=paid_at,
            until=paid_at + self._garage.policy.prepaid_exit_within,
        )
        return "taken" if known else "gone"

    async def _session(self, step: Step) -> Session:
        """The session that the settlement side knows from the journal."""
        name = step.options["of"]
        for record in await self._on.journal():
            if record.event.event_id == name and record.session is not None:
                return record.session
        raise ValueError(f"line {step.line}: {name} opened no session")

    def _answer_words(self, answer: Answer) -> str:
        decision = answer.decision
        words = [decision.verdict.value, decision.reason.value]
        words += [f"fee={decision.amount_fen}"] if decision.amount_fen else []
        words += [f"paid={decision.prepaid_fen}"] if decision.prepaid_fen and decision.rest_fen else []
        words += [f"limit={decision.limit_fen}"] if decision.limit_fen else []
        words += [f"owed={decision.owed_fen}", decision.reference] if decision.owed_fen else []
        words += [f"session={self._names[answer.session_id]}"] if answer.session_id else []
        words += ["replayed"] if answer.replayed else []
        return " ".join(words)

    def _record_words(self, record: Record) -> str:
        words = [record.result.value, record.step.value if record.step else "-"]
        if record.session is not None:
            words += [f"v{record.session.version}"]
            words += ["account"] if record.session.account_id else []
        if record.superseded is not None:
            words += [f"superseded={self._names[record.superseded.session_id]}"]
        if record.resumed is not None:
            words += [f"resumed={self._names[record.resumed.session_id]}:v{record.resumed.version}"]
        _, aside, suffix = record.event.event_id.partition("#")
        words += [f"as={suffix}"] if aside else []
        return " ".join(words)


def moment(text: str) -> datetime:
    """``08:00``, ``08:00:30``, or ``2/08:00`` for two days later."""
    days, _, clock = text.rpartition("/")
    hours, minutes, seconds = ([*map(int, clock.split(":")), 0])[:3]
    return MIDNIGHT + timedelta(days=int(days or 0), hours=hours, minutes=minutes, seconds=seconds)


def _given(step: Step) -> Decision | None:
    """``given=open`` or ``given=hold``: the outage policy answered; ``given=late``: as history.

    ``given=signed limit=…``: as history, with a signed grant that held good; ``given=forged``: with another.
    """
    given = step.options.get("given")
    if given is None:
        return None
    if given == "late":
        return Decision(verdict=Verdict.HOLD, reason=Reason.LATE)
    if given == "signed":
        limit_fen = int(step.options["limit"])
        return Decision(verdict=Verdict.HOLD, reason=Reason.OFFLINE_GRANT, limit_fen=limit_fen)
    if given == "forged":
        return Decision(verdict=Verdict.HOLD, reason=Reason.GRANT_REFUSED)
    return Decision(verdict=Verdict(given), reason=Reason.OUTAGE_POLICY)
