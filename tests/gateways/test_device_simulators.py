"""Simulated devices: what they send is what our side reads, and what they do when nobody answers rightly."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateways.devices.barrier import Barrier
from gateways.devices.camera import Camera, Habits, Line
from gateways.devices.maker import Command, Maker, Record, Reply
from gateways.devices.makers import MAKERS
from gateways.devices.server import DeviceServer, obeying, serving
from gateways.devices.vzenith_mqtt import VzenithBrokerCamera, ordered
from gateways.devices.ways import HttpWay
from gateways.devices.white_list import WhiteList
from gateways.gate_wiring import PROTOCOLS
from gateways.gates.dahua.commands import DahuaCommands
from gateways.gates.hikvision.commands import HikvisionCommands
from gateways.gates.mqtt_protocol import Admitted, CommandReply, Order
from gateways.gates.protocol import Answered, DeviceRequest, Heartbeat, Read, Signals
from gateways.gates.vzenith.mqtt import VzenithMqtt
from parking.barrier import GateOutcome
from parking.device import Channel, Device, Proof
from parking.errors import NotAuthenticated
from parking.event import GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId
from parking.plate import UNREADABLE, Colour, parse_plate
from tests.gateways.locking_device import PASSWORD, a_device, calls_of_a_process

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateways.gates.commands import BarrierCommands
    from gateways.gates.device_calls import DeviceCalls
    from gateways.gates.protocol import GateProtocol
    from parking.clock import Clock

AT = datetime(2026, 3, 2, 8, 0, 0, 123_000, tzinfo=UTC)
BY_NAME = {one.name: one for one in PROTOCOLS}
ASKING = [one for one in MAKERS.values() if not one.by_broker]
ON_BROKER = Device(
    protocol="vzenith-mqtt",
    channels={"*": Channel(lane_id=LaneId("out-1"))},
    serial="cam-1",
    proof=Proof.BROKER,
)
PLATES = [
    parse_plate("浙A12345", Colour.BLUE),
    parse_plate("浙AD12345", Colour.GREEN),
    parse_plate("浙A0001学", Colour.YELLOW),
    parse_plate(UNREADABLE, Colour.UNKNOWN),
]
HASTY = Habits(resends=1, resend_pause_s=0, heartbeat_s=0.01, heartbeat_kept_s=0.01, heartbeat_lost_s=0.01)


class Standing:
    """A clock that stands."""

    def now(self) -> datetime:
        return AT


CLOCK: Clock = Standing()


def an_event(number: int = 1, kind: Kind = Kind.EXIT, **changed: Any) -> GateEvent:  # noqa: ANN401 - fields
    event = GateEvent(
        event_id=EventId(f"e{number}"),
        garage_id=GarageId("kerry"),
        lane_id=LaneId("out-1"),
        kind=kind,
        captured_at=AT + timedelta(seconds=number),
        plate=PLATES[0],
        confidence=0.97,
    )
    return replace(event, **changed)


def a_record(event: GateEvent, *, kept: bool = False) -> Record:
    return Record(serial="cam-1", mark=7, channel=1, event=event, kept=kept)


def asked(maker: Maker, event: GateEvent, *, kept: bool = False) -> DeviceRequest:
    """The request of a read, as it arrives."""
    push = maker.push(a_record(event, kept=kept))
    headers = {"content-type": push.content_type}
    return DeviceRequest(method="POST", path=push.path, query={}, headers=headers, body=push.body)


def configured(maker: Maker) -> Device:
    return Device(protocol=maker.name, channels={"*": Channel(lane_id=LaneId("out-1"))})


@pytest.mark.parametrize("plate", PLATES, ids=lambda plate: plate.number)
@pytest.mark.parametrize("maker", ASKING, ids=lambda maker: maker.name)
def test_our_side_reads_what_a_camera_says(maker: Maker, plate: Any) -> None:  # noqa: ANN401 - a plate
    event = maker.told(an_event(plate=plate))
    assert event is not None
    (read,) = BY_NAME[maker.name].parse(asked(maker, event), configured(maker))
    assert isinstance(read, Read)
    assert read.serial == "cam-1"
    assert read.captured_at.astimezone(UTC) == event.captured_at
    assert read.history is (False if maker.says_kept else None)
    assert read.turned_back is False
    readable = plate.readable
    assert read.number == (plate.number if readable else "")
    if readable:
        assert (read.colour, read.confidence) == (plate.colour, event.confidence)


@pytest.mark.parametrize("maker", ASKING, ids=lambda maker: maker.name)
def test_what_a_camera_kept_is_history_where_it_can_say_so(maker: Maker) -> None:
    (read,) = BY_NAME[maker.name].parse(asked(maker, an_event(), kept=True), configured(maker))
    assert isinstance(read, Read)
    assert read.history is (True if maker.says_kept else None)


@pytest.mark.parametrize("name", ["hikvision", "vzenith"])
def test_only_a_barrier_that_a_camera_has_opened_is_said_to_be_its_doing(name: str) -> None:
    maker = MAKERS[name]
    for opened in (False, True):
        push = maker.push(replace(a_record(an_event(offline=True), kept=True), opened=opened))
        headers = {"content-type": push.content_type}
        sent = DeviceRequest(method="POST", path=push.path, query={}, headers=headers, body=push.body)
        (read,) = BY_NAME[name].parse(sent, configured(maker))
        assert isinstance(read, Read)
        assert (read.history, read.opened) == (True, opened)


@pytest.mark.parametrize("maker", ASKING, ids=lambda maker: maker.name)
def test_a_car_that_turns_back_is_said_or_left_unsaid(maker: Maker) -> None:
    event = maker.told(an_event(kind=Kind.TURN_BACK))
    assert (event is not None) is maker.says_turn_back
    if event is not None:
        (read,) = BY_NAME[maker.name].parse(asked(maker, event), configured(maker))
        assert isinstance(read, Read)
        assert read.turned_back


@pytest.mark.parametrize("maker", ASKING, ids=lambda maker: maker.name)
def test_a_heartbeat_is_one(maker: Maker) -> None:
    push = maker.heartbeat("cam-1", AT)
    headers = {"content-type": push.content_type}
    request = DeviceRequest(method="POST", path=push.path, query={}, headers=headers, body=push.body)
    (beat,) = BY_NAME[maker.name].parse(request, configured(maker))
    assert isinstance(beat, Heartbeat)
    assert beat.serial == "cam-1"


def answered(maker: Maker, *, opens: bool, kept: bool = False) -> Reply:
    """What our side answers to a read."""
    protocol: GateProtocol = BY_NAME[maker.name]
    device, request = configured(maker), asked(maker, an_event(), kept=kept)
    (read,) = protocol.parse(request, device)
    signals = Signals(lines=("浙A12345",), speech="欢迎光临", frames=(b"\xaa\x55\x01",))
    reply = protocol.reply(request, [Answered(message=read, opens=opens, signals=signals)], device)
    headers = {name.lower(): value for name, value in reply.headers} | {
        "content-length": str(len(reply.body))
    }
    return Reply(status=reply.status, reason=reply.reason, headers=headers, body=reply.body)


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("maker", ASKING, ids=lambda maker: maker.name)
def test_our_answer_is_the_right_word(maker: Maker, *, opens: bool) -> None:
    heard = maker.heard(a_record(an_event()), answered(maker, opens=opens))
    assert heard.taken
    assert heard.opens is (opens and not maker.by_command)
    assert heard.frames == (() if maker.by_command else (b"\xaa\x55\x01",))
    kept = maker.heard(a_record(an_event(), kept=True), answered(maker, opens=False, kept=True))
    assert (kept.taken, kept.goes_on, kept.opens) == (True, True, False)


def changed_reply(maker: Maker, change: Callable[[Reply], Reply]) -> bool:
    return maker.heard(a_record(an_event()), change(answered(maker, opens=True))).taken


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("vzenith", lambda one: replace(one, body=one.body.replace(b"retransfer_stop", b"ok"))),
        ("vzenith", lambda one: replace(one, status=500)),
        ("vzenith", lambda one: replace(one, body=b"ok")),
        ("huaxia", lambda one: replace(one, headers={"transfer-encoding": "chunked"})),
        ("huaxia", lambda one: replace(one, headers=dict(one.headers) | {"content-encoding": "gzip"})),
        ("huaxia", lambda one: replace(one, body=one.body.replace(b'"error_num":0', b'"error_num":1'))),
        ("hikvision", lambda one: replace(one, reason="OK")),
        ("hikvision", lambda one: replace(one, body=b"ok")),
        ("dahua", lambda one: replace(one, body=b'{"result":true}')),
        ("dahua", lambda one: replace(one, body=b"")),
    ],
)
def test_any_other_word_has_it_sent_again(name: str, change: Callable[[Reply], Reply]) -> None:
    assert not changed_reply(MAKERS[name], change)


@pytest.mark.parametrize("plate", PLATES, ids=lambda plate: plate.number)
@pytest.mark.parametrize("kind", [Kind.EXIT, Kind.TURN_BACK])
def test_our_side_reads_what_a_camera_on_a_broker_says(kind: Kind, plate: Any) -> None:  # noqa: ANN401 - a plate
    camera = VzenithBrokerCamera()
    event = camera.told(an_event(kind=kind, plate=plate))
    push = camera.push(a_record(event))
    (read,) = VzenithMqtt().parse(f"device/cam-1/message/up/{push.path}", push.body, ON_BROKER)
    assert isinstance(read, Read)
    assert read.turned_back is (kind is Kind.TURN_BACK)
    assert (read.serial, read.captured_at.astimezone(UTC)) == ("cam-1", event.captured_at)
    assert read.number == (plate.number if plate.readable else "")


TWO_LANES = Device(
    protocol="vzenith",
    channels={"0": Channel(lane_id=LaneId("in-1")), "1": Channel(lane_id=LaneId("out-1"))},
)


@pytest.mark.parametrize("open_by", ["info", "ivs_ioctrl"])
@pytest.mark.parametrize(("number", "lane_id"), [(0, "in-1"), (1, "out-1")])
def test_a_camera_of_two_lanes_is_told_which_barrier(number: int, lane_id: str, open_by: str) -> None:
    device = replace(TWO_LANES, options={"open_by": open_by})
    for message in (
        Heartbeat(asks=True),
        Read(captured_at=AT, number="", colour=Colour.BLUE, confidence=1, identity="7", channel=str(number)),
    ):
        answer = Answered(message=message, opens=True, lane_id=LaneId(lane_id))
        request = DeviceRequest(method="POST", path="/", query={}, headers={}, body=b"")
        reply = BY_NAME["vzenith"].reply(request, [answer], device)
        told = Reply(status=reply.status, reason=reply.reason, headers={}, body=reply.body)
        assert MAKERS["vzenith"].bidden(told) == number + 1


def test_an_order_of_ours_opens_a_barrier_on_a_broker_and_is_answered() -> None:
    order = Order(command_id="17", at=AT)
    told = VzenithMqtt().opening(ON_BROKER, "0", order)
    done = ordered("cam-1", told.topic.rpartition("/")[2], told.payload)
    assert done.opens
    (heard,) = VzenithMqtt().parse(f"{told.topic}/reply", done.reply, ON_BROKER)
    assert heard == CommandReply(command_id="17", accepted=True, said="code 200")
    assert not ordered("cam-2", "gpio_out", told.payload).opens
    assert not ordered("cam-1", "serial_data", told.payload).opens
    assert not ordered("cam-1", "gpio_out", b"{").opens


@pytest.mark.parametrize("form", ["many", "single"])
def test_a_list_of_ours_is_the_cameras_and_is_confirmed(form: str) -> None:
    protocol, order = VzenithMqtt(), Order(command_id="17", at=AT)
    device = replace(ON_BROKER, options={"white_list": "granted", "white_list_form": form})
    numbers = ["浙A12345", "浙B00001"][: protocol.listed_at_once(device)]
    until = (AT + timedelta(hours=2)).replace(microsecond=0)
    cars = [Admitted(number=one, since=AT.replace(microsecond=0), until=until) for one in numbers]
    told = protocol.admitting(cars, device, order)
    done = ordered("cam-1", "white_list_operator", told.payload)
    assert done.puts == tuple((one.number, one.since, one.until) for one in cars)
    (heard,) = protocol.parse(f"{told.topic}/reply", done.reply, device)
    assert heard == CommandReply(command_id="17", accepted=True, said="code 200")
    gone = protocol.dismissing(numbers, device, order)
    assert ordered("cam-1", "white_list_operator", gone.payload).drops == tuple(numbers)
    assert not ordered("cam-2", "white_list_operator", told.payload).puts
    refused = ordered("cam-1", "white_list_operator", told.payload.replace(b"update_or_add", b"select"))
    (heard,) = protocol.parse(f"{told.topic}/reply", refused.reply, device)
    assert isinstance(heard, CommandReply)
    assert not heard.accepted


async def test_a_camera_that_is_cut_off_opens_for_who_is_on_its_list_and_says_so() -> None:
    server, line, listed = Server(), Line(up=False), WhiteList()
    listed.put(PLATES[0].number, AT, AT + timedelta(minutes=1))
    async with a_camera(server, line=line, white_list=listed) as camera:
        await camera.see(an_event(1))
        await camera.see(an_event(2, plate=PLATES[1]))
        await camera.see(an_event(90))
        listed.drop(PLATES[0].number)
        await camera.see(an_event(3))
        assert camera.openings == 1
        line.up = True
        await camera.deliver()
    assert [one["gioouts"][0]["ctrltype"] for one in server.got] == [2, 0, 0, 0]
    assert camera.openings == 1


@dataclass(slots=True)
class Server:
    """Takes reads of a Vzenith camera; ``deaf`` of them get another word than the right one."""

    deaf: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)
    beats: int = 0
    told: list[dict[str, Any]] = field(default_factory=list)
    """What the next questions are answered."""
    questions: int = 0
    before: Callable[[], None] = lambda: None

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.path.endswith("/heartbeat"):
            self.beats += 1
            return web.json_response({})
        if request.path.endswith("/comet"):
            self.questions += 1
            return web.json_response({"Response_AlarmInfoPlate": self.told.pop() if self.told else {}})
        read = json.loads(body)["AlarmInfoPlate"]["result"]["PlateResult"]
        self.got.append(read)
        self.before()
        if len(self.got) <= self.deaf:
            return web.json_response({"Response_AlarmInfoPlate": {"info": "ok"}})
        told: dict[str, Any] = {"info": "no" if read["isoffline"] else "ok", "content": "retransfer_stop"}
        if read["isoffline"]:
            told["ContinuePushOffline"] = {"plateid": read["plateid"], "continue": 1}
        return web.json_response({"Response_AlarmInfoPlate": told})

    def seen(self) -> list[tuple[int, int]]:
        """Number and offline mark of each read that came."""
        return [(one["plateid"], one["isoffline"]) for one in self.got]


@asynccontextmanager
async def a_camera(
    *servers: Server, line: Line | None = None, habits: Habits = HASTY, white_list: WhiteList | None = None
) -> AsyncIterator[Camera]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        addresses = []
        running = []
        for server in servers:
            app = web.Application()
            app.router.add_route("*", "/{rest:.*}", server.handle)
            running.append(TestServer(app, host="127.0.0.1"))
            await running[-1].start_server()
            addresses.append(str(running[-1].make_url("/x")))
        try:
            yield Camera(
                MAKERS["vzenith"],
                "cam-1",
                addresses,
                HttpWay(session),
                CLOCK,
                line=line or Line(),
                habits=habits,
                white_list=white_list,
            )
        finally:
            for one in running:
                await one.close()


async def test_a_read_is_sent_again_until_the_right_word() -> None:
    server = Server(deaf=1)
    async with a_camera(server) as camera:
        seen = await camera.see(an_event())
    assert seen.heard is not None
    assert server.seen() == [(1, 0), (1, 0)]
    assert (camera.openings, camera.kept) == (1, 0)


async def test_it_turns_to_its_backup_and_opens_by_that_answer() -> None:
    first, backup = Server(deaf=99), Server()
    async with a_camera(first, backup) as camera:
        await camera.see(an_event())
    assert (first.seen(), backup.seen()) == ([(1, 0)] * 2, [(1, 0)])
    assert camera.openings == 1


async def test_with_fan_out_every_server_gets_it_and_the_barrier_opens_once() -> None:
    servers = Server(), Server()
    async with a_camera(*servers, habits=replace(HASTY, fan_out=True)) as camera:
        await camera.see(an_event())
    assert [one.seen() for one in servers] == [[(1, 0)]] * 2
    assert camera.openings == 1


async def test_what_nobody_takes_is_kept_and_delivered_as_history() -> None:
    server, line = Server(), Line(up=False)
    async with a_camera(server, line=line) as camera:
        for number in range(3):
            assert (await camera.see(an_event(number))).heard is None
        assert (camera.kept, camera.openings, server.got) == (3, 0, [])
        line.up = True
        await camera.deliver()
    assert server.seen() == [(1, 1), (2, 1), (3, 1)]
    assert (camera.kept, camera.openings) == (0, 0)


async def test_the_oldest_gives_way_when_the_memory_is_full() -> None:
    server = Server()
    async with a_camera(server, habits=replace(HASTY, kept_max=2)) as camera:
        for number in range(4):
            camera.keep(an_event(number))
        await camera.deliver()
    assert server.seen() == [(3, 1), (4, 1)]
    assert camera.lost == 2


async def test_a_live_read_comes_first_and_the_kept_one_once_more() -> None:
    server = Server()
    async with a_camera(server) as camera, asyncio.TaskGroup() as tasks:
        camera.keep(an_event(1))

        def a_car_comes() -> None:
            if len(server.got) == 1:
                tasks.create_task(camera.see(an_event(2)))

        server.before = a_car_comes
        await camera.deliver()
    assert server.seen() == [(1, 1), (2, 0), (1, 1)]
    assert camera.openings == 1


@pytest.mark.parametrize(
    ("told", "opened"),
    [
        ({"info": "ok", "channelNum": 0}, [1]),
        ({"info": "no", "ivs_ioctrl": {"io": 1, "value": 2, "delay": 500}}, [2]),
        ({"info": "ok", "channelNum": 7}, []),
        ({"info": "no", "channelNum": 0}, []),
        ({}, []),
    ],
)
async def test_a_camera_that_asks_opens_by_the_answer(told: dict[str, Any], opened: list[int]) -> None:
    server, heard = Server(told=[told]), list[int]()
    async with a_camera(server) as camera, asyncio.TaskGroup() as tasks:
        camera.barriers = {1: Barrier(), 2: Barrier()}
        polling = tasks.create_task(camera.poll(heard.append))
        while server.questions < 3:  # noqa: ASYNC110 - a camera tells nobody
            await asyncio.sleep(0.005)
        polling.cancel()
    assert heard == opened
    assert [number for number, one in camera.barriers.items() if one.openings] == opened


async def test_a_camera_that_is_cut_off_asks_in_vain() -> None:
    server, line = Server(told=[{"info": "ok", "channelNum": 0}]), Line(up=False)
    async with a_camera(server, line=line) as camera, asyncio.TaskGroup() as tasks:
        polling = tasks.create_task(camera.poll(lambda _: None))
        await asyncio.sleep(0.05)
        assert (server.questions, camera.openings) == (0, 0)
        line.up = True
        async with asyncio.timeout(10):
            await camera.barriers[1].until_opened(0)
        polling.cancel()


async def test_it_delivers_by_itself_when_a_heartbeat_gets_through() -> None:
    server, line = Server(), Line(up=False)
    async with a_camera(server, line=line) as camera, asyncio.TaskGroup() as tasks:
        camera.keep(an_event())
        running = tasks.create_task(camera.run())
        line.up = True
        while camera.kept:  # noqa: ASYNC110 - a camera tells nobody
            await asyncio.sleep(0.005)
        running.cancel()
    assert server.seen() == [(1, 1)]


@pytest.mark.parametrize(
    ("name", "commands", "outcome"),
    [("hikvision", HikvisionCommands, GateOutcome.MOVED), ("dahua", DahuaCommands, GateOutcome.ACCEPTED)],
)
async def test_our_command_opens_its_barrier_and_a_second_wrong_password_locks_it(
    name: str, commands: Callable[[DeviceCalls], BarrierCommands], outcome: GateOutcome, valkey_url: str
) -> None:
    async with aiohttp.ClientSession() as session, calls_of_a_process(valkey_url) as calls:
        camera = Camera(MAKERS[name], "cam-1", (), HttpWay(session), CLOCK, line=Line())
        server = DeviceServer(username="admin", password=PASSWORD, answer=obeying(camera.commanded))
        async with serving(server) as address:
            device = a_device(name, address)
            assert (await commands(calls).open(device, "1", PASSWORD)).outcome is outcome
            assert camera.openings == 1
            for stored in ("sealed-2", "sealed-3"):
                with pytest.raises(NotAuthenticated):
                    await commands(calls).open(replace(device, sealed_password=stored), "1", "wrong")
            locked = await commands(calls).open(device, "1", PASSWORD)
    assert (locked.outcome, camera.openings) == (GateOutcome.REJECTED, 1)


async def test_a_locked_hikvision_barrier_takes_the_command_and_stays_shut(valkey_url: str) -> None:
    async with aiohttp.ClientSession() as session, calls_of_a_process(valkey_url) as calls:
        camera = Camera(MAKERS["hikvision"], "cam-1", (), HttpWay(session), CLOCK, line=Line())
        camera.barriers[1].locked = True
        server = DeviceServer(username="admin", password=PASSWORD, answer=obeying(camera.commanded))
        async with serving(server) as address:
            device = a_device("hikvision", address)
            result = await HikvisionCommands(calls).open(device, "1", PASSWORD)
    assert (result.outcome, camera.openings) == (GateOutcome.ACCEPTED, 0)


@pytest.mark.parametrize(
    ("name", "method", "path", "body"),
    [
        ("hikvision", "GET", "/ISAPI/Parking/channels/1/barrierGate", b""),
        ("hikvision", "PUT", "/ISAPI/Parking/channels/1/barrierGate", b"<BarrierGate/>"),
        ("hikvision", "PUT", "/ISAPI/Parking/channels/9/barrierGate", b"<ctrlMode>open</ctrlMode>"),
        ("dahua", "GET", "/cgi-bin/trafficSnap.cgi", b""),
        ("vzenith", "GET", "/", b""),
    ],
)
async def test_what_is_no_command_moves_nothing(name: str, method: str, path: str, body: bytes) -> None:
    async with aiohttp.ClientSession() as session:
        camera = Camera(MAKERS[name], "cam-1", (), HttpWay(session), CLOCK, line=Line())
        done = camera.commanded(Command(method=method, path=path, query={}, body=body))
    assert done.status in {400, 404}
    assert camera.openings == 0
