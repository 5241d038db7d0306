"""What all makers' protocols share: identity, history, repeats, clocks, pictures; on a real live store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateways.gates.protocol import Heartbeat, Passage, PassageKind
from gateways.pictures.store import place_of
from parking.barrier import BarrierAct, GateOutcome
from parking.decision import Reason
from parking.device import Channel, Proof
from parking.errors import NotPermitted
from parking.event import Kind
from parking.ids import LaneId
from parking.journal import Result
from parking.live.barrier_log import waiting_records
from parking.live.heard import Heard, note_heard
from tests.gateways.device_lane import IN, MINUTE, OUT, lane
from tests.scenarios.stage import MIDNIGHT, an_event

if TYPE_CHECKING:
    from pathlib import Path

    from parking.barrier import BarrierRecord
    from tests.gateways.device_lane import Lane

JPEG = b"\xff\xd8\xff\xe0 a car"
PATIENCE_S = 20.0


async def barrier_records(at: Lane, wanted: int) -> list[BarrierRecord]:
    """The barrier records that there are, as soon as there are so many."""
    records: list[BarrierRecord] = []
    async with asyncio.timeout(20):
        while len(records) < wanted:
            await asyncio.sleep(0.01)
            waiting = await waiting_records(at.stage.live, 10)
            records = [one for one in waiting.values() if one is not None]
    return records


async def test_one_record_has_one_effect_however_it_comes(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        mark: dict[str, Any] = {"identity": "7", "serial": "s1", "history": False}
        assert await at.read(**mark) == (True, Reason.ENTRY)
        # Again, to a backup server, with other small things; and from the device's memory.
        assert await at.read(**mark, confidence=0.5) == (True, Reason.ENTRY)
        assert await at.read(**mark | {"history": True}) == (False, Reason.LATE)
        assert await at.results() == [Result.APPLIED]


async def test_history_opens_nothing_even_when_it_was_answered_live_before(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read(identity="7") == (True, Reason.ENTRY)
        at.stage.clock.moment += 10 * MINUTE
        # The device says nothing of history and sends for ever; nobody stands there any more.
        assert await at.read(identity="7", captured_at=MIDNIGHT) == (False, Reason.ENTRY)


async def test_a_car_let_through_and_read_again_is_one_passage(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read() == (True, Reason.ENTRY)
        at.stage.clock.moment += 5 * MINUTE
        assert await at.read(OUT) == (True, Reason.FREE)
        at.stage.clock.moment += MINUTE / 6
        assert await at.read(OUT) == (True, Reason.FREE)
        other = replace(OUT, paired=True, channels={"9": OUT.channels["2"]})
        assert await at.read(other, number="浙A1234S") == (True, Reason.FREE)
        # What one camera reads differently is another car.
        assert await at.read(replace(OUT, paired=True), number="浙A1234S") == (False, Reason.NO_ENTRY)
        assert await at.read(OUT, number="浙A1234S") == (False, Reason.NO_ENTRY)
        at.stage.clock.moment += 2 * MINUTE
        assert await at.read(OUT) == (False, Reason.NO_ENTRY)


async def reported_elsewhere(at: Lane, kind: Kind, lane_id: str, *, plate: str = "浙A12345") -> None:
    """What another process, or a controller of the native protocol, tells of the same car."""
    now = at.stage.clock.moment
    event = replace(
        an_event(f"{kind}-{now:%M%S}", kind, at=now, plate=plate, lane=lane_id),
        garage_id=at.controller.garage_id,
    )
    garage = at.catalog.current.garages[event.garage_id]
    assert (await at.stage.desk.answer(event, garage)).decision.reason is not Reason.NO_PASSAGE


async def test_a_passage_that_was_undone_elsewhere_is_none_any_more(valkey_url: str, tmp_path: Path) -> None:
    second = timedelta(seconds=1)
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read() == (True, Reason.ENTRY)
        at.stage.clock.moment += 5 * MINUTE
        assert await at.read(OUT) == (True, Reason.FREE)
        at.stage.clock.moment += 10 * second
        await reported_elsewhere(at, Kind.TURN_BACK, "out-1")
        at.stage.clock.moment += 10 * second
        assert await at.read(OUT) == (True, Reason.FREE)
        assert await at.results() == [Result.APPLIED] * 4
        assert await at.stage.sessions.occupancy(at.controller.garage_id) == 0


async def test_a_car_that_left_elsewhere_and_comes_again_is_a_new_visit(
    valkey_url: str, tmp_path: Path
) -> None:
    second = timedelta(seconds=1)
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read() == (True, Reason.ENTRY)
        at.stage.clock.moment += 20 * second
        await reported_elsewhere(at, Kind.EXIT, "out-1")
        at.stage.clock.moment += 20 * second
        assert await at.read() == (True, Reason.ENTRY)
        assert await at.results() == [Result.APPLIED] * 3
        assert await at.stage.sessions.occupancy(at.controller.garage_id) == 1


async def test_a_car_that_is_inside_itself_is_no_other_reading_of_the_one_before(
    valkey_url: str, tmp_path: Path
) -> None:
    other = replace(OUT, paired=True, channels={"9": OUT.channels["2"]})
    async with lane(valkey_url, tmp_path) as at:
        for number in ("浙A12345", "浙A1234S"):
            assert await at.read(number=number) == (True, Reason.ENTRY)
        at.stage.clock.moment += 5 * MINUTE
        assert await at.read(OUT) == (True, Reason.FREE)
        at.stage.clock.moment += timedelta(seconds=3)
        assert await at.read(other, number="浙A1234S") == (True, Reason.FREE)
        assert await at.stage.sessions.occupancy(at.controller.garage_id) == 0


async def test_two_cameras_at_an_entry_let_one_car_in(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        paired, second = replace(IN, paired=True), timedelta(seconds=1)
        assert await at.read(paired, number="浙A1234S", confidence=0.5) == (True, Reason.LOW_CONFIDENCE)
        at.stage.clock.moment += second
        # The one behind the barrier is sure, and sends it twice.
        for _ in range(2):
            assert await at.read(paired, identity="7", captured_at=MIDNIGHT + second) == (True, Reason.ENTRY)
        garage_id = at.controller.garage_id
        assert (await at.stage.sessions.find(garage_id, "浙A1234S")).session is None
        assert await at.stage.sessions.occupancy(garage_id) == 1
        # Another car is no better read of the first one, and one camera alone has no second.
        assert await at.read(paired, number="浙B1234S", confidence=0.5) == (True, Reason.LOW_CONFIDENCE)
        assert await at.read(paired, number="浙C98765") == (True, Reason.ENTRY)
        assert await at.read(IN, number="浙B12345") == (True, Reason.ENTRY)
        assert await at.stage.sessions.occupancy(garage_id) == 4


async def test_a_car_that_came_back_meanwhile_is_a_new_visit(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        for device, reason in (
            (IN, Reason.ENTRY),
            (OUT, Reason.FREE),
            (IN, Reason.ENTRY),
            (OUT, Reason.FREE),
        ):
            at.stage.clock.moment += MINUTE / 4
            assert await at.read(device) == (True, reason)
        assert await at.results() == [Result.APPLIED] * 4


async def test_a_clock_is_put_right_within_its_bound_and_not_trusted_beyond(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        now = at.stage.clock.moment
        ahead = now + 5 * MINUTE
        await at.intake.take(Heartbeat(device_time=ahead), at.controller, IN)
        assert await at.read(captured_at=ahead) == (True, Reason.ENTRY)
        (entry,) = await at.stage.journal()
        assert entry.event.captured_at == now
        strict = replace(OUT, skew_max_s=60)
        assert await at.read(strict, captured_at=ahead) == (True, Reason.CLOCK)
        assert await at.read(strict, captured_at=ahead, history=True, identity="9") == (False, Reason.CLOCK)
        assert (await at.results())[1:] == [Result.QUARANTINED, Result.QUARANTINED]


@pytest.mark.parametrize("hold_s", [0, 200])
async def test_a_device_that_asks_is_told_to_open_once_the_held_car_has_paid(
    hold_s: float, valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at, asyncio.TaskGroup() as tasks, asyncio.timeout(PATIENCE_S):
        asks = Heartbeat(asks=True)
        await at.read()
        at.stage.clock.moment += 90 * MINUTE
        assert await at.read(OUT) == (False, Reason.NO_GRANT)
        assert not (await at.intake.take(asks, at.controller, OUT)).opens
        # A car that comes in past the same device does not take his turn.
        assert await at.read(number="浙A54321") == (True, Reason.ENTRY)
        now = at.stage.clock.moment
        inside = await at.stage.sessions.find(at.controller.garage_id, "浙A12345")
        assert inside.session is not None
        held = tasks.create_task(at.intake.take(replace(asks, hold_s=hold_s), at.controller, OUT))
        await asyncio.sleep(0.1)  # so that a question that is held open was asked before
        await at.stage.sessions.prepay(inside.session, total_fen=1200, paid_at=now, until=now + 15 * MINUTE)
        answered = await held if hold_s else await at.intake.take(asks, at.controller, OUT)
        assert (answered.opens, answered.reason) == (True, Reason.PREPAID)
        assert not (await at.intake.take(asks, at.controller, OUT)).opens
        # What the camera still sees of the car as it drives off is no second exit.
        assert await at.read(OUT) == (True, Reason.PREPAID)
        assert await at.results() == [Result.APPLIED] * 4


async def test_a_held_car_is_forgotten_for_another_in_its_own_lane_alone(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        asks, both = Heartbeat(asks=True), replace(OUT, channels={**IN.channels, **OUT.channels})
        for number, moved in (("浙A12345", 0), ("浙A54321", 90)):
            assert await at.read(number=number) == (True, Reason.ENTRY)
            at.stage.clock.moment += moved * MINUTE
        assert await at.read(both, channel="2") == (False, Reason.NO_GRANT)
        assert await at.read(both, channel="1", number="浙A99999") == (True, Reason.ENTRY)
        now = at.stage.clock.moment
        inside = await at.stage.sessions.find(at.controller.garage_id, "浙A12345")
        assert inside.session is not None
        await at.stage.sessions.prepay(inside.session, total_fen=1200, paid_at=now, until=now + 15 * MINUTE)
        answered = await at.intake.take(asks, at.controller, both)
        assert (answered.opens, answered.reason, answered.lane_id) == (True, Reason.PREPAID, "out-1")
        assert await at.read(both, channel="2", number="浙A54321") == (False, Reason.NO_GRANT)
        assert not (await at.intake.take(asks, at.controller, both)).opens


async def test_a_delayed_message_is_not_taken_for_a_slow_clock(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        now = at.stage.clock.moment
        for delay in (0, 40, 3):
            told = Heartbeat(device_time=now - timedelta(seconds=delay))
            await at.intake.take(told, at.controller, IN)
        assert await at.read() == (True, Reason.ENTRY)
        assert (await at.stage.journal())[0].event.captured_at == now


@pytest.mark.parametrize(("known_s", "told"), [(-300, (True, Reason.ENTRY)), (0, (False, Reason.LATE))])
async def test_a_process_that_has_just_begun_goes_by_what_was_known_of_a_clock(
    valkey_url: str, tmp_path: Path, known_s: int, told: tuple[bool, Reason]
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        now, key = at.stage.clock.moment, (at.controller.garage_id, at.controller.controller_id)
        await note_heard(at.stage.live, {key: Heard(skew_s=known_s)})
        assert await at.read(captured_at=now - 5 * MINUTE, history=False) == told
        (record,) = await at.stage.journal()
        assert record.event.captured_at == now - 5 * MINUTE - timedelta(seconds=known_s)


async def test_a_clock_that_was_set_right_stops_no_car(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        for ahead in (5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 0):
            at.stage.clock.moment += MINUTE / 2
            told = Heartbeat(device_time=at.stage.clock.moment + ahead * MINUTE)
            await at.intake.take(told, at.controller, IN)
        assert await at.read() == (True, Reason.ENTRY)
        assert (await at.stage.journal())[0].event.captured_at == at.stage.clock.moment


async def test_the_next_car_after_a_clock_was_put_right_passes_and_is_booked_as_of_now(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        ahead = at.stage.clock.moment + 9 * MINUTE
        assert await at.read(captured_at=ahead, history=False) == (True, Reason.ENTRY)
        at.stage.clock.moment += MINUTE
        assert await at.read(number="浙A54321", history=False) == (True, Reason.ENTRY)
        now = at.stage.clock.moment
        assert [one.event.captured_at for one in await at.stage.journal()] == [now - MINUTE, now]


async def test_what_a_broker_kept_is_not_taken_for_a_slow_clock(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        device = replace(IN, proof=Proof.BROKER, serial="s1")
        now = at.stage.clock.moment
        for number, age in enumerate((400, 390, 380)):
            told = now - timedelta(seconds=age)
            await at.intake.take(Heartbeat(device_time=told), at.controller, device)
            plate = f"浙A0000{number}"
            seen = await at.read(device, number=plate, captured_at=told, history=False)
            assert seen == (False, Reason.LATE)
        assert [now - one.event.captured_at for one in await at.stage.journal()] == [
            timedelta(seconds=age) for age in (400, 390, 380)
        ]


async def test_a_clock_on_a_broker_is_ahead_when_a_read_says_so(valkey_url: str, tmp_path: Path) -> None:
    async with lane(valkey_url, tmp_path) as at:
        device = replace(IN, proof=Proof.BROKER, serial="s1")
        now = at.stage.clock.moment
        assert await at.read(device, captured_at=now + 5 * MINUTE, history=False) == (True, Reason.ENTRY)
        assert (await at.stage.journal())[0].event.captured_at == now


async def test_a_clock_on_a_broker_is_slow_when_two_heartbeats_say_so(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        device = replace(IN, proof=Proof.BROKER, serial="s1")
        slow = at.stage.clock.moment - 5 * MINUTE
        for _ in range(2):
            at.stage.clock.moment += MINUTE / 6
            slow += MINUTE / 6
            await at.intake.take(Heartbeat(device_time=slow), at.controller, device)
        assert await at.read(device, captured_at=slow, history=False) == (True, Reason.ENTRY)
        assert (await at.stage.journal())[0].event.captured_at == at.stage.clock.moment


async def test_what_a_called_gate_says_is_recorded_apart_from_that_it_was_told(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        await at.read(IN)
        await at.read(OUT)
        seen = Passage(kind=PassageKind.TAILGATED, channel="2")
        await at.intake.take(seen, at.controller, OUT)
        told = {(one.act, one.outcome, one.said, one.reason) for one in await barrier_records(at, 3)}
        assert told == {
            (BarrierAct.OPEN, GateOutcome.ACCEPTED, "channel 1 is locked", "entry"),
            (BarrierAct.OPEN, GateOutcome.TOLD, "", "free"),
            (BarrierAct.TAILGATED, GateOutcome.MOVED, "", ""),
        }


async def test_what_a_device_saw_or_did_is_one_record_as_of_its_time_however_often_it_is_told(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        seen_at = at.stage.clock.moment - MINUTE
        behind = Passage(kind=PassageKind.TAILGATED, channel="2", captured_at=seen_at)
        to_come = replace(behind, captured_at=seen_at + timedelta(days=365))
        for _ in range(2):
            at.stage.clock.moment += MINUTE
            await at.intake.take(behind, at.controller, OUT)
            # From its own list while it was cut off, and told of again from its memory.
            await at.read(IN, identity="7", captured_at=seen_at, opened=True, history=True)
        await at.intake.take(to_come, at.controller, OUT)
        await at.read(OUT, identity="8", opened=True)
        records = await barrier_records(at, 7)
        now = at.stage.clock.moment
        assert {(one.act, one.at) for one in records} == {
            (BarrierAct.TAILGATED, seen_at),
            (BarrierAct.OPENED_ITSELF, seen_at),
            (BarrierAct.TAILGATED, now),
            (BarrierAct.OPENED_ITSELF, now),
            (BarrierAct.OPEN, now),
        }
        assert len({one.record_id for one in records}) == 5


async def test_a_picture_is_kept_beside_its_event_and_what_is_none_is_refused_alone(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        assert await at.read(pictures=(b"no picture", JPEG, JPEG)) == (True, Reason.ENTRY)
        assert await at.read(OUT, pictures=(b"", b"\xff\xd8\xff" + bytes(3_000_000))) == (True, Reason.FREE)
        entry, leaving = await at.stage.journal()
        path = at.pictures / place_of(entry.event.image_reference)
        async with asyncio.timeout(20):
            while not path.exists():  # noqa: ASYNC110 - what is waited for is on the disk
                await asyncio.sleep(0.01)
        assert path.read_bytes() == JPEG
        assert leaving.event.image_reference == ""


async def test_another_device_and_a_channel_without_a_lane_are_refused(
    valkey_url: str, tmp_path: Path
) -> None:
    async with lane(valkey_url, tmp_path) as at:
        with pytest.raises(NotPermitted):
            await at.read(replace(IN, serial="s1"), serial="s2")
        with pytest.raises(NotPermitted):
            await at.read(IN, channel="9")
        with pytest.raises(NotPermitted):
            await at.read(replace(IN, channels={"1": Channel(lane_id=LaneId("roof"))}))
        assert await at.results() == []
