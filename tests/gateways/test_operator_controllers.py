"""Operators connect devices, see which are silent, and have a barrier opened for a reason."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from gateways.catalog_document import device_from_json
from parking.barrier import GateOutcome
from parking.device import Proof
from parking.ids import ControllerId
from parking.live.heard import Heard, note_heard
from parking.live.openings import FIRST_PLACE, claim, openings_after, tell_outcome
from tests.books.operating import GARAGE, NOON
from tests.gateways.operator_desk import Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH = f"/v1/garages/{GARAGE}/controllers"
OPEN = f"/v1/garages/{GARAGE}/lanes/in-1/open"
CAMERA: dict[str, Any] = {
    "controller_id": "cam-in-1",
    "device": {
        "protocol": "hikvision",
        "channels": {"1": {"lane_id": "in-1"}},
        "address": "http://192.0.2.1",
        "username": "admin",
        "password": "s3cret",
    },
}


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        yield opened


def camera(**device: object) -> dict[str, Any]:
    return {**CAMERA, "device": {**CAMERA["device"], **device}}


async def test_a_device_is_connected_and_its_secrets_are_shown_once(front: Front) -> None:
    made = await front.ask("POST", PATH, json=CAMERA, status=201)
    assert made["url"].endswith(f"/v1/devices/hikvision/{made['token']}")
    assert "HTTP listening" in made["instructions"]
    assert front.told.republished == 1
    (listed,) = (await front.ask("GET", "/v1/controllers", token=front.reader))["controllers"]
    assert (listed["controller_id"], listed["lane_ids"]) == ("cam-in-1", ["in-1"])
    assert (listed["device"]["protocol"], listed["device"]["channels"]) == ("hikvision", {"1": "in-1"})
    for secret in ("s3cret", made["token"], "sealed", "ha1"):
        assert secret not in str(listed)
    (record,) = [one for one in await front.operator.tokens.all() if one.device_text is not None]
    assert record.device_text is not None
    assert "s3cret" not in record.device_text
    assert device_from_json(record.device_text).sealed_password


async def test_how_a_device_proves_itself_is_what_its_protocol_can(front: Front) -> None:
    broker = {"protocol": "vzenith-mqtt", "channels": {"0": {"lane_id": "in-1"}}, "serial": "s-1"}
    made = await front.ask("POST", PATH, json={"controller_id": "m", "device": broker}, status=201)
    assert made["url"].startswith("mqtt://")
    digest = await front.ask("POST", PATH, json=camera(proof="digest") | {"controller_id": "d"}, status=201)
    assert digest["token_id"] in digest["instructions"]
    proofs = {
        one.controller_id: device_from_json(one.device_text).proof
        for one in await front.operator.tokens.all()
        if one.device_text is not None
    }
    assert proofs == {"m": Proof.BROKER, "d": Proof.DIGEST}


async def test_a_serial_number_on_a_broker_is_one_devices_until_its_token_ends(front: Front) -> None:
    broker = {"protocol": "vzenith-mqtt", "channels": {"0": {"lane_id": "in-1"}}, "serial": "s-1"}
    first = await front.ask("POST", PATH, json={"controller_id": "m", "device": broker}, status=201)
    again = {"controller_id": "n", "device": broker}
    await front.ask("POST", PATH, json=again, status=409)
    await front.ask("POST", PATH, json=again | {"device": broker | {"serial": "s-2"}}, status=201)
    # One that proves itself otherwise may say the same number: a camera is also configured anew.
    await front.ask("POST", PATH, json=camera(serial="s-1"), status=201)
    await front.ask("POST", PATH, json=camera(serial="s-1"), status=201)
    await front.operator.tokens.revoke(first["token_id"], NOON)
    await front.ask("POST", PATH, json=again, status=201)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (camera(protocol="unheard-of"), "protocol"),
        (camera(options={"no_such": "1"}), "options.no_such"),
        (camera(options={"intake": "pull"}, address=""), "address"),
        (camera(proof="broker", serial="s"), "proof"),
        (camera(proof="address"), "networks"),
        (camera(channels={}), "device.channels"),
        (camera(channels={"1": {"lane_id": "roof"}}), "lane_ids"),
        (camera(channels={"1": {"lane_id": "in-1", "forward": "both"}}), "forward"),
        (camera(networks=["everywhere"]), "networks"),
        (camera(board="64ff"), "board"),
        (camera(speaks=True), "speaks"),
        (camera(protocol="huaxia", board="unheard-of"), "board"),
        (camera(protocol="huaxia", speaks=True), "speaks"),
        (camera(address="file:///etc"), "device.address"),
        (camera(speed=1), "device.speed"),
    ],
    ids=str,
)
async def test_a_device_that_cannot_be_so_is_refused(front: Front, given: dict[str, Any], field: str) -> None:
    refused = await front.ask("POST", PATH, json=given, status=422)
    assert refused["fields"] == [field]
    assert (await front.ask("GET", "/v1/controllers"))["controllers"] == []


@pytest.mark.parametrize(
    "given",
    [
        camera(protocol="vzenith", board="64ff", speaks=True),
        camera(protocol="huaxia", board="aa55"),
        camera(protocol="vzenith-mqtt", board="64ff", serial="s-1"),
    ],
    ids=str,
)
async def test_a_board_or_a_voice_is_taken_where_it_is_reached(front: Front, given: dict[str, Any]) -> None:
    await front.ask("POST", PATH, json=given, status=201)


async def test_controllers_are_online_silent_or_unheard(front: Front) -> None:
    for name in ("a", "b", "c", "d", "e"):
        await front.ask("POST", PATH, json=CAMERA | {"controller_id": name}, status=201)
    ago = timedelta(seconds=200)
    heard = {
        (GARAGE, ControllerId("a")): Heard(at=NOON, heartbeat_at=NOON - ago),
        (GARAGE, ControllerId("b")): Heard(at=NOON - ago, skew_s=-7),
        (GARAGE, ControllerId("d")): Heard(at=NOON - ago / 4, gone_at=NOON - ago / 8),
        (GARAGE, ControllerId("e")): Heard(at=NOON - ago / 8, gone_at=NOON - ago / 4),
    }
    await note_heard(front.live, heard)
    await note_heard(front.live, {(GARAGE, ControllerId("a")): Heard(skew_s=3)})
    listed = {
        one["controller_id"]: (one["status"], one["clock_skew_s"], one["heartbeat_at"] is not None)
        for one in (await front.ask("GET", "/v1/controllers"))["controllers"]
    }
    assert listed == {
        "a": ("online", 3, True),
        "b": ("silent", -7, False),
        "c": ("unheard", None, False),
        "d": ("silent", None, False),
        "e": ("online", None, False),
    }
    for query, names in (
        ("status=silent", ["b", "d"]),
        ("status=silent&silent_after_s=300", ["d"]),
        (f"garage_id={GARAGE}&status=unheard", ["c"]),
        ("garage_id=another", []),
    ):
        found = (await front.ask("GET", f"/v1/controllers?{query}"))["controllers"]
        assert [one["controller_id"] for one in found] == names


async def test_an_attendant_has_a_barrier_opened_by_the_gate_that_can(front: Front) -> None:
    await front.ask("POST", PATH, json=CAMERA, status=201)
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(front.ask("POST", OPEN, json={"reason": "a fire engine"}))
        async with asyncio.timeout(20):
            while not (found := (await openings_after(front.live, FIRST_PLACE))[1]):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        (opening,) = found
        assert (opening.lane_id, opening.controller_id) == ("in-1", "cam-in-1")
        assert opening.reason == "attendant operator_full desk: a fire engine"
        assert await claim(front.live, opening.opening_id)
        await tell_outcome(front.live, opening.opening_id, GateOutcome.MOVED, "barrierGateStatus 2")
    told = asked.result()
    assert told["event_id"] == opening.opening_id
    assert (told["outcome"], told["said"]) == ("moved", "barrierGateStatus 2")


async def test_an_opening_that_no_gate_could_do_is_recorded(front: Front) -> None:
    await front.ask("POST", PATH, json=CAMERA, status=201)
    told = await front.ask("POST", OPEN, json={"reason": "a fire engine"})
    assert told["outcome"] == "unreachable"
    (record,) = (await front.ask("GET", f"/v1/garages/{GARAGE}/barrier-records"))["records"]
    assert (record["event_id"], record["outcome"]) == (told["event_id"], "unreachable")
    assert record["reason"].endswith("a fire engine")


async def test_who_may_open_and_which_controller(front: Front) -> None:
    await front.ask("POST", OPEN, json={"reason": "x"}, status=404)
    for name in ("a", "b"):
        await front.ask("POST", PATH, json=CAMERA | {"controller_id": name}, status=201)
    await front.ask("POST", OPEN, json={"reason": "x"}, token=front.reader, status=403)
    await front.ask("POST", OPEN, json={"reason": ""}, status=422)
    problem = await front.ask("POST", OPEN, json={"reason": "x"}, status=422)
    assert "a, b" in problem["detail"]
    await front.ask("POST", OPEN, json={"reason": "x", "controller_id": "c"}, status=404)
    await front.ask("POST", PATH, json=CAMERA, token=front.reader, status=403)
