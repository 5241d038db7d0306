"""Plays the tables in ``misreads/`` on a real Valkey and a real PostgreSQL, from the camera to the ledger.

After the arrow of each line stand four columns: the answer, the review list, the bills that stand, the
ledger.

* The list names the exits that ended no session: ``e2:open``, with the reason once it was looked at; or how
  it was settled, with the session: ``e2:fuzzy:e1``. Items about bills follow, by cause and session.
* A bill is ``e1:1600:late:paid``: its session, amount, reason and what became of its charge.
* The ledger shows each account that is not even, debits less credits: ``receivable=1600``.

The drivers of ``account`` lines leave first; whose plate it is decides who pays. ``collect`` has the rail
take, and give back, all that is due; ``match`` has the matcher look, ``reorder`` the reorderer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateways.catalog_document import policy_from_json
from gateways.matching import matcher_of, reorderer_of
from gateways.settings import Settings
from parking.benefits import NO_BENEFITS
from parking.desk import Desk
from parking.event import Candidate, GateEvent, Kind
from parking.grant import Grant, Granted, GrantReason
from parking.ids import AccountId, EventId, LaneId, session_id_of
from parking.plate import Colour, parse_plate
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.observe import SilentObserver
from settlement.outcomes import Answered, book_answers
from settlement.rail import Paid
from settlement.retry import STANDARD
from settlement.tariff_cache import TariffCache
from settlement.verify import Capture, verify
from tests.books.operating import GARAGE, garage_record, new_account
from tests.gateways.operator_desk import Front, item_path, open_front
from tests.scenarios.table import Scenario, Step, read_scenarios

if TYPE_CHECKING:
    import asyncpg

    from settlement.matcher import Matcher
    from settlement.reorderer import Reorderer

FOLDER = Path(__file__).parent / "misreads"
SCENARIOS = [(file.stem, one) for file in sorted(FOLDER.glob("*.txt")) for one in read_scenarios(file)]
KINDS = {"entry": Kind.ENTRY, "exit": Kind.EXIT, "turn-back": Kind.TURN_BACK}
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
RAIL = "simulator"
LIST = """
SELECT item_id, cause, details ->> 'session_id' AS session_id, state, resolution, note,
       finding ->> 'reason' AS reason
