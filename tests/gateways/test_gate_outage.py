"""A gate process whose live store freezes, dies, forgets or refuses: lanes are answered, nothing is lost."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from gateways.embedded import scratch_data_dir
from parking.journal import Result
from parking.session import Step
from tests.gateways.gate_stage import (
    Answered,
    GateProcess,
    ValkeyProcess,
    gate_event,
    gate_process,
    now,
    read_journal,
    until,
    valkey_process,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parking.journal import Record

DEADLINE_S = 0.3
SLACK_S = 0.25
"""For the client and a busy machine."""


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as server:
        yield server


@pytest.fixture(scope="module")
def gate(valkey: ValkeyProcess) -> Iterator[GateProcess]:
    with gate_process(valkey.url, valkey.folder) as process:
        yield process
        assert b'"level": "error"' not in (valkey.folder / "gate.log").read_bytes()


@pytest.fixture
def event(request: pytest.FixtureRequest) -> Events:
    return Events(test=f"t{abs(hash(request.node.name)) % 10_000}", numbers=count(1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Messages of one test: ids and plates that no other test has."""

    test: str
    numbers: count[int]

    def __call__(
        self, kind: str = "entry", *, plate: str | None = None, at: datetime | None = None, **changed: object
    ) -> dict[str, Any]:
        number = next(self.numbers)
        known = gate_event(f"{self.test}-{number}", kind, at=at, plate=plate or f"{self.test}P{number}")
        return known | changed


def journal(valkey: ValkeyProcess, garage_id: str = "G1") -> dict[str, Record]:
    """By event id; fails when an event is there twice."""
    records = asyncio.run(read_journal(valkey.url, garage_id))
    twice = [name for name, times in Counter(one.event.event_id for one in records).items() if times > 1]
    assert twice == []
    return {one.event.event_id: one for one in records}


def effect(records: dict[str, Record], event: dict[str, Any]) -> tuple[Result, Step | None]:
    one = records[event["event_id"]]
    return one.result, one.step


def drained(gate: GateProcess) -> None:
    until(lambda: gate.spooled() == 0, "the spool is replayed", 15)


def assert_by_policy(answer: Answered, decision: str = "open", *, replayed: bool = False) -> None:
    body = answer.body
    assert (answer.status, body["decision"], body["reason"], body["replayed"]) == (
        200,
        decision,
        "outage_policy",
        replayed,
    )
    assert answer.seconds < DEADLINE_S + SLACK_S


ENTERED, LEFT = (Result.APPLIED, Step.ENTERED), (Result.APPLIED, Step.LEFT)
WITHOUT_EFFECT = (Result.APPLIED, None)


