"""Hikvision cameras that are called: alerts out of a stream without an end, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from typing_extensions import override

from gateways.gates.catalog_keeper import CatalogKeeper
from gateways.gates.forms import multipart_parts
from gateways.gates.hikvision.alert_streams import PATH, AlertStreams
from gateways.gates.hikvision.parts import ALERT_BYTES_MAX, PICTURE_BYTES_MAX, StreamParts
from gateways.metrics import GateMetrics
from parking.device import Channel
from parking.errors import InvalidInput
from parking.ids import LaneId
from parking.journal import Result
from tests.gateways.codec_check import REQUESTS
from tests.gateways.device_lane import lane
from tests.gateways.gate_stage import PARTITIONS, catalog_of
from tests.gateways.locking_device import PASSWORD, LockingDevice, a_device, calling
from tests.scenarios.stage import MIDNIGHT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from parking.device import Device
    from tests.gateways.device_lane import Lane

PATIENCE_S = 20.0
JPEG = b"\xff\xd8\xff\xe0 a car"
HEARTBEAT = b"<EventNotificationAlert><eventType>videoloss</eventType><eventState>inactive</eventState>"
HEARTBEAT += b"</EventNotificationAlert>"


def part(body: bytes, kind: str = "application/xml", *, name: str = "", measured: bool = True) -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if measured else ""
    named = f'Content-Disposition: form-data; name="{name}"\r\n' if name else ""
    return f"--boundary\r\nContent-Type: {kind}\r\n{named}{length}\r\n".encode() + body + b"\r\n"


def alert(number: str, uuid: str) -> bytes:
    return (
        f'<EventNotificationAlert xmlns="http://www.isapi.org/ver20/XMLSchema"><channelID>1</channelID>'
        f"<dateTime>{MIDNIGHT.isoformat()}</dateTime><eventType>ANPR</eventType><ANPR>"
        f"<licensePlate>{number}</licensePlate><confidenceLevel>97</confidenceLevel></ANPR>"
        f"<UUID>{uuid}</UUID></EventNotificationAlert>"
    ).encode()


@dataclass(slots=True)
class Streaming(LockingDevice):
    """A camera; ``streams`` are what it sends over one connection each, and then it waits or ends."""

    answers: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    streams: list[tuple[bytes, bool]] = field(default_factory=list)
    open: int = 0

    @override
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Content-Type": "multipart/mixed; boundary=boundary"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        data, ends = self.streams.pop(0) if self.streams else (b"", False)
        self.open += 1
        try:
            await response.write(data)
            while not ends:
                await asyncio.sleep(0.05)
                await response.write(b"\r\n")
        except ConnectionError:
            pass
        finally:
            self.open -= 1
        return response


def pulled(address: str, *, sealed: str = PASSWORD) -> Device:
    channels = {"1": Channel(lane_id=LaneId("in-1"))}
    device = a_device("hikvision", address, sealed=sealed)
    return replace(device, channels=channels, options={"intake": "pull"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulling:
    """Streams that are kept to one camera, whose configuration can be changed."""

    at: Lane
    catalog: CatalogKeeper

    def configure(self, *devices: Device) -> None:
        one = catalog_of().controllers["c1"]
        known = {f"c{number}": replace(one, device=device) for number, device in enumerate(devices)}
        self.catalog.current = replace(catalog_of(), controllers=known)

    async def booked(self, count: int) -> list[str]:
        """The plates that are booked, once there are so many."""
        async with asyncio.timeout(PATIENCE_S):
            while len(found := await self.at.stage.journal()) < count:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.02)
        assert {one.result for one in found} == {Result.APPLIED}
        return [one.event.plate.number for one in found]


@asynccontextmanager
async def pulling(valkey_url: str, folder: Path, camera: Streaming) -> AsyncIterator[tuple[Pulling, str]]:
    async with (
        lane(valkey_url, folder) as at,
        calling(camera, valkey_url) as (calls, address),
        asyncio.TaskGroup() as tasks,
    ):
        catalog = CatalogKeeper(at.stage.live, folder / "catalog.json", partition_count=PARTITIONS)
        metrics = GateMetrics(CollectorRegistry())
        streams = AlertStreams(catalog, calls, at.intake.take, lambda sealed: sealed, metrics)
        running = tasks.create_task(streams.run())
        yield Pulling(at=at, catalog=catalog), address
        running.cancel()


async def eventually(camera: Streaming, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while camera.open != count:  # noqa: ASYNC110 - another's state
            await asyncio.sleep(0.02)


async def test_alerts_are_taken_with_their_pictures_and_what_is_none_ends_nothing(
    valkey_url: str, tmp_path: Path
) -> None:
    sent = part(HEARTBEAT) + part(b"<not", measured=True) + part(b"{}", "application/json")
    sent += part(alert("浙A12345", "1")) + part(JPEG, "image/jpeg", name="detectionPicture.jpg")
    sent += part(alert("浙A12346", "2"), measured=False) + part(HEARTBEAT)
    async with pulling(valkey_url, tmp_path, Streaming(streams=[(sent, False)])) as (at, address):
        at.configure(pulled(address))
        assert await at.booked(2) == ["浙A12345", "浙A12346"]
        first, second = await at.at.stage.journal()
        assert first.event.image_reference
        assert not second.event.image_reference


async def test_a_stream_that_ends_is_begun_anew(valkey_url: str, tmp_path: Path) -> None:
    camera = Streaming(
        streams=[
            (part(alert("浙A12345", "1")), True),
            (b"--boundary" + b"x" * 10_000, False),
            (part(alert("浙A12345", "1")) + part(alert("浙A12346", "2")), False),
        ]
    )
    async with pulling(valkey_url, tmp_path, camera) as (at, address):
        at.configure(pulled(address))
        assert await at.booked(2) == ["浙A12345", "浙A12346"]
        assert camera.asked == [("GET", PATH)] * 3


async def test_a_car_that_was_told_of_is_not_lost_with_the_stream(valkey_url: str, tmp_path: Path) -> None:
    camera = Streaming(
        streams=[
            (part(alert("浙A12345", "1")), True),
            (part(alert("浙A12346", "2")) + b"--boundary" + b"x" * 10_000, False),
        ]
    )
    async with pulling(valkey_url, tmp_path, camera) as (at, address):
        at.configure(pulled(address))
        assert await at.booked(2) == ["浙A12345", "浙A12346"]


async def test_a_refused_password_is_not_tried_again_until_it_is_stored_anew(
    valkey_url: str, tmp_path: Path
) -> None:
    camera = Streaming(streams=[(part(alert("浙A12345", "1")), False)])
    async with pulling(valkey_url, tmp_path, camera) as (at, address):
        at.configure(pulled(address, sealed="wrong"))
        async with asyncio.timeout(PATIENCE_S):
            while not camera.wrong:  # noqa: ASYNC110 - another's state
                await asyncio.sleep(0.02)
        # Something else about it changes: the password is the refused one still.
        at.configure(replace(pulled(address, sealed="wrong"), paired=True))
        await asyncio.sleep(1.2)
        assert camera.wrong == 1
        at.configure(pulled(address))
        assert await at.booked(1) == ["浙A12345"]


async def test_a_device_that_is_taken_out_is_left(valkey_url: str, tmp_path: Path) -> None:
    camera = Streaming()
    async with pulling(valkey_url, tmp_path, camera) as (at, address):
        at.configure(pulled(address))
        await eventually(camera, 1)
        at.configure(replace(pulled(address), options={}))
        await eventually(camera, 0)


def chunks_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[begin:end] for begin, end in pairwise(places)]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_stream_has_the_parts_of_a_form_however_it_is_cut(data: st.DataObject) -> None:
    forms = [one.body for one in REQUESTS["hikvision"] if one.body.startswith(b"--boundary")]
    body = data.draw(st.sampled_from(forms))
    parts = StreamParts(data.draw(st.sampled_from(["boundary", "--boundary"])))
    found = [
        one
        for piece in chunks_of(body, data.draw(st.lists(st.integers(0, 5000), max_size=8)))
        for one in parts.feed(piece)
    ]
    whole = [one for one in multipart_parts(body, "boundary") if one.body.strip()]
    assert [one.body.strip() for one in found if one.body.strip()] == [one.body.strip() for one in whole]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"--boundary", b"\r\n\r\n", b"Content-Length: 3"])))
def test_a_stream_survives_what_it_is_sent(pieces: list[bytes]) -> None:
    parts = StreamParts("boundary")
    try:
        for piece in pieces:
            for one in parts.feed(piece):
                assert len(one.body) <= PICTURE_BYTES_MAX
    except InvalidInput:
        pass


def test_a_picture_that_does_not_say_how_long_it_is_ends_where_the_next_part_begins() -> None:
    picture, car = JPEG + bytes(2 * ALERT_BYTES_MAX), alert("浙A12345", "1")
    sent = part(car) + part(picture, "image/jpeg", measured=False) + part(car, measured=False)
    found = StreamParts("boundary").feed(sent + part(HEARTBEAT))
    assert [one.body.strip() for one in found] == [car, picture, car, HEARTBEAT]


def test_what_is_too_large_is_passed_over_in_flat_memory() -> None:
    parts = StreamParts("boundary")
    head = b"--boundary\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (PICTURE_BYTES_MAX + 1)
    found = parts.feed(head)
    for _ in range(PICTURE_BYTES_MAX // 65_536 + 1):
        found += parts.feed(bytes(65_536))
    assert [one.body for one in found] == [b""]
    assert [one.body for one in parts.feed(b"\r\n" + part(HEARTBEAT))] == [HEARTBEAT]
    found = parts.feed(b"--boundary\r\nContent-Type: image/jpeg\r\n\r\n")
    for _ in range(PICTURE_BYTES_MAX // 65_536 + 2):
        found += parts.feed(bytes(65_536))
    assert not found
    assert [one.body for one in parts.feed(b"\r\n" + part(HEARTBEAT))] == [b"", HEARTBEAT]
    parts.feed(b"--boundary\r\nContent-Type: application/xml\r\n\r\n")
    try:
        for _ in range(ALERT_BYTES_MAX // 65_536 + 2):
            parts.feed(b"x" * 65_536)
    except InvalidInput:
        return
    raise AssertionError("an alert without an end was kept")
