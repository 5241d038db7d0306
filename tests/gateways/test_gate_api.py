"""The native gate protocol over real HTTP: what is answered, what is refused, and how."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from gateways.embedded import scratch_data_dir
from tests.gateways.gate_stage import (
    Answered,
    GateProcess,
    ValkeyProcess,
    catalog_of,
    gate_event,
    gate_process,
    now,
    publish_catalog,
    read_journal,
    token,
    until,
    valkey_process,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = count(1)
DEFINITE = "definite"


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as server:
        yield server


@pytest.fixture(scope="module")
def gate(valkey: ValkeyProcess) -> Iterator[GateProcess]:
    # What is tested here is what is answered, not when.
    with gate_process(valkey.url, valkey.folder, lane_deadline_ms=5000) as process:
        yield process


def an_id() -> str:
    return f"event-{next(NUMBERS)}"


def a_plate() -> str:
    return f"浙B{next(NUMBERS):05}"


@contextmanager
def nothing_changes(valkey: ValkeyProcess) -> Iterator[None]:
    """No key, no journal entry more or less."""
    before = valkey.command("DEBUG", "DIGEST"), valkey.command("DBSIZE")
    yield
    assert (valkey.command("DEBUG", "DIGEST"), valkey.command("DBSIZE")) == before


def assert_problem(answer: Answered, status: int, *, outcome: str = DEFINITE) -> dict[str, Any]:
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json"), (
        answer.text
    )
    document: dict[str, Any] = answer.body
    assert (document["status"], document["outcome"]) == (status, outcome)
    return document


def test_an_entry_and_an_exit_are_answered_with_every_field(gate: GateProcess) -> None:
    entry, leaving, plate = an_id(), an_id(), a_plate()
    answer = gate.post(gate_event(entry, plate=plate)).body
    session_id = answer.pop("session_id")
    assert answer == {
        "event_id": entry,
        "decision": "open",
        "reason": "entry",
        "amount_fen": 0,
        "limit_fen": 0,
        "display": [plate, "欢迎光临"],
        "replayed": False,
    }
    left = gate.post(gate_event(leaving, "exit", plate=plate)).body
    assert (left["decision"], left["reason"], left["session_id"]) == ("open", "free", session_id)


def test_the_same_event_again_is_replayed_and_another_body_is_a_conflict(
    gate: GateProcess, valkey: ValkeyProcess
) -> None:
    event = gate_event(an_id(), plate=a_plate())
    first = gate.post(event).body
    with nothing_changes(valkey):
        assert gate.post(event).body == {**first, "replayed": True}
        respelt = {name: event[name] for name in reversed(event)}
        assert gate.post(respelt).body == {**first, "replayed": True}
        assert_problem(gate.post({**event, "confidence": 0.5}), 409)
        assert_problem(gate.post({**event, "plate": {"number": "浙C99999"}}), 409)
        kept = gate.post({**event, "offline": True}).body
        told = {"decision": "hold", "reason": "late", "replayed": True, "display": kept["display"]}
        assert kept == first | told


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "event_id missing": ({"event_id": None}, "event_id"),
    "event_id empty": ({"event_id": ""}, "event_id"),
    "event_id of 65": ({"event_id": "x" * 65}, "event_id"),
    "event_id with a space": ({"event_id": "secret value"}, "event_id"),
    "event_id with a line end": ({"event_id": "secret\n"}, "event_id"),
    "event_id with a mark of ours": ({"event_id": "secret#left"}, "event_id"),
    "event_id as a number": ({"event_id": 7654321}, "event_id"),
    "garage_id with a slash": ({"garage_id": "G1/secret"}, "garage_id"),
    "garage_id with a brace": ({"garage_id": "G1}secret"}, "garage_id"),
    "lane_id as a list": ({"lane_id": ["secret"]}, "lane_id"),
    "kind unknown": ({"kind": "secret"}, "kind"),
    "kind in capitals": ({"kind": "ENTRY"}, "kind"),
    "captured_at without offset": ({"captured_at": "2026-11-22T08:00:00"}, "captured_at"),
    "captured_at as a number": ({"captured_at": 1763800000}, "captured_at"),
    "captured_at as digits": ({"captured_at": "1763800000"}, "captured_at"),
    "captured_at as a date": ({"captured_at": "2026-11-22"}, "captured_at"),
    "captured_at at a leap second": ({"captured_at": "2016-12-31T23:59:60Z"}, "captured_at"),
    "captured_at a day off": ({"captured_at": "2026-11-22T08:00:00+24:00"}, "captured_at"),
    "captured_at before the year 1": ({"captured_at": "0001-01-01T00:00:00+23:59"}, "captured_at"),
    "captured_at after the year 9999": ({"captured_at": "9999-12-31T23:59:59-23:59"}, "captured_at"),
    "confidence above 1": ({"confidence": 1.0001}, "confidence"),
    "confidence below 0": ({"confidence": -1e-9}, "confidence"),
    "confidence huge": ({"confidence": 1e308}, "confidence"),
    "confidence as text": ({"confidence": "0.9"}, "confidence"),
    "confidence as a truth": ({"confidence": True}, "confidence"),
    "plate as text": ({"plate": "secret"}, "plate"),
    "plate without number": ({"plate": {"colour": "blue"}}, "plate.number"),
    "plate of 33": ({"plate": {"number": "secret" * 6}}, "plate.number"),
    "plate of 17 letters": ({"plate": {"number": "SECRETSECRETSECRE"}}, "plate.number"),
    "plate with NUL": ({"plate": {"number": "浙A\x0012345"}}, "plate.number"),
    "plate with a quote": ({"plate": {"number": "浙A'secret"}}, "plate.number"),
    "colour unknown": ({"plate": {"number": "浙A12345", "colour": "secret"}}, "plate.colour"),
    "plate with more": ({"plate": {"number": "浙A12345", "owner": "secret"}}, "plate.owner"),
    "candidates as an object": ({"candidates": {}}, "candidates"),
    "eleven candidates": ({"candidates": [{"number": "a", "confidence": 1}] * 11}, "candidates"),
    "candidate unsure of itself": (
        {"candidates": [{"number": "secret", "confidence": 2}]},
        "candidates.0.confidence",
    ),
    "offline as text": ({"offline": "secret"}, "offline"),
    "offline as a number": ({"offline": 1}, "offline"),
    "another field": ({"colour": "secret"}, "colour"),
    "the lane runs the other way": ({"kind": "exit"}, "lane_id"),
}


@pytest.mark.parametrize(("changed", "field"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(
    gate: GateProcess, valkey: ValkeyProcess, changed: dict[str, Any], field: str
) -> None:
    event = gate_event(an_id()) | changed
    sent = {name: value for name, value in event.items() if value is not None}
    with nothing_changes(valkey):
        answer = gate.post(sent)
    document = assert_problem(answer, 422)
    assert field in document["fields"]
    assert b"secret" not in answer.text.lower()
    assert b"7654321" not in answer.text


NO_JSON = {
    "nothing": b"",
    "half": b'{"event_id":',
    "a list": b"[]",
    "null": b"null",
    "a number": b"1",
    "two": b"{}{}",
    "invalid UTF-8": b'{"event_id":"\xff\xfe"}',
    "a lone surrogate": rb'{"event_id":"\ud800"}',
    "deep": b'{"plate":' * 100_00,
    "NUL": b"\x00" * 100,
    "compressed": b"\x1f\x8b\x08\x00" + b"\x00" * 40,
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_what_is_no_event_is_refused(gate: GateProcess, valkey: ValkeyProcess, body: bytes) -> None:
    with nothing_changes(valkey):
        answer = gate.post(body)
    assert answer.status in {413, 422}
    assert_problem(answer, answer.status)


def test_requests_that_name_nobody_are_refused(gate: GateProcess, valkey: ValkeyProcess) -> None:
    event = json.dumps(gate_event(an_id())).encode()
    json_type = {"Content-Type": "application/json"}
    with nothing_changes(valkey):
        for authorization in (
            None,
            "",
            "Bearer",
            "Bearer ",
            f"Basic {token('c1')}",
            "Bearer lf_c1_",
            "Bearer lf_c1_wrong",
            f"Bearer lf_nobody_{'s' * 43}",
            f"Bearer {token('c1')}x",
            f"Bearer {token('c1')[:-1]}",
            "Bearer lf_c1_\xff\xfe",
            f"Bearer {'lf_' * 1000}",
        ):
            headers = json_type | ({} if authorization is None else {"Authorization": authorization})
            answer = gate.request("POST", "/v1/gate-events", event, headers)
            assert_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert_problem(gate.request("POST", "/v1/gate-events/batch", event, headers), 401)


def test_a_token_speaks_for_its_own_garage_and_lanes_alone(gate: GateProcess, valkey: ValkeyProcess) -> None:
    with nothing_changes(valkey):
        assert_problem(gate.post(gate_event(an_id()), by="c2"), 403)
        assert_problem(gate.post(gate_event(an_id(), garage_id="G2")), 403)
        assert_problem(gate.post(gate_event(an_id(), garage_id="G3")), 403)
        assert_problem(gate.post(gate_event(an_id(), lane_id="in-9")), 403)
        assert_problem(gate.post(gate_event(an_id(), "exit"), by="in1"), 403)
    assert gate.post(gate_event(an_id(), plate=a_plate()), by="in1").status == 200


def test_a_token_of_a_fresh_revision_works_and_a_revoked_one_is_refused_without_a_restart(
    valkey: ValkeyProcess, gate: GateProcess
) -> None:
    catalog = catalog_of(revision=2)
    joined = replace(catalog, controllers={**catalog.controllers, "new": catalog.controllers["c1"]})
    asyncio.run(publish_catalog(valkey.url, joined))
    event = gate_event(an_id(), plate=a_plate())
    until(lambda: gate.post(event, by="new").status == 200, "the new token is known", 2)
    asyncio.run(publish_catalog(valkey.url, without(joined, "new")))
    until(lambda: gate.post(event, by="new").status == 401, "the token is revoked", 2)
    assert gate.post(event).body["replayed"] is True


def test_other_paths_methods_types_and_sizes_are_refused_as_problems(gate: GateProcess) -> None:
    event = gate_event(an_id())
    assert_problem(gate.post(event, path="/v1/gate-event"), 404)
    assert_problem(gate.post(event, path="/v1/gate-events/"), 404)
    refused = gate.request("GET", "/v1/gate-events", b"", {"Authorization": f"Bearer {token('c1')}"})
    assert_problem(refused, 405)
    assert refused.headers["Allow"] == "POST"
    for other in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "", "nonsense"):
        assert_problem(gate.post(event, content_type=other), 415)
    assert (
        gate.post(gate_event(an_id(), plate=a_plate()), content_type="application/json; charset=utf-8").status
        == 200
    )
    assert_problem(gate.post(b" " * (16 * 1024 + 1)), 413)
    assert_problem(gate.post(b" " * (1024 * 1024 + 1), path="/v1/gate-events/batch"), 413)


def test_offline_late_and_early_events_open_no_barrier(gate: GateProcess) -> None:
    plate = a_plate()
    for event, reason in (
        (gate_event(an_id(), plate=plate, offline=True), "late"),
        (gate_event(an_id(), "exit", plate=plate, at=now() - timedelta(minutes=1), offline=True), "late"),
        (gate_event(an_id(), plate=a_plate(), at=now() - timedelta(minutes=3)), "late"),
        (gate_event(an_id(), plate=a_plate(), at=now() - timedelta(days=3)), "too_late"),
        (gate_event(an_id(), plate=a_plate(), captured_at="0001-01-01T00:00:00Z"), "too_late"),
    ):
        answer = gate.post(event).body
        assert (answer["decision"], answer["reason"], answer["display"]) == ("hold", reason, [])
    ahead = gate.post(gate_event(an_id(), plate=a_plate(), captured_at="9999-12-31T23:59:59Z")).body
    assert (ahead["decision"], ahead["reason"]) == ("open", "clock")


def test_a_batch_answers_one_line_per_event_in_order(gate: GateProcess) -> None:
    plates = [a_plate() for _ in range(100)]
    lines = [gate_event(an_id(), plate=plate, offline=True) for plate in plates]
    lines += [gate_event(an_id(), "exit", plate=plate, offline=True) for plate in plates]
    for as_array in (False, True):
        answer = gate.post(lines, path="/v1/gate-events/batch") if as_array else gate.batch(lines)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
        told = [json.loads(line) for line in answer.text.split(b"\n")]
        assert [one["event_id"] for one in told] == [one["event_id"] for one in lines]
        assert {(one["decision"], one["reason"], one["replayed"]) for one in told} == {
            ("hold", "late", as_array)
        }
        assert [one["session_id"] for one in told[:100]] == [one["session_id"] for one in told[100:]]


def test_a_bad_line_fails_alone(gate: GateProcess) -> None:
    good = gate_event(an_id(), plate=a_plate())
    answer = gate.batch(
        [
            good,
            b"{",
            gate_event("not good"),
            gate_event(an_id(), garage_id="G2"),
            {**good, "confidence": 0.5},
            good,
            gate_event(an_id(), captured_at="0001-01-01T00:00:00+23:59"),
            gate_event(an_id(), plate=a_plate()),
        ]
    )
    told = [json.loads(line) for line in answer.text.split(b"\n")]
    assert answer.status == 200
    statuses = [one["problem"]["status"] if "problem" in one else one["reason"] for one in told]
    assert statuses == ["entry", 422, 422, 403, 409, "entry", 422, "entry"]
    assert [one["problem"]["outcome"] for one in told if "problem" in one] == [DEFINITE] * 5
    assert (told[0]["replayed"], told[5]["replayed"]) == (False, True)


def test_lines_cannot_smuggle_events(gate: GateProcess, valkey: ValkeyProcess) -> None:
    """Two events on one line, or one event over two lines, are bad lines."""
    first, second = (json.dumps(gate_event(an_id(), plate=a_plate())).encode() for _ in range(2))
    with nothing_changes(valkey):
        answer = gate.batch([first + b"," + second])
        assert [json.loads(line)["problem"]["status"] for line in answer.text.split(b"\n")] == [422]
        halves = first.split(b", ", 1)
        answer = gate.batch(halves)
        assert [json.loads(line)["problem"]["status"] for line in answer.text.split(b"\n")] == [422, 422]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"[]",
        b"[{]",
        b"[" * 100_000,
        b"[" * 960 + b"]" * 960,
        b"[" * 985 + b"]" * 985,
        b'[{"a":' * 400 + b"1" + b"}]" * 400,
        b"\n".join([b"{}"] * 1001),
        b"[" + b",".join([b"{}"] * 1001) + b"]",
        b"[1e999999,NaN,Infinity," + b"9" * 10_000 + b"]",
    ],
    ids=[
        "nothing",
        "blank",
        "no event",
        "broken",
        "deep",
        "960",
        "985",
        "nested",
        "1001 lines",
        "1001 items",
        "numbers",
    ],
)
def test_a_batch_that_is_none_is_refused(gate: GateProcess, valkey: ValkeyProcess, body: bytes) -> None:
    with nothing_changes(valkey):
        answer = gate.post(body, path="/v1/gate-events/batch")
    if answer.status == 200:  # a list of things that are no events: each fails alone
        assert all(json.loads(line)["problem"]["status"] == 422 for line in answer.text.split(b"\n"))
    else:
        assert assert_problem(answer, 422)["fields"] == ["body"]


def test_a_thousand_events_are_one_batch(gate: GateProcess, valkey: ValkeyProcess) -> None:
    lines = [gate_event(an_id(), plate=a_plate(), offline=True) for _ in range(1000)]
    answer = gate.batch(lines)
    assert answer.text.count(b'"reason":"late"') == 1000
    booked = [one.event.event_id for one in asyncio.run(read_journal(valkey.url))]
    assert [booked.count(line["event_id"]) for line in lines] == [1] * 1000


def test_many_at_once_get_the_same_answer_to_the_same_event(gate: GateProcess, valkey: ValkeyProcess) -> None:
    event = gate_event(an_id(), plate=a_plate())
    told: list[dict[str, Any]] = []

    def ask() -> None:
        own = GateProcess(process=gate.process, port=gate.port, metrics_port=gate.metrics_port)
        told.append(own.post(event).body)
        own.close()

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.pop("replayed") for one in told) == [False] + [True] * 15
    assert all(one == told[0] for one in told)
    assert sum(one.event.event_id == event["event_id"] for one in asyncio.run(read_journal(valkey.url))) == 1


def test_a_draining_process_answers_what_it_has_and_takes_no_more(valkey: ValkeyProcess) -> None:
    with scratch_data_dir() as folder, gate_process(valkey.url, folder) as gate:
        assert gate.post(gate_event(an_id(), plate=a_plate())).status == 200
        assert gate.stop() == 0
        assert (folder / "gate.log").read_bytes() == b""