def test_a_frozen_store_is_waited_for_no_longer_than_the_deadline(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    first = event()
    assert gate.post(first).body["reason"] == "entry"
    valkey.signal(signal.SIGSTOP)
    entered, left = event(), event("exit", plate=first["plate"]["number"])
    assert_by_policy(gate.post(entered))
    assert_by_policy(gate.post(left))
    assert_by_policy(gate.post(entered), replayed=True)
    conflict = gate.post({**entered, "confidence": 0.5})
    assert (conflict.status, conflict.body["outcome"]) == (409, "definite")
    followed = event("exit", plate=entered["plate"]["number"])
    assert_by_policy(gate.post(followed))
    late = event(at=now() - timedelta(minutes=5))
    told = gate.post(late)
    assert (told.body["decision"], told.body["reason"]) == ("hold", "late")
    assert told.seconds < DEADLINE_S + SLACK_S
    back = event("turn_back")
    assert_by_policy(gate.post(back), "hold")
    assert gate.spooled() == 5
    valkey.signal(signal.SIGCONT)
    drained(gate)
    again = gate.post(entered).body
    assert (again["decision"], again["replayed"]) == ("open", True)
    assert gate.post({**entered, "confidence": 0.5}).status == 409
    records = journal(valkey)
    effects = [effect(records, one) for one in (entered, left, followed, late, back)]
    assert effects == [ENTERED, LEFT, LEFT, ENTERED, (Result.QUARANTINED, None)]


def test_the_same_event_at_the_same_time_in_an_outage_is_spooled_once(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    valkey.signal(signal.SIGSTOP)
    entered, answers = event(), list[Answered]()
    others = [
        GateProcess(process=gate.process, port=gate.port, metrics_port=gate.metrics_port) for _ in range(8)
    ]
    threads = [threading.Thread(target=lambda one=one: answers.append(one.post(entered))) for one in others]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    for other in others:
        other.close()
    assert gate.spooled() == 1
    valkey.signal(signal.SIGCONT)
    drained(gate)
    assert sorted(one.body["replayed"] for one in answers) == [False] + [True] * 7
    assert {one.body["decision"] for one in answers} == {"open"}
    assert effect(journal(valkey), entered) == ENTERED
    left = gate.post(event("exit", plate=entered["plate"]["number"])).body
    assert left["reason"] == "free"  # the plate is not thought to wait any more


def test_a_garage_may_hold_and_then_the_car_has_not_passed(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    held, came = (event(plate="浙G11111", garage_id="G2") for _ in range(2))
    valkey.kill()
    until(lambda: gate.ready()["checks"]["live_store"] != "ok", "the loss is noticed")
    assert_by_policy(gate.post(held, by="c2"), "hold")
    valkey.start()
    drained(gate)
    assert effect(journal(valkey, "G2"), held) == WITHOUT_EFFECT
    assert gate.post(came, by="c2").body["reason"] == "entry"


def test_a_hold_is_overruled_when_the_same_event_opened_the_barrier_in_an_outage(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    entered = event(at=now() - timedelta(hours=2), offline=True)
    assert gate.post(entered).status == 200
    left = event("exit", plate=entered["plate"]["number"])
    assert gate.post(left).body["reason"] == "no_grant"
    valkey.signal(signal.SIGSTOP)
    assert_by_policy(gate.post(left))
    valkey.signal(signal.SIGCONT)
    drained(gate)
    records = journal(valkey)
    assert effect(records, left) == WITHOUT_EFFECT
    assert effect(records, {"event_id": f"{left['event_id']}#left"}) == LEFT


def test_a_car_let_out_by_its_grant_after_a_hold_in_an_outage_has_left(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    entered = event(garage_id="G2", at=now() - timedelta(hours=2), offline=True)
    assert gate.post(entered, by="c2").status == 200
    left = event("exit", garage_id="G2", plate=entered["plate"]["number"])
    shown = left | {"offline": True, "grant": "forged.grant.token"}
    valkey.signal(signal.SIGSTOP)
    assert_by_policy(gate.post(left, by="c2"), "hold")
    early = gate.post(shown, by="c2")
    assert (early.status, early.body["outcome"]) == (503, "retryable")
    valkey.signal(signal.SIGCONT)
    drained(gate)
    assert gate.post(shown, by="c2").body["reason"] == "grant_refused"
    assert gate.post(shown, by="c2").body["replayed"] is True
    records = journal(valkey, "G2")
    assert effect(records, left) == WITHOUT_EFFECT
    assert effect(records, {"event_id": f"{left['event_id']}#left"}) == LEFT


def test_what_opened_in_an_outage_opens_nothing_when_it_is_reported_as_kept(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    entered = event()
    valkey.signal(signal.SIGSTOP)
    assert_by_policy(gate.post(entered))
    told = gate.post(entered | {"offline": True}).body
    assert (told["decision"], told["reason"], told["replayed"]) == ("hold", "late", True)
    valkey.signal(signal.SIGCONT)
    drained(gate)
    assert effect(journal(valkey), entered) == ENTERED


def test_a_store_killed_under_load_loses_and_doubles_nothing(
    gate: GateProcess, valkey: ValkeyProcess, event: Events
) -> None:
    answers: dict[str, Answered] = {}
    stop = threading.Event()

    def drive() -> None:
        own = GateProcess(process=gate.process, port=gate.port, metrics_port=gate.metrics_port)
        while not stop.is_set():
            sent = event()
            answers[sent["event_id"]] = own.post(sent)
        own.close()

    def flow(what: str) -> None:
        seen = len(answers)
        until(lambda: len(answers) > seen + 50, what)

    threads = [threading.Thread(target=drive) for _ in range(4)]
    for one in threads:
        one.start()
    try:
        for _ in range(3):
            flow("events flow")
            valkey.kill()
            flow("events flow without the store")
            valkey.start()
            until(lambda: gate.ready()["checks"]["live_store"] == "ok", "the store is found again")
    finally:
        stop.set()
        for one in threads:
            one.join()
    drained(gate)
    assert {one.status for one in answers.values()} == {200}
    assert {one.body["decision"] for one in answers.values()} == {"open"}
    assert {one.body["reason"] for one in answers.values()} == {"entry", "outage_policy"}
    records = journal(valkey)
    assert {effect(records, {"event_id": name}) for name in answers} == {ENTERED}


@pytest.mark.parametrize("fault", ["loses its functions", "is full", "becomes a replica", "forgets all"])
def test_lanes_are_answered_when_the_store(
    gate: GateProcess, valkey: ValkeyProcess, event: Events, fault: str
) -> None:
    broken, mended, reason = FAULTS[fault]
    assert valkey.command(*broken) == "+OK"
    events = [event() for _ in range(5)]
    for one in events:
        answer = gate.post(one)
        assert (answer.status, answer.body["decision"], answer.body["reason"]) == (200, "open", reason)
        assert answer.seconds < DEADLINE_S + SLACK_S
    assert valkey.command(*mended) in {"+OK", "+PONG"}
    drained(gate)
    records = journal(valkey)
    assert [effect(records, one) for one in events] == [ENTERED] * 5


FAULTS = {
    "loses its functions": (("FUNCTION", "FLUSH"), ("PING",), "entry"),
    "is full": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "outage_policy"),
    "becomes a replica": (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "outage_policy"),
    "forgets all": (("FLUSHALL",), ("PING",), "entry"),
}


def test_an_answer_is_on_disk_before_it_leaves_and_survives_kill_9_also_of_its_replay() -> None:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as valkey:
        events = [gate_event(f"e{number}", plate=f"浙A{number:05}") for number in range(300)]
        with gate_process(valkey.url, folder) as gate:
            valkey.kill()
            until(lambda: gate.ready()["checks"]["live_store"] != "ok", "the loss is noticed")
            for event in events:
                assert_by_policy(gate.post(event))
            gate.kill()
        valkey.start()
        with gate_process(valkey.url, folder, known=False) as gate:
            until(lambda: valkey.command("DBSIZE") != ":1", "the replay has begun", 20)
            gate.kill()
            assert 0 < cars_inside(valkey) < 300
        with gate_process(valkey.url, folder) as gate:
            drained(gate)
            assert gate.post(events[0]).body["replayed"] is True
        records = journal(valkey)
        assert [effect(records, one) for one in events] == [ENTERED] * 300
        assert cars_inside(valkey) == 300


def test_a_gate_without_its_store_starts_from_its_file_and_a_full_spool_is_busy() -> None:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as valkey:
        with gate_process(valkey.url, folder) as gate:
            assert gate.stop() == 0
        valkey.kill()
        with gate_process(valkey.url, folder, known=False, spool_events_max=3) as gate:
            checks = gate.ready()["checks"]
            assert checks["catalog"] == "ok"
            assert checks["live_store"] == "not connected: deciding by outage policy"
            assert gate.post(gate_event("e0"), by="nobody").status == 401
            events = [gate_event(f"e{number}", plate=f"浙A0000{number}") for number in range(5)]
            answers = [gate.post(one) for one in events]
            assert [one.status for one in answers] == [200, 200, 200, 503, 503]
            assert (answers[3].headers["Retry-After"], answers[3].body["outcome"]) == ("1", "retryable")
            assert_by_policy(gate.post(events[0]), replayed=True)
            valkey.start()
            drained(gate)
            until(lambda: gate.post(events[3]).body["reason"] == "entry", "the store decides again")
            assert set(journal(valkey)) == {"e0", "e1", "e2", "e3"}


def test_a_gate_that_never_had_a_catalog_knows_nobody_and_says_so() -> None:
    with scratch_data_dir() as folder, gate_process(f"unix://{folder}/no.sock", folder, known=False) as gate:
        assert gate.ready()["checks"]["catalog"] == "no catalog was ever received"
        assert gate.post(gate_event("e1")).status == 401


def cars_inside(valkey: ValkeyProcess) -> int:
    """Of the one garage that there is."""
    ring = valkey.command("KEYS", "*G1:i").split("\r\n")[-1]
    return int(valkey.command("ZCARD", ring).removeprefix(":"))