FROM quarantine
ORDER BY opened_at, item_id
"""
BILLS = """
SELECT bill.session_id, bill.amount_fen, bill.reason, coalesce(charge.state, 'free') AS state, bill.number
FROM bill
LEFT JOIN charge ON charge.bill_id = bill.bill_id AND charge.direction = 'collect'
WHERE bill.kind = 'bill' AND NOT EXISTS (SELECT FROM bill AS note WHERE note.credits_bill_id = bill.bill_id)
ORDER BY bill.entered_at
"""
LEDGER = """
SELECT split_part(account, ':', 1) AS account, sum(debit_fen - credit_fen)::bigint AS fen
FROM ledger_account GROUP BY 1 HAVING sum(debit_fen - credit_fen) <> 0 ORDER BY 1
"""


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=f"{file}: {one.title}") for file, one in SCENARIOS]
)
async def test_the_scenario_plays_as_written(postgres_dsn: str, valkey_url: str, scenario: Scenario) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        player = await a_player(front, scenario)
        played = [(step.line, *await player.play(step)) for step in scenario.steps]
        written = [(step.line, " ".join(step.answer), *_columns(step)) for step in scenario.steps]
        assert played == written
        assert await player.violations() == ()


def _columns(step: Step) -> list[str]:
    return [column.strip() for column in " ".join(step.journal).split("|")]


async def a_player(front: Front, scenario: Scenario) -> Player:
    policy = policy_from_json(json.dumps(scenario.policy))
    await front.operator.garages.put(garage_record(policy=policy), MIDNIGHT)
    parts = (Settings(), front.operator, front.pool, front.journal, SilentObserver())
    return Player(front, matcher_of(*parts), reorderer_of(*parts))


@dataclass
class Player:
    """Plays the steps of one scenario and says in the table's words what came of each."""

    front: Front
    matcher: Matcher
    reorderer: Reorderer
    events: int = 0
    names: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, AccountId] = field(default_factory=dict)
    captures: list[Capture] = field(default_factory=list)

    async def play(self, step: Step) -> tuple[str, str, str, str]:
        """The answer, and then the list, the bills and the ledger, as words."""
        self.front.clock.moment = moment(step.time)
        answer = await self._act(step)
        await self.front.settle()
        return answer, await self._list(), await self._bills(), await self._ledger()

    async def _act(self, step: Step) -> str:
        match step.act:
            case "account":
                return await self._open_account(step.plate)
            case "match":
                return str(await self.matcher.step())
            case "reorder":
                return str(await self.reorderer.step())
            case "collect":
                return str(await self._collect())
            case "confirm" | "dismiss":
                return await self._resolve(step, {"action": step.act})
            case "resolve":
                return await self._resolve(step, {"action": "match", "plate": step.plate})
            case "correct":
                return await self._correct(step)
            case _:
                return await self._gate(step)

    async def _open_account(self, plate: str) -> str:
        account = new_account(len(self.accounts) + 1, plate)
        await self.front.operator.accounts.open_one(account, MIDNIGHT)
        self.accounts[plate] = account.account_id
        return "opened"

    async def _gate(self, step: Step) -> str:
        self.events += 1
        name, options = f"e{self.events}", step.options
        event = GateEvent(
            event_id=EventId(name),
            garage_id=GARAGE,
            lane_id=LaneId(step.lane),
            kind=KINDS[step.act],
            captured_at=moment(options.get("at", step.time)),
            plate=parse_plate("" if step.plate == "none" else step.plate, options.get("colour", Colour.BLUE)),
            confidence=float(options.get("sure", "0.97")),
            candidates=tuple(
                Candidate(number=one, confidence=0.2) for one in options.get("or", "").split(",") if one
            ),
            offline="offline" in options,
        )
        self.names[str(session_id_of(GARAGE, event.event_id))] = name
        admitted = EventId(f"resolve:event:{GARAGE}/{name}")
        self.names[str(session_id_of(GARAGE, admitted))] = f"{name}'"
        garage = (await self.front.operator.garages.one(GARAGE)).garage
        assert garage is not None
        answer = await Desk(self.front.operator.sessions, self.front.clock).answer(event, garage)
        await self._grant(event)
        decision = answer.decision
        words = [decision.verdict.value, decision.reason.value]
        words += [f"fee={decision.amount_fen}"] if decision.amount_fen else []
        return " ".join(words)

    async def _grant(self, event: GateEvent) -> None:
        """As settlement would at the entry."""
        account_id = self.accounts.get(event.plate.number)
        found = await self.front.operator.sessions.find(GARAGE, event.plate.number)
        if found.session is None or account_id is None:
            return
        grant = Grant(
            allowed=True,
            limit_fen=100_000,
            reason=GrantReason.GOOD_STANDING,
            expires_at=MIDNIGHT + timedelta(days=30),
            account_id=account_id,
        )
        granted = Granted(session=found.session, grant=grant, benefits=NO_BENEFITS)
        await self.front.grants.give(granted)

    async def _collect(self) -> int:
        moved, charges, now = 0, self.front.operator.charges, self.front.clock.now()
        while attempts := await charges.claim(RAIL, now=now, claimed_max=9, lease=timedelta(minutes=1)):
            answers = []
            for one in attempts:
                fen = one.charge.amount_fen
                answers.append(
                    Answered(attempt=one, answer=Paid(rail_reference=one.key, amount_fen=fen, paid_at=now))
                )
                order = one.charge.bill_id.hex
                self.captures.append(
                    Capture(
                        direction=one.charge.direction, order_key=order, attempt_key=one.key, amount_fen=fen
                    )
                )
            await book_answers(answers, books=charges, schedule=STANDARD, now=now)
            moved += len(attempts)
        return moved

    async def _resolve(self, step: Step, body: dict[str, str]) -> str:
        """The item about an exit, or with ``bill=`` the one about a session's bill."""
        rows = await self.front.pool.fetch(LIST)
        (item_id,) = [
            row["item_id"]
            for row in rows
            if row["item_id"] == f"event:{GARAGE}/{step.options.get('of')}"
            or (
                row["cause"] == step.options.get("cause")
                and self._name(row["session_id"]) == step.options["bill"]
            )
        ]
        answered = await self.front.answer("POST", f"{item_path(item_id)}/resolve", json=body)
        return str(answered.status)

    async def _correct(self, step: Step) -> str:
        session_id = session_id_of(GARAGE, EventId(step.options["of"]))
        body: dict[str, object] = {"correction_id": step.options["key"], "reason": "seen on the picture"}
        if step.plate:
            body["plate"] = {"number": step.plate, "colour": "blue"}
        if "class" in step.options:
            body["vehicle_class"] = step.options["class"]
        for name in ("entered_at", "left_at"):
            if name in step.options:
                body[name] = moment(step.options[name]).isoformat()
        answered = await self.front.answer("POST", f"/v1/sessions/{session_id}/corrections", json=body)
        return str(answered.status)

    def _name(self, session_id: str | None) -> str:
        return self.names.get(session_id or "", "-")

    async def _list(self) -> str:
        return " ".join(map(self._item, await self.front.pool.fetch(LIST))) or "-"

    def _item(self, row: asyncpg.Record) -> str:
        note = (row["note"] or "").replace(";", "").split()
        words = [
            f"{row['cause']}/{self._name(row['session_id'])}"
            if row["session_id"]
            else row["item_id"].partition("/")[2],
            row["resolution"] or "open",
            *([row["reason"]] if row["state"] == "open" and row["reason"] else []),
            *([self._name(note[1])] if note[:1] == ["session"] else []),
        ]
        return ":".join(words)

    async def _bills(self) -> str:
        rows = await self.front.pool.fetch(BILLS)
        return (
            " ".join(
                f"{self._name(str(row['session_id']))}:{row['amount_fen']}:{row['reason']}:{row['state']}"
                for row in rows
            )
            or "-"
        )

    async def _ledger(self) -> str:
        return (
            " ".join(f"{row['account']}={row['fen']}" for row in await self.front.pool.fetch(LEDGER)) or "-"
        )

    async def violations(self) -> tuple[object, ...]:
        async def read() -> dict[str, list[Capture]]:
            return {RAIL: self.captures}

        tariffs = TariffCache(self.front.operator.garages.tariffs)
        found = await verify(PostgresVerifiableBooks(self.front.pool), tariffs, read)
        assert found.imbalance_fen == 0
        return found.violations


def moment(text: str) -> datetime:
    """``08:00``, or ``08:00:30``."""
    hours, minutes, seconds = ([*map(int, text.split(":")), 0])[:3]
    return MIDNIGHT + timedelta(hours=hours, minutes=minutes, seconds=seconds)
