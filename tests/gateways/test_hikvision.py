"""Hikvision: what a read is worth, and what becomes of a command to its barrier."""

from __future__ import annotations

import pytest

from gateways.gates.hikvision.commands import HikvisionCommands
from gateways.gates.hikvision.protocol import message_from
from gateways.gates.protocol import Heading, Heartbeat, Read
from parking.barrier import GateOutcome
from parking.errors import NotAuthenticated
from parking.ids import LaneId
from parking.plate import Colour
from tests.gateways.locking_device import PASSWORD, LockingDevice, a_device, calling

GATE = "/ISAPI/Parking/channels/1/barrierGate"
TAKEN = "<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>"
DEVICE = a_device("hikvision", "http://192.0.2.1")


def a_read(anpr: str, *, at: str = "2026-03-02T08:00:00+08:00") -> Read:
    body = (
        '<EventNotificationAlert xmlns="http://www.isapi.org/ver20/XMLSchema">'
        f"<dateTime>{at}</dateTime><eventType>ANPR</eventType><ANPR>{anpr}</ANPR></EventNotificationAlert>"
    )
    message = message_from(body.encode(), (), DEVICE)
    assert isinstance(message, Read)
    return message


@pytest.mark.parametrize(
    ("level", "characters", "confidence"),
    [
        ("92", "99,99,99,61,99,99,99", 0.61),
        ("55", "99,99,99,99,99,99,99", 0.55),
        ("92", "", 0.92),
        ("", "90, 80", 0.8),
        ("", "", 0.0),
        ("250", "", 1.0),
        ("unknown", "x,,-1", 0.0),
    ],
)
def test_a_plate_is_no_surer_than_its_weakest_character(
    level: str, characters: str, confidence: float
) -> None:
    anpr = (
        f"<licensePlate>浙A12345</licensePlate><confidenceLevel>{level}</confidenceLevel>"
        f"<plateCharBelieve>{characters}</plateCharBelieve>"
    )
    assert a_read(anpr).confidence == confidence


def test_the_colour_before_the_number_is_its_colour() -> None:
    read = a_read("<licensePlate>绿浙AD12345</licensePlate><plateColor>unknown</plateColor>")
    assert (read.number, read.colour) == ("浙AD12345", Colour.GREEN)


def test_the_reading_before_a_correction_is_a_candidate() -> None:
    corrected = "<licensePlate>浙A12345</licensePlate><originalLicensePlate>浙A1234S</originalLicensePlate>"
    assert [one.number for one in a_read(corrected).candidates] == ["浙A1234S"]
    assert a_read(corrected.replace("4S", "45")).candidates == ()


def test_the_first_of_repeated_fields_counts() -> None:
    repeated = "<PlateInfoList><PlateInfo><licensePlate>unknown</licensePlate></PlateInfo></PlateInfoList>"
    assert a_read(f"<licensePlate>浙A12345</licensePlate>{repeated}").number == "浙A12345"
    assert a_read(repeated).number == ""


@pytest.mark.parametrize(
    ("data", "gate", "history", "opened"),
    [("0", "0", False, False), ("1", "0", True, True), ("1", "1", True, False), ("", "0", None, False)],
)
def test_only_a_kept_record_says_that_the_device_opened_by_itself(
    data: str, gate: str, *, history: bool | None, opened: bool
) -> None:
    read = a_read(
        f"<licensePlate>浙A12345</licensePlate><alarmDataType>{data}</alarmDataType>"
        f"<barrierGateCtrlType>{gate}</barrierGateCtrlType>"
    )
    assert (read.history, read.opened) == (history, opened)


def test_a_time_without_an_offset_is_the_devices_own() -> None:
    read = a_read(
        "<licensePlate>浙A12345</licensePlate><direction>reverse</direction>", at="2026-03-02T08:00:00"
    )
    assert read.captured_at.isoformat() == "2026-03-02T08:00:00+08:00"
    assert read.heading is Heading.REVERSE


def test_a_heartbeat_tells_the_devices_time() -> None:
    body = (
        b"<EventNotificationAlert><dateTime>2026-03-02T08:00:00+08:00</dateTime><eventType>videoloss</eventType>"
        b"<eventState>inactive</eventState></EventNotificationAlert>"
    )
    message = message_from(body, (), DEVICE)
    assert isinstance(message, Heartbeat)
    assert message.device_time is not None


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("2", GateOutcome.MOVED),
        ("1", GateOutcome.ACCEPTED),
        ("0", GateOutcome.ACCEPTED),
        (None, GateOutcome.ACCEPTED),
    ],
)
async def test_a_command_that_was_taken_is_not_a_barrier_that_moved(
    status: str | None, outcome: GateOutcome, valkey_url: str
) -> None:
    told = f"<BarrierGate><barrierGateStatus>{status}</barrierGateStatus></BarrierGate>"
    device = LockingDevice(answers={("PUT", GATE): (200, TAKEN)})
    if status is not None:
        device.answers["GET", f"{GATE}/barrierGateStatus"] = (200, told)
    async with calling(device, valkey_url) as (calls, address):
        result = await HikvisionCommands(calls).open(a_device("hikvision", address), "1", PASSWORD)
    assert result.outcome is outcome
    assert device.bodies[0] == b"<BarrierGate><ctrlMode>open</ctrlMode></BarrierGate>"


async def test_a_device_that_is_any_channel_has_the_barrier_of_the_first(valkey_url: str) -> None:
    device = LockingDevice(answers={("PUT", GATE): (200, TAKEN)})
    async with calling(device, valkey_url) as (calls, address):
        called = a_device("hikvision", address)
        result = await HikvisionCommands(calls).open(called, called.channel_of(LaneId("in-1")), PASSWORD)
    assert result.outcome is GateOutcome.ACCEPTED


@pytest.mark.parametrize("answer", [(200, TAKEN.replace(">1<", ">4<")), (403, ""), (200, "<")])
async def test_a_refused_command_is_rejected(answer: tuple[int, str], valkey_url: str) -> None:
    device = LockingDevice(answers={("PUT", GATE): answer})
    async with calling(device, valkey_url) as (calls, address):
        result = await HikvisionCommands(calls).open(a_device("hikvision", address), "1", PASSWORD)
    assert result.outcome is GateOutcome.REJECTED
    assert device.asked == [("PUT", GATE)]


async def test_a_device_that_is_not_there_is_unreachable(valkey_url: str) -> None:
    async with calling(LockingDevice(answers={}), valkey_url) as (calls, address):
        port = address.rstrip("/").rpartition(":")[2]
    async with calling(LockingDevice(answers={}), valkey_url) as (calls, _):
        away = a_device("hikvision", f"http://127.0.0.1:{port}")
        result = await HikvisionCommands(calls).open(away, "1", PASSWORD)
    assert result.outcome is GateOutcome.UNREACHABLE


async def test_a_wrong_password_is_tried_once_until_another_is_stored(valkey_url: str) -> None:
    device = LockingDevice(answers={("PUT", GATE): (200, TAKEN)})
    async with calling(device, valkey_url) as (calls, address):
        commands = HikvisionCommands(calls)
        for _ in range(3):
            with pytest.raises(NotAuthenticated):
                await commands.open(a_device("hikvision", address), "1", "wrong")
        assert device.wrong == 1
        anew = a_device("hikvision", address, sealed="sealed-2")
        assert (await commands.open(anew, "1", PASSWORD)).outcome is GateOutcome.ACCEPTED
