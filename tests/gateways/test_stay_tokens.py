"""Cars without a plate at a real gate: a lane draws a token, its driver comes and goes by it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from parking.ids import EventId
from parking.stay_token import read_token
from tests.gateways.gate_stage import (
    Answered,
    GateProcess,
    catalog_of,
    gate_event,
    gate_process,
    publish_catalog,
    read_journal,
)

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1/garages/G1/stay-tokens"


def by_token(event_id: str, kind: str, shown: str, **more: str) -> dict[str, Any]:
    """What a lane reports of a car without a plate."""
    event = {**gate_event(event_id, kind, token=shown), **more}
    return {name: value for name, value in event.items() if name not in {"plate", "confidence"}}


def issued(gate: GateProcess, **wanted: int) -> list[str]:
    tokens: list[str] = gate.post(wanted, path=PATH).body["tokens"]
    return tokens


def refused(answer: Answered) -> tuple[int, list[str]]:
    return answer.status, answer.body.get("fields", [])


async def test_a_car_comes_and_goes_by_the_token_of_its_lane(valkey_url: str, tmp_path: Path) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with gate_process(valkey_url, tmp_path) as gate:
        [shown] = issued(gate)
        name = read_token(shown).plate.number
        came = gate.post(by_token("in1", "entry", shown, image_reference="in-1/0001.jpg")).body
        assert (came["decision"], came["reason"]) == ("open", "entry")
        assert came["display"] == [f"无牌车 {name[-4:]}", "欢迎光临"]
        again = gate.post(by_token("in2", "entry", shown)).body
        assert (again["decision"], again["reason"], again["session_id"]) == ("hold", "token_refused", None)
        left = gate.post(by_token("out1", "exit", shown)).body
        assert (left["decision"], left["session_id"]) == ("open", came["session_id"])
        stored = (tmp_path / "spool" / "0" / "spool.sqlite").read_bytes()
        logged = (tmp_path / "gate.log").read_bytes()
    records = {one.event.event_id: one for one in await read_journal(valkey_url)}
    entry = records[EventId("in1")].event
    assert (entry.plate.number, entry.token_digest) == (name, read_token(shown).digest)
    assert entry.image_reference == "in-1/0001.jpg"
    secret = read_token(shown).secret.encode()
    assert secret not in stored + logged


async def test_a_batch_takes_tokens_too(valkey_url: str, tmp_path: Path) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with gate_process(valkey_url, tmp_path) as gate:
        one, two = issued(gate, count=2, valid_minutes=1440)
        events = [
            by_token("in1", "entry", one),
            by_token("in2", "entry", two),
            by_token("out1", "exit", one),
            by_token("out2", "exit", one),
        ]
        lines = [json.loads(line)["reason"] for line in gate.batch(events).text.splitlines()]
    assert lines == ["entry", "entry", "free", "token_refused"]


async def test_a_vehicle_is_named_in_one_way(valkey_url: str, tmp_path: Path) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with gate_process(valkey_url, tmp_path) as gate:
        [shown] = issued(gate)
        either = ["plate", "confidence", "token"]
        assert refused(gate.post(gate_event("e1", token=shown))) == (422, either)
        neither = {name: value for name, value in gate_event("e2").items() if name != "plate"}
        assert refused(gate.post(neither)) == (422, either)
        unsure = {name: value for name, value in gate_event("e3").items() if name != "confidence"}
        assert refused(gate.post(unsure)) == (422, either)
        assert refused(gate.post(by_token("e4", "entry", "LF1-0-0"))) == (422, ["token"])
        name = read_token(shown).plate.number
        assert refused(gate.post(gate_event("e5", plate=name))) == (422, ["plate", "token"])
        assert gate.post(gate_event("e6", image_reference="a\nb")).status == 422
        assert gate.post(gate_event("e7", image_reference="x" * 257)).status == 422
    assert await read_journal(valkey_url) == []


@pytest.mark.parametrize(
    "body", [{"count": 0}, {"count": 21}, {"valid_minutes": 1441}, {"more": 1}, [], b"{"]
)
async def test_what_is_no_wish_for_tokens_is_refused(valkey_url: str, tmp_path: Path, body: object) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with gate_process(valkey_url, tmp_path) as gate:
        assert gate.post(body, path=PATH).status == 422


async def test_only_a_controller_of_the_garage_gets_tokens_and_no_more_than_lanes_can_use(
    valkey_url: str, tmp_path: Path
) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with gate_process(valkey_url, tmp_path) as gate:
        assert gate.post({}, path=PATH, by="c2").status == 403
        assert gate.post({}, path=PATH, by="nobody").status == 401
        assert gate.request("GET", PATH, b"", {}).status == 405
        for _ in range(50):
            assert gate.post({"count": 20}, path=PATH).status == 200
        assert gate.post({}, path=PATH).status == 503
