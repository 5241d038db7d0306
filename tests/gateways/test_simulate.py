"""``leave-first simulate`` against a gate process: cars pass, and what a cut line kept arrives as history."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from click.testing import CliRunner

from gateways.catalog_document import catalog_to_json
from gateways.devices.camera import Camera, Line
from gateways.devices.command import simulate_command
from gateways.devices.makers import MAKERS
from gateways.devices.ways import HttpWay
from gateways.embedded import scratch_data_dir
from gateways.failures import said_of
from parking.clock import SystemClock
from parking.decision import Reason
from parking.device import Channel, Device
from parking.errors import Unavailable
from parking.event import GateEvent, Kind
from parking.ids import EventId, GarageId, LaneId
from parking.live.sessions import Sessions
from parking.plate import Colour, parse_plate
from tests.gateways.gate_stage import (
    PARTITIONS,
    GateProcess,
    ValkeyProcess,
    catalog_of,
    gate_event,
    gate_process,
    now,
    read_journal,
    token,
    valkey_process,
)
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

PLATE = "浙A12345"
CAMERA = Device(
    protocol="vzenith",
    channels={"0": Channel(lane_id=LaneId("in-1")), "1": Channel(lane_id=LaneId("out-1"))},
    serial="cam-1",
)
AT_EXIT = Device(protocol="vzenith", channels={"0": Channel(lane_id=LaneId("out-1"))}, serial="cam-2")
QUICK = ("--cars", "3", "--every", "0", "--stay", "0.1", "--lanes", "2")
DONE_S = 60.0


@pytest.fixture
def gate() -> Iterator[tuple[GateProcess, ValkeyProcess]]:
    with scratch_data_dir() as folder, valkey_process(folder / "valkey") as valkey:
        catalog = catalog_of(revision=2)
        of_garage = catalog.controllers["c1"]
        cameras = {"cam": replace(of_garage, device=CAMERA), "at-exit": replace(of_garage, device=AT_EXIT)}
        catalog = replace(catalog, controllers={**catalog.controllers, **cameras})
        valkey.command("HSET", "lf:config", "revision", "2", "text", catalog_to_json(catalog).decode())
        with gate_process(valkey.url, folder, lane_deadline_ms=5_000) as process:
            yield process, valkey


def simulate(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-u", "-m", "gateways.cli", "simulate", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(*arguments: str) -> list[str]:
    """What it prints until it ends by itself."""
    process = simulate(*arguments)
    output, said = process.communicate(timeout=DONE_S)
    assert process.returncode == 0, said
    return output.splitlines()


def camera_address(gate: GateProcess, name: str = "cam") -> str:
    return f"http://127.0.0.1:{gate.port}/v1/devices/vzenith/{token(name)}"


async def test_cars_come_and_go_past_a_camera(gate: tuple[GateProcess, ValkeyProcess]) -> None:
    process, valkey = gate
    lines = done("vzenith", camera_address(process), "--serial", "cam-1", *QUICK)
    assert len(lines) == 6
    assert all("the barrier opens" in line for line in lines)
    records = await read_journal(valkey.url)
    seen = sorted((one.event.kind, one.decision.reason) for one in records)
    assert seen == [(Kind.ENTRY, Reason.ENTRY)] * 3 + [(Kind.EXIT, Reason.FREE)] * 3


async def test_what_it_kept_is_delivered_before_it_ends(gate: tuple[GateProcess, ValkeyProcess]) -> None:
    process, valkey = gate
    lines = done(
        "vzenith", camera_address(process), "--serial", "cam-1", "--cut", "0-1", "--resends", "0", *QUICK
    )
    assert len(lines) == 6
    assert all("kept" in line for line in lines)
    records = await read_journal(valkey.url)
    assert len(records) == 6
    assert {one.decision.reason for one in records} == {Reason.LATE}


async def test_a_driver_who_pays_at_the_barrier_is_let_out_by_the_next_question(
    gate: tuple[GateProcess, ValkeyProcess],
) -> None:
    process, valkey = gate
    entered = gate_event("came-early", plate=PLATE, at=now() - timedelta(minutes=170), offline=True)
    assert process.post(entered).status == 200
    address = camera_address(process, "at-exit")
    async with aiohttp.ClientSession(auto_decompress=False) as session, asyncio.TaskGroup() as tasks:
        way = HttpWay(session)
        camera = Camera(MAKERS["vzenith"], "cam-2", [address], way, SystemClock(), line=Line())
        polling = tasks.create_task(camera.poll(lambda _: None))
        seen = await camera.see(leaving(now()))
        assert seen.heard is not None
        assert (seen.heard.taken, camera.openings) == (True, 0)
        await pay(valkey.url)
        async with asyncio.timeout(DONE_S):
            await camera.barriers[1].until_opened(0)
        polling.cancel()
    reasons = [one.decision.reason for one in await read_journal(valkey.url)]
    assert reasons == [Reason.LATE, Reason.NO_GRANT, Reason.PREPAID]


def leaving(at: datetime) -> GateEvent:
    """A car at the exit, as its camera sees it."""
    return GateEvent(
        event_id=EventId("leaves"),
        garage_id=GarageId("G1"),
        lane_id=LaneId("out-1"),
        kind=Kind.EXIT,
        captured_at=at,
        plate=parse_plate(PLATE, Colour.BLUE),
        confidence=0.97,
    )


async def pay(url: str) -> None:
    """As settlement does when the driver has paid."""
    async with live_connection(url) as live:
        sessions = Sessions(live, partition_count=PARTITIONS)
        stay = (await sessions.find(GarageId("G1"), PLATE)).session
        assert stay is not None
        until = now() + timedelta(minutes=15)
        assert await sessions.prepay(stay, total_fen=2_400, paid_at=now(), until=until)


async def test_a_native_controller_is_answered_with_reasons(
    gate: tuple[GateProcess, ValkeyProcess], tmp_path: Path
) -> None:
    process, _ = gate
    secret = tmp_path / "token"
    secret.write_text(f"{token('c1')}\n")
    address, given = f"http://127.0.0.1:{process.port}", ("--token-file", str(secret), "--garage", "G1")
    for way in ("native-ws", "native-http"):
        lines = done(way, address, *given, *QUICK)
        assert sorted(line.split(": ")[1].split()[0] for line in lines) == ["entry"] * 3 + ["free"] * 3


def test_it_ends_when_it_is_told_to() -> None:
    process = simulate("vzenith", "http://127.0.0.1:9/nobody", "--cars", "100", "--every", "60")
    assert process.stdout is not None
    process.send_signal(signal.SIGINT) if process.stdout.readline() else None
    _, said = process.communicate(timeout=DONE_S)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_trouble_with_a_broker_is_not_said_where_cars_are(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("x\n")
    given = ("--token-file", str(secret), "--garage", "G1", "--controller", "c1")
    process = simulate("native-mqtt", "mqtt://127.0.0.1:9", *given)
    assert process.stderr is not None
    assert "mqtt_connection_lost" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=DONE_S)
    assert "mqtt" not in output


def test_what_ends_it_is_said_however_deep_it_was() -> None:
    unanswered = ExceptionGroup("of the cars", [Unavailable("event e1 has no answer")])
    assert said_of(ExceptionGroup("of all", [unanswered, OSError("away")])) == "event e1 has no answer; away"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("vzenith", "http://192.0.2.1/x"), "--anywhere"),
        (("vzenith", "http://127.0.0.1/x", "--listen", "0.0.0.0:1"), "--anywhere"),
        (("huaxia", "http://127.0.0.1/x"), "channels"),
        (("vzenith", "http://127.0.0.1/x", "http://127.0.0.1/y", "http://127.0.0.1/z"), "one for each lane"),
        (("hikvision", "http://127.0.0.1/x"), "password"),
        (("native-ws", "http://127.0.0.1"), "token"),
        (("vzenith", "http://127.0.0.1/x", "--cut", "5-1"), "FROM-UNTIL"),
        (("hikvision", "http://127.0.0.1/x", "--comet"), "asks for nothing"),
        (("vzenith", "http://127.0.0.1/x", "--listen", "nowhere"), "HOST:PORT"),
    ],
)
def test_what_cannot_be_simulated_is_said(arguments: tuple[str, ...], why: str) -> None:
    result = CliRunner().invoke(simulate_command, arguments)
    assert result.exit_code == 2
    assert why in result.output
