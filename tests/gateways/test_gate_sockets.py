"""The native protocol over real WebSockets: answers by id, pushes, bounds, and how a connection ends."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateways.embedded import scratch_data_dir
from gateways.gates.native.socket import REFUSED_IN_A_ROW_MAX
from gateways.grant_signing import GrantSigner, make_key
from parking.barrier import GateOutcome
from parking.clock import SystemClock
from parking.device import Channel, Device
from parking.grant import Grant, Granted, GrantReason
from parking.ids import ControllerId, GarageId, LaneId
from parking.live.granting import LiveGrants
from parking.live.heard import heard_of
from parking.live.openings import Opening, open_and_wait
from parking.live.sessions import Sessions
from tests.gateways.gate_stage import (
    PARTITIONS,
    GateProcess,
    ValkeyProcess,
    catalog_of,
    gate_event,
    gate_process,
    now,
    publish_catalog,
    read_journal,
    token,
    valkey_process,
    without,
)
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiohttp import ClientWebSocketResponse

NUMBERS = count(1)
PATIENCE_S = 30.0
G1 = GarageId("G1")


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyProcess]:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as server:
        yield server


@pytest.fixture(scope="module")
def gate(valkey: ValkeyProcess) -> Iterator[GateProcess]:
    with gate_process(valkey.url, valkey.folder, lane_deadline_ms=5000) as process:
        yield process


def a_plate() -> str:
    return f"浙C{next(NUMBERS):05}"


def message(kind: str = "entry", **changed: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    number = next(NUMBERS)
    event = gate_event(f"ws-{number}", kind, **{"plate": a_plate(), **changed})
    return {"type": "event", "id": f"m{number}", **event}


@asynccontextmanager
async def a_socket(
    gate: GateProcess,
    by: str = "c1",
    **options: Any,  # noqa: ANN401 - of the client
) -> AsyncIterator[ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {token(by)}"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{gate.port}/v1/gates/ws", headers=headers, **options) as socket,
    ):
        yield socket


async def told(socket: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        document: dict[str, Any] = json.loads(await socket.receive_str())
    return document


async def closed(socket: ClientWebSocketResponse) -> tuple[int | None, str]:
    """The code and the reason with which the other side ends the connection."""
    async with asyncio.timeout(PATIENCE_S):
        last = await socket.receive()
        while last.type is aiohttp.WSMsgType.TEXT:
            last = await socket.receive()
    return socket.close_code, str(last.extra or "")


async def test_an_event_is_answered_as_over_http(gate: GateProcess) -> None:
    sent = message()
    async with a_socket(gate) as socket:
        await socket.send_json(sent)
        answer = await told(socket)
    again = gate.post({name: value for name, value in sent.items() if name not in {"type", "id"}}).body
    assert (answer.pop("type"), answer.pop("id"), answer.pop("replayed")) == ("answer", sent["id"], False)
    assert again.pop("replayed") is True
    assert answer == again


async def test_many_in_flight_are_answered_by_id_and_booked_once(
    gate: GateProcess, valkey: ValkeyProcess
) -> None:
    entries = [message() for _ in range(400)]
    exits = [message("exit", plate=one["plate"]["number"]) for one in entries]
    async with a_socket(gate) as socket:
        for one in entries + exits:
            await socket.send_json(one)
        answers = {answer["id"]: answer for answer in [await told(socket) for _ in entries + exits]}
    assert {answers[one["id"]]["reason"] for one in entries} == {"entry"}
    assert {answers[one["id"]]["reason"] for one in exits} == {"free"}
    booked = [one.event.event_id for one in await read_journal(valkey.url)]
    assert [booked.count(one["event_id"]) for one in entries + exits] == [1] * 800


async def test_unanswered_events_are_sent_again_after_a_lost_connection(gate: GateProcess) -> None:
    sent = [message() for _ in range(20)]
    async with a_socket(gate) as socket:
        for one in sent:
            await socket.send_json(one)
        first = await told(socket)
    async with a_socket(gate) as socket:
        for one in sent:
            await socket.send_json(one)
        answers = [await told(socket) for _ in sent]
    (again,) = [one for one in answers if one["id"] == first["id"]]
    assert again["session_id"] == first["session_id"]
    assert again["replayed"] is True
    assert {one["reason"] for one in answers} == {"entry"}


async def test_what_is_no_message_is_refused_alone(gate: GateProcess) -> None:
    good, conflict = message(), message()
    async with a_socket(gate) as socket:
        for text in (
            b"{", b"[]", b"\xff", b"1", b'{"type":"other","id":"a"}', b'{"type":"event","id":"b"}',
            json.dumps({**message(), "id": "no id", "lane_id": "in-1"}).encode(),
            json.dumps({**message(), "garage_id": "G2"}).encode(),
            json.dumps(good).encode(),
            json.dumps({**conflict, "event_id": good["event_id"]}).encode(),
        ):  # fmt: skip
            await socket.send_frame(text, aiohttp.WSMsgType.TEXT)
        answers = [await told(socket) for _ in range(10)]
    problems = [one["problem"]["status"] if "problem" in one else one["reason"] for one in answers]
    assert problems == [422] * 7 + [403, "entry", 409]
    assert [one["id"] for one in answers[:6]] == [None, None, None, None, "a", "b"]


async def test_an_id_that_cannot_be_told_is_left_out(gate: GateProcess) -> None:
    async with a_socket(gate) as socket:
        await socket.send_str(r'{"type": "event", "id": "\ud800"}')
        answer = await told(socket)
        assert (answer["type"], answer["id"], answer["problem"]["status"]) == ("problem", None, 422)


async def test_two_halves_of_a_message_are_no_message(gate: GateProcess, valkey: ValkeyProcess) -> None:
    sent = message()
    first, rest = json.dumps(sent).split(", ", 1)
    async with a_socket(gate) as socket:
        await socket.send_str(first)
        await socket.send_str(rest)
        assert [(await told(socket))["problem"]["status"] for _ in range(2)] == [422, 422]
    assert sent["event_id"] not in {one.event.event_id for one in await read_journal(valkey.url)}


async def test_only_a_controller_may_come(gate: GateProcess) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with a_socket(gate, by="nobody"):
            pass
    assert refused.value.status == 401


def test_a_request_that_is_no_websocket_is_refused(gate: GateProcess) -> None:
    headers = {"Authorization": f"Bearer {token('c1')}"}
    assert gate.request("GET", "/v1/gates/ws", b"", headers).status == 400
    assert gate.request("POST", "/v1/gates/ws", b"", headers).status == 405


async def test_hostile_sockets_are_ended_and_harm_nobody(gate: GateProcess) -> None:
    async with a_socket(gate) as large, a_socket(gate) as binary, a_socket(gate) as rubbish:
        await large.send_str("x" * 20_000)
        await binary.send_bytes(b"{}")
        # No more than that: what is sent to an end that has closed may take its word back.
        for _ in range(REFUSED_IN_A_ROW_MAX + 1):
            await rubbish.send_str("{")
        assert (await closed(large))[0] == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        assert (await closed(binary))[0] == aiohttp.WSCloseCode.UNSUPPORTED_DATA
        assert (await closed(rubbish))[0] == aiohttp.WSCloseCode.POLICY_VIOLATION
    assert gate.post(gate_event("beside", plate=a_plate())).status == 200


async def test_one_that_reads_nothing_delays_nobody(gate: GateProcess) -> None:
    async with a_socket(gate) as silent, a_socket(gate) as other:
        sent = json.dumps(message(plate="")).encode()
        for _ in range(2_000):
            await silent.send_frame(sent, aiohttp.WSMsgType.TEXT)
        await other.send_json(message())
        assert (await told(other))["reason"] == "entry"


async def test_a_controller_has_few_sockets(gate: GateProcess) -> None:
    opened = [a_socket(gate, by="in1") for _ in range(8)]
    sockets = [await one.__aenter__() for one in opened]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with a_socket(gate, by="in1"):
            pass
    assert refused.value.status == 503
    for one in opened:
        await one.__aexit__(None, None, None)
    assert all(one.closed for one in sockets)


async def hold(gate: GateProcess, socket: ClientWebSocketResponse) -> dict[str, Any]:
    """A car that came hours ago is held at the exit, because nobody has paid."""
    plate = a_plate()
    entered = gate_event(
        f"in-{plate.encode().hex()}", plate=plate, at=now() - timedelta(minutes=170), offline=True
    )
    assert gate.post(entered).status == 200
    held = message("exit", plate=plate)
    await socket.send_json(held)
    answer = await told(socket)
    assert (answer["decision"], answer["reason"], answer["amount_fen"]) == ("hold", "no_grant", 2_400)
    return held


async def prepay(url: str, number: str, fen: int) -> None:
    """As settlement does when a driver has paid."""
    async with live_connection(url) as live:
        sessions = Sessions(live, partition_count=PARTITIONS)
        session = (await sessions.find(G1, number)).session
        assert session is not None
        until = now() + timedelta(minutes=15)
        assert await sessions.prepay(session, total_fen=fen, paid_at=now(), until=until)


async def test_a_payment_releases_the_car_that_waits(gate: GateProcess, valkey: ValkeyProcess) -> None:
    async with a_socket(gate) as socket:
        held = await hold(gate, socket)
        await prepay(valkey.url, held["plate"]["number"], 2_400)
        push = await told(socket)
        assert (push["type"], push["event_id"], push["lane_id"]) == ("open", held["event_id"], "out-1")
        assert (push["reason"], push["amount_fen"]) == ("prepaid", 2_400)
        again = message("exit", plate=held["plate"]["number"])
        await socket.send_json(again)
        answer = await told(socket)
        assert (answer["decision"], answer["reason"]) == ("open", "prepaid")


async def test_a_payment_that_does_not_suffice_changes_the_display(
    gate: GateProcess, valkey: ValkeyProcess
) -> None:
    async with a_socket(gate) as socket:
        held = await hold(gate, socket)
        number = held["plate"]["number"]
        await grant(valkey.url, number, limit_fen=100)
        push = await told(socket)
        assert (push["type"], push["reason"], push["event_id"]) == ("display", "over_limit", held["event_id"])
        await grant(valkey.url, number, limit_fen=9_000)
        assert (await told(socket))["type"] == "open"


async def test_a_push_that_nobody_hears_is_not_missed(gate: GateProcess, valkey: ValkeyProcess) -> None:
    async with a_socket(gate) as socket:
        held = await hold(gate, socket)
    await prepay(valkey.url, held["plate"]["number"], 2_400)
    async with a_socket(gate) as socket:
        await socket.send_json(message("exit", plate=held["plate"]["number"]))
        answer = await told(socket)
    assert (answer["decision"], answer["reason"]) == ("open", "prepaid")


async def test_the_car_behind_takes_the_place_of_one_that_went_away(
    gate: GateProcess, valkey: ValkeyProcess
) -> None:
    async with a_socket(gate) as socket:
        held = await hold(gate, socket)
        behind = await hold(gate, socket)
        await prepay(valkey.url, held["plate"]["number"], 2_400)
        await prepay(valkey.url, behind["plate"]["number"], 2_400)
        assert (await told(socket))["event_id"] == behind["event_id"]


async def grant(url: str, number: str, *, limit_fen: int, signer: GrantSigner | None = None) -> None:
    """As settlement does."""
    async with live_connection(url) as live:
        session = (await Sessions(live, partition_count=PARTITIONS).find(G1, number)).session
        assert session is not None
        clock = SystemClock()
        given = Grant(
            allowed=True, limit_fen=limit_fen, reason=GrantReason.GOOD_STANDING,
            expires_at=now() + timedelta(hours=2),
        )  # fmt: skip
        sign = signer.sign if signer else None
        grants = LiveGrants(live, clock, partition_count=PARTITIONS, sign=sign)
        assert await grants.give(Granted(session=session, grant=given))


async def test_signed_grants_are_pushed_as_they_change(gate: GateProcess, valkey: ValkeyProcess) -> None:
    folder = valkey.folder / "keys"
    make_key(folder, now(), Ed25519PrivateKey.from_private_bytes(bytes(32)))
    signer = GrantSigner(folder, SystemClock())
    plates = [a_plate() for _ in range(2)]
    for number in plates:
        gate.post(gate_event(f"in-{number.encode().hex()}", plate=number))
    async with a_socket(gate) as socket:
        await socket.send_json({"type": "grants", "id": "g", "since": ""})
        for number in plates:
            await grant(valkey.url, number, limit_fen=5_000, signer=signer)
        given: set[str] = set()
        place = ""
        while len(given) < 2:
            push = await told(socket)
            assert push["type"] == "grants"
            given |= {one["plate_number"] for one in push["given"]}
            place = push["place"]
        assert given == set(plates)
    async with a_socket(gate) as socket:
        await socket.send_json({"type": "grants", "id": "g", "since": "1.1"})
        push = await told(socket)
        assert (push["whole"], push["place"]) == (True, place)


async def test_a_devices_token_opens_its_own_protocol_alone(valkey_url: str) -> None:
    catalog = catalog_of()
    device = Device(
        protocol="vzenith", channels={"0": Channel(lane_id=LaneId("in-1"))}, networks=("10.9.8.7",)
    )
    known = {**catalog.controllers, "cam": replace(catalog.controllers["in1"], device=device)}
    await publish_catalog(valkey_url, replace(catalog, controllers=known))
    with scratch_data_dir() as folder, gate_process(valkey_url, folder) as gate:
        assert gate.post(gate_event("of-a-camera"), by="cam").status == 401
        assert gate.batch([gate_event("of-a-camera")], authorization=f"Bearer {token('cam')}").status == 401
        assert gate.post({}, by="cam", path="/v1/garages/G1/stay-tokens").status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with a_socket(gate, by="cam"):
                pass
    assert await read_journal(valkey_url) == []


async def test_a_revoked_token_ends_its_sockets(valkey_url: str) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with scratch_data_dir() as folder, gate_process(valkey_url, folder) as gate:
        async with a_socket(gate) as socket, a_socket(gate, by="in1") as other:
            await socket.send_json(message())
            assert (await told(socket))["type"] == "answer"
            await publish_catalog(valkey_url, without(catalog_of(), "c1"))
            assert (await closed(socket))[0] == aiohttp.WSCloseCode.POLICY_VIOLATION
            await other.send_json(message())
            assert (await told(other))["reason"] == "entry"


async def test_a_draining_process_answers_what_it_has_and_says_goodbye(valkey_url: str) -> None:
    await publish_catalog(valkey_url, catalog_of())
    with scratch_data_dir() as folder, gate_process(valkey_url, folder, lane_deadline_ms=5000) as gate:
        async with a_socket(gate) as socket:
            sent = [message() for _ in range(50)]
            for one in sent:
                await socket.send_json(one)
            first = await told(socket)
            gate.process.send_signal(signal.SIGTERM)
            answers = [first] + [await told(socket) for _ in sent[1:]]
            assert {one["type"] for one in answers} == {"answer"}
            assert (await closed(socket))[0] == aiohttp.WSCloseCode.GOING_AWAY
        assert await asyncio.to_thread(gate.process.wait, PATIENCE_S) == 0
        assert (folder / "gate.log").read_bytes() == b""


async def test_without_the_live_store_a_burst_is_answered_by_policy() -> None:
    with (
        scratch_data_dir() as folder,
        valkey_process(folder / "valkey") as valkey,
        gate_process(valkey.url, valkey.folder) as gate,
    ):
        async with a_socket(gate) as socket:
            valkey.kill()
            for one in [message() for _ in range(20)]:
                await socket.send_json(one)
            answers = [await told(socket) for _ in range(20)]
        assert {(one["decision"], one["reason"]) for one in answers} == {("open", "outage_policy")}
        assert gate.spooled() == 20


def an_opening(opening_id: str) -> Opening:
    return Opening(
        opening_id=opening_id,
        garage_id=G1,
        lane_id=LaneId("out-1"),
        controller_id=ControllerId("of-G1"),
        reason="attendant desk: a fire engine",
        until=now() + timedelta(seconds=PATIENCE_S),
    )


async def test_an_attendants_command_is_heard_on_the_newest_connection(
    gate: GateProcess, valkey: ValkeyProcess
) -> None:
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(a_socket(gate)) for _ in range(6)]
        live = await stack.enter_async_context(live_connection(valkey.url))
        told_it = await open_and_wait(live, an_opening("attendant-2"), claimed_within_s=PATIENCE_S)
        assert told_it == (GateOutcome.TOLD, "")
        assert (await told(sockets[-1]))["command_id"] == "attendant-2"


async def test_an_attendants_command_is_heard_on_the_connection_that_is_kept(
    gate: GateProcess, valkey: ValkeyProcess
) -> None:
    owner = G1, ControllerId("of-G1")
    opening = an_opening("attendant-1")
    async with (
        a_socket(gate) as socket,
        live_connection(valkey.url) as live,
        asyncio.TaskGroup() as tasks,
    ):
        outcome = tasks.create_task(open_and_wait(live, opening, claimed_within_s=PATIENCE_S))
        command = await told(socket)
        assert (command["type"], command["command"], command["lane_id"]) == ("command", "open", "out-1")
        assert (command["command_id"], command["reason"]) == ("attendant-1", opening.reason)
        assert await outcome == (GateOutcome.TOLD, "")
        # A controller that keeps a connection is heard of, also when no car comes.
        async with asyncio.timeout(PATIENCE_S):
            while (heard := (await heard_of(live, [owner]))[owner]).at is None:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.05)
        assert now() - heard.at < timedelta(seconds=PATIENCE_S)
