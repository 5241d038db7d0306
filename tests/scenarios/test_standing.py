"""Plays the tables in ``standing/`` and ``benefits/`` on real stores: decision, bill and ledger.

Before the arrow a line says when, where, what and which car; after it the answer; after the bar the bills
that came of it and the balances of the ledger that moved, in fen. In the end every rule of ``verify`` holds.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gateways.policy_file import load_policy
from gateways.web.standing_wire import PassageWhyQuery
from gateways.web.why import Recorded
from parking.errors import Conflict
from parking.event import Kind
from parking.garage import Policy
from parking.ids import BillId, EventId, GarageId
from parking.plate import Colour, VehicleClass, parse_plate
from settlement.books.accounts import AccountState
from settlement.books.claims import DisputeEnd as BindingEnd
from settlement.books.corrections import BilledStay
from settlement.books.debts import DebtPayment, DisputeEnd
from settlement.books.migrate import owner_connection
from settlement.books.prepayments import Prepayment
from settlement.correction import Correction
from settlement.exemption import CarsInside, Exemption
from settlement.passes import Pass, WhenPlaceFrees
from tests.scenarios.stage import an_event
from tests.scenarios.table import Scenario, Step, read_scenarios
from tests.scenarios.test_gates import moment
from tests.scenarios.tokens import is_token, showing, token_of
from tests.scenarios.town import TARIFFS, Town, town

if TYPE_CHECKING:
    from parking.desk import Answer
    from parking.event import GateEvent
    from parking.ids import AccountId, SessionId

FOLDER = Path(__file__).parent / "standing"
FOLDERS = (FOLDER, Path(__file__).parent / "benefits")
SCENARIOS = [
    (file.stem, one)
    for folder in FOLDERS
    for file in sorted(folder.glob("*.txt"))
    for one in read_scenarios(file)
]
CONTEST = UUID(int=99)
GATES = {"entry": Kind.ENTRY, "exit": Kind.EXIT, "turn-back": Kind.TURN_BACK}


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=f"{file}: {one.title}") for file, one in SCENARIOS]
)
async def test_the_scenario_plays_as_written(postgres_dsn: str, valkey_url: str, scenario: Scenario) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        await on.policies.add(
            load_policy(FOLDER / scenario.policy.get("file", "../../../config/policy/standard.toml")),
            in_force_from=moment("00:00"),
            now=moment("00:00"),
        )
        player = Player(on)
        played = [(step.line, *await player.play(step)) for step in scenario.steps]
        violations = await on.violations()
    written = [(step.line, " ".join(step.answer), " ".join(step.journal)) for step in scenario.steps]
    assert played == written
    assert violations == []


class Player:
    """Plays the steps of one scenario and says in the table's words what came of each."""

    def __init__(self, on: Town) -> None:
        self._on = on
        self._accounts: dict[str, AccountId] = {}
        self._events: dict[str, GateEvent] = {}
        self._sessions: dict[str, SessionId] = {}
        self._reference = ""

    async def play(self, step: Step) -> tuple[str, str]:
        """The answer, and what the books say in addition."""
        on = self._on
        on.clock.moment = moment(step.time)
        bills, balances = await on.bills(), await on.balances()
        answer = await self._act(step)
        fresh = [words for bill_id, words in (await on.bills()).items() if bill_id not in bills]
        moved = [
            f"{account}={fen}"
            for account, fen in sorted((await on.balances()).items())
            if fen != balances.get(account, 0)
        ]
        return answer, " ".join([*fresh, *moved]) or "nothing"

    async def _act(self, step: Step) -> str:
        if step.act in {*GATES, "again"}:
            return self._words(await self._on.gate(self._event(step)))
        act = getattr(self, f"_{step.act}")
        said: str = await act(step)
        return said

    def _event(self, step: Step) -> GateEvent:
        if step.act == "again":
            event = self._events[step.options["of"]]
            kept = event.offline or "offline" in step.options
            return replace(event, offline=kept, grant_token=step.options.get("grant", ""))
        name = f"e{len(self._events) + 1}"
        garage, _, lane = step.lane.partition("/")
        plate = "" if is_token(step.plate) else step.plate
        event = an_event(
            name, GATES[step.act], at=moment(step.options.get("at", step.time)), plate=plate, lane=lane
        )
        event = showing(event, token_of(step.plate)) if is_token(step.plate) else event
        event = replace(
            event,
            garage_id=GarageId(garage),
            event_id=EventId(name),
            offline="offline" in step.options,
        )
        self._events[name] = event
        return event

    def _words(self, answer: Answer) -> str:
        decision = answer.decision
        if decision.reference:
            self._reference = decision.reference
        if answer.session_id is not None:
            self._sessions[answer.event_id] = answer.session_id
        words = [decision.verdict.value, decision.reason.value]
        words += [f"fee={decision.amount_fen}"] if decision.amount_fen else []
        words += [f"paid={decision.prepaid_fen}"] if decision.prepaid_fen and decision.rest_fen else []
        words += [f"limit={decision.limit_fen}"] if decision.limit_fen else []
        words += [f"owed={decision.owed_fen}"] if decision.owed_fen else []
        words += ["replayed"] if answer.replayed else []
        return " ".join(words)

    async def _register(self, step: Step) -> str:
        options = {f"{name}_fen": int(value) for name, value in step.options.items()}
        self._accounts[step.plate] = await self._on.register(step.plate, **options)
        return "registered"

    async def _issue(self, step: Step) -> str:
        """A lane gets a token that an entry may use."""
        on, garage_id = self._on, GarageId(step.lane.partition("/")[0])
        until = moment(step.options["until"])
        await on.sessions.issue_tokens(garage_id, [token_of(step.plate)], now=on.clock.now(), until=until)
        return "issued"

    async def _bind(self, step: Step) -> str:
        """A driver binds the token that he has."""
        account_id = self._accounts[step.options["to"]]
        await self._on.stay_tokens.bind(account_id, token_of(step.plate), self._on.clock.now())
        await self._on.regrant(account_id)
        return "bound"

    async def _replace(self, step: Step) -> str:
        """An attendant replaces the token that is lost."""
        on, garage_id, token = self._on, GarageId(step.lane.partition("/")[0]), token_of(step.plate)
        session = (await on.sessions.find(garage_id, token.plate.number)).session
        assert session is not None
        await on.stay_tokens.record_replacement(
            session.session_id, garage_id, token, by="Li", reason="white van", now=on.clock.now()
        )
        return "replaced" if await on.sessions.replace_token(session, token) else "gone"

    async def _account(self, step: Step) -> str:
        account_id = self._accounts[step.plate]
        await self._on.accounts.change(account_id, state=AccountState(step.options["state"]))
        await self._on.regrant(account_id)
        return "changed"

    async def _pass(self, step: Step) -> str:
        """A pass of the step's plate and those named ``with``, or of its account."""
        on, options = self._on, step.options
        number = step.plate.partition("/")[0]
        account_id = self._accounts[number] if "account" in options else None
        numbers = [] if account_id else [number, *options.get("with", "").split("+")]
        given = Pass(
            pass_id=options.get("id", "m1"),
            garage_id=GarageId(step.lane.partition("/")[0]),
            name=options.get("id", "m1"),
            account_id=account_id,
            plates=tuple(parse_plate(one, Colour.BLUE) for one in numbers if one),
            places=int(options.get("places", "1")),
            when_place_frees=WhenPlaceFrees(options.get("frees", "stays_visitor")),
            valid_from=moment(options.get("from", "00:00")),
            valid_until=moment(options.get("until", "30/00:00")),
        )
        lost = await on.passes.put(given, by="Li", now=on.clock.now())
        accounts = [account_id] if account_id else []
        await on.regrant(*accounts, unbound_numbers=[*lost, *(one.number for one in given.plates)])
        return "put"

    async def _exempt(self, step: Step) -> str:
        """An entry of a list: of the plate, or of a class."""
        on, options = self._on, step.options
        vehicle_class = VehicleClass(options["class"]) if "class" in options else None
        exemption = Exemption(
            exemption_id=options.get("id", "x1"),
            garage_id=None if "operator" in options else GarageId(step.lane.partition("/")[0]),
            operator_id=options.get("operator"),
            plate=None if vehicle_class else parse_plate(step.plate, Colour.BLUE),
            vehicle_class=vehicle_class,
            cause=options.get("cause", "fire-brigade"),
            cars_inside=CarsInside(options.get("inside", "next_entry")),
            valid_from=moment(options.get("from", "00:00")),
            valid_until=moment(options["until"]) if "until" in options else None,
            added_at=on.clock.now(),
        )
        await on.exemptions.add(exemption, by="Li")
        await on.regrant(unbound_numbers=[exemption.plate.number] if exemption.plate else [])
        return "listed"

    async def _unlist(self, step: Step) -> str:
        on = self._on
        number = await on.exemptions.end(step.options.get("id", "x1"), by="Li", now=on.clock.now())
        await on.regrant(unbound_numbers=[number] if number else [])
        return "ended"

    async def _unbind(self, step: Step) -> str:
        plate = parse_plate(step.plate, Colour.BLUE)
        await self._on.accounts.unbind(self._accounts[step.plate], plate, self._on.clock.now())
        await self._on.regrant(self._accounts[step.plate], unbound_numbers=[plate.number])
        return "unbound"

    async def _contest(self, step: Step) -> str:
        """Another account claims the plate."""
        on, plate = self._on, parse_plate(step.plate, Colour.BLUE)
        claimant = await on.register("浙C00001")
        owner = await on.claims.dispute(
            CONTEST, plate, claimant, note="bought it", by="Li", now=on.clock.now()
        )
        await on.regrant(owner)
        return "contested"

    async def _decide(self, step: Step) -> str:
        on, end = self._on, BindingEnd(step.options["end"])
        plate, *accounts = await on.claims.end_dispute(CONTEST, end, by="Li", now=on.clock.now())
        await on.regrant(*accounts, unbound_numbers=[plate.number])
        return end.value

    async def _prepay(self, step: Step) -> str:
        """Somebody pays inside; ``saw`` is what he saw paid before."""
        on, options = self._on, step.options
        garage_id, number = GarageId(step.lane.partition("/")[0]), parse_plate(step.plate, Colour.BLUE).number
        session = (await on.sessions.find(garage_id, number)).session
        assert session is not None
        payment = Prepayment(
            prepayment_id=options["id"],
            garage_id=garage_id,
            session_id=session.session_id,
            amount_fen=int(options["fen"]),
            method="scan",
            taken_by="test",
            paid_before_fen=int(options["saw"]) if "saw" in options else None,
        )
        try:
            paid = await on.prepayments.take(payment, on.clock.now())
        except Conflict as refused:
            return f"refused: {refused}"
        until = paid.total.last_at + Policy().prepaid_exit_within
        await on.sessions.prepay(
            session, total_fen=paid.total.amount_fen, paid_at=paid.total.last_at, until=until
        )
        return f"paid {paid.total.amount_fen} in all" + ("" if paid.fresh else ", taken before")

    async def _unused(self, step: Step) -> str:
        """What was paid and not used is put before a person; how many stays that are now."""
        now = self._on.clock.now()
        assert step.options == {}
        return str(
            await self._on.prepayments.report_all_unused(now, paid_from=moment("00:00"), over_until=now)
        )

    async def _granter(self, step: Step) -> str:
        """It goes away, or comes back and catches up."""
        self._on.granting = step.options["is"] == "back"
        await self._on.settle()
        return step.options["is"]

    async def _lookup(self, step: Step) -> str:
        """What was given to cars that have left without it is looked up."""
        assert step.options == {}
        return str(await self._on.late_giver.step())

    async def _wait(self, step: Step) -> str:
        assert step.options == {}
        await self._on.wait()
        return "seen"

    async def _rail(self, step: Step) -> str:
        paid = step.options["says"] == "paid"
        return f"{await self._on.ask_rail(paid=paid)} {step.options['says']}"

    async def _pay(self, step: Step) -> str:
        """The debtor pays what the last answer named, at a garage."""
        on = self._on
        payment = DebtPayment(
            payment_id=step.options.get("id", f"p{step.line}"),
            reference=self._reference,
            collected_at=GarageId(step.lane.partition("/")[0]),
            amount_fen=int(step.options["fen"]),
            method="cash",
            taken_by="test",
        )
        try:
            received = await on.debts.pay(payment, on.clock.now())
        except Conflict as refused:
            return f"refused: {refused}"
        owing = received.owing
        accounts = [] if owing.account_id is None else [owing.account_id]
        await on.regrant(*accounts, unbound_numbers=[owing.plate.number])
        return "paid" if received.fresh else "paid before"

    async def _collect(self, step: Step) -> str:
        """The debtor has what the last answer named sent to his rail."""
        try:
            await self._on.debts.send(self._reference, self._accounts[step.plate], self._on.clock.now())
        except Conflict as refused:
            return f"refused: {refused}"
        return "sent"

    async def _waive(self, step: Step) -> str:
        on, now, plate = self._on, self._on.clock.now(), parse_plate(step.plate, Colour.BLUE)
        garage_id = GarageId(step.lane.partition("/")[0])
        await on.debts.waive(
            garage_id, plate, by="Li", note="regular", now=now, until=moment(step.options["until"])
        )
        await on.regrant(unbound_numbers=[plate.number])
        return "let pass"

    async def _dispute(self, step: Step) -> str:
        disputed = await self._on.debts.dispute(
            await self._bill_of(step), by="Li", note="was not me", now=self._on.clock.now()
        )
        await self._on.regrant(
            *([disputed.account_id] if disputed.account_id else []), unbound_numbers=[disputed.number]
        )
        return "disputed"

    async def _settle(self, step: Step) -> str:
        """A person ends the dispute."""
        end = DisputeEnd(step.options["end"])
        disputed = await self._on.debts.end_dispute(
            await self._bill_of(step), end, by="Li", now=self._on.clock.now()
        )
        await self._on.regrant(
            *([disputed.account_id] if disputed.account_id else []), unbound_numbers=[disputed.number]
        )
        return end.value

    async def _correct(self, step: Step) -> str:
        """A person finds out which vehicle it was, or when it came or left."""
        on, options, session_id = self._on, step.options, self._sessions[step.options["of"]]
        view = await on.views.session(session_id)
        assert view is not None
        stay = BilledStay(
            garage_id=view.garage_id,
            entered_at=view.entered_at,
            session_id=session_id,
            exit_within=timedelta(minutes=15),
        )
        correction = Correction(
            correction_id=options.get("key", f"k{step.line}"),
            plate=parse_plate(step.plate, Colour.BLUE) if step.plate else None,
            vehicle_class=VehicleClass(options["class"]) if "class" in options else None,
            entered_at=moment(options["entered"]) if "entered" in options else None,
            left_at=moment(options["left"]) if "left" in options else None,
            reason="seen on the picture",
            corrected_by="Li",
        )
        made = await on.corrections.correct(stay, correction, TARIFFS, on.clock.now())
        owners = (one for one in (made.was_account_id, made.account_id) if one is not None)
        await on.regrant(*owners, unbound_numbers=made.free_for)
        return f"fee={made.amount_fen}"

    async def _why(self, step: Step) -> str:
        """Of the session of an event, or of an event or a plate that has none."""
        on, now = self._on, self._on.clock.now()
        recorded = Recorded(views=on.views, standings=on.standings, policies=on.policies)
        if step.options.get("of") in self._sessions:
            found = await recorded.session(self._sessions[step.options["of"]], now)
            assert {one.policy_version_id.partition("@")[0] for one in found.told} <= {"standard", "strict"}
            return found.answer
        asked = PassageWhyQuery(event_id=step.options.get("of"), plate=step.plate or None)
        passed = await recorded.passage(GarageId(step.lane), asked, now)
        owed = (
            [f"owed={passed.owed_fen} by {passed.policy_version_id}".partition("@")[0]]
            if passed.rules
            else []
        )
        return " ".join([passed.answer, *owed])

    async def _bill_of(self, step: Step) -> BillId:
        session_id = self._sessions[step.options["of"]]
        rows = await self._on.pool.fetch(
            "SELECT bill_id FROM bill WHERE session_id = $1 AND kind = 'bill'", session_id
        )
        return BillId(UUID(str(rows[0]["bill_id"])))


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("UPDATE debt_payment SET amount_fen = amount_fen + 1", "debts_are_collected"),
        ("DELETE FROM debt_payment", "debts_are_collected"),
        ("DELETE FROM ledger_entry WHERE kind = 'debt_collected_for'", "debts_are_collected"),
        ("UPDATE debt_payment SET collected_at = 'east'", "debts_are_collected"),
        (
            "UPDATE ledger_account SET credit_fen = credit_fen + 1 WHERE account LIKE 'due_to:%'",
            "control_between_garages",
        ),
        ("DELETE FROM ledger_account WHERE account LIKE 'due_from:%'", "control_between_garages"),
        (
            "UPDATE ledger_entry SET credit_account = 'due_to:west/far' WHERE kind = 'debt_collected_for'",
            "entries_between_right_accounts",
        ),
        (
            "UPDATE ledger_entry SET debit_account = 'gate_cash:east' WHERE kind = 'debt_collected'",
            "entries_between_right_accounts",
        ),
        ("UPDATE charge SET amount_fen = amount_fen + 1 WHERE state = 'collected'", "control_receivable"),
    ],
)
async def test_tampering_with_what_was_collected_for_another_garage_is_found(
    postgres_dsn: str, valkey_url: str, tampering: str, check: str
) -> None:
    (story,) = [one for _, one in SCENARIOS if "collected by west for east" in one.title]
    async with town(postgres_dsn, valkey_url) as on, owner_connection(postgres_dsn) as owner:
        player = Player(on)
        for step in story.steps:
            await player.play(step)
        assert await on.violations() == []
        assert await owner.execute(tampering) not in {"DELETE 0", "UPDATE 0"}
        assert check in {one.partition(":")[0] for one in await on.violations()}
