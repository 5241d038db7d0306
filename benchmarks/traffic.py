"""What the gate benchmarks send: cars that enter and, hours later by the devices' clocks, leave and owe.

Everything is made before the clock starts: a request as bytes, and what its answer must hold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.broker_load import Publication
from benchmarks.makers import MAKERS, VZENITH_MQTT, camera, on_broker, published_read, report
from parking.catalog import Catalog, Controller, secret_digest
from parking.clock import SystemClock, from_ms
from parking.garage import Direction, Garage, LeaveFirst, Policy
from parking.ids import ControllerId, GarageId, LaneId
from parking.tariff import Rate, Tariff, TariffSchedule, TariffVersion, Tier

if TYPE_CHECKING:
    from random import Random

    from parking.device import Device

__all__ = [
    "BATCH_EVENTS",
    "BROKER_LANES_MAX",
    "GARAGES",
    "PARTITIONS",
    "Request",
    "batches",
    "catalog",
    "entries",
    "probe",
    "publications",
    "reports",
    "singles",
]

GARAGES = 16
BROKER_LANES_MAX = 64
"""As many cameras as there may be commands under way at once."""
PARTITIONS = 64
BATCH_EVENTS = 500
SECRET = "s" * 43
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
STAY_MINUTES_MAX = 600
LANES = {LaneId("in"): Direction.ENTRY, LaneId("out"): Direction.EXIT}
CARS = count()
MARKS = 2**31


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its number of events, and how often each text must be in its answer."""

    sent: bytes
    events: int
    expected: tuple[tuple[bytes, int], ...]


@dataclass(frozen=True, slots=True)
class Car:
    """One car's stay."""

    garage: int
    number: str
    entered_at: datetime
    left_at: datetime

    def event(self, kind: str, *, offline: bool) -> bytes:
        """Its entry or its exit as a controller reports it."""
        at = self.entered_at if kind == "entry" else self.left_at
        event = {
            "event_id": f"{kind}-{self.number.encode().hex()}",
            "garage_id": f"G{self.garage}",
            "lane_id": "in" if kind == "entry" else "out",
            "kind": kind,
            "captured_at": at.isoformat(timespec="milliseconds"),
            "plate": {"number": self.number, "colour": "blue"},
            "confidence": 0.97,
        }
        if offline:
            event["offline"] = True
        return json.dumps(event, ensure_ascii=False).encode()


def catalog() -> Catalog:
    """Garages that let everybody leave first, each with a controller of its own."""
    tariff = Tariff(
        tariff_id="benchmark",
        name="Benchmark",
        free_minutes=15,
        first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
        then=Rate(block_minutes=30, block_price_fen=400),
        cap_fen=6000,
    )
    schedule = TariffSchedule(versions=(TariffVersion(in_force_from=from_ms(0), tariff=tariff),))
    garages = [_garage(number, schedule) for number in range(GARAGES)]
    return Catalog(
        revision=1,
        partition_count=PARTITIONS,
        garages={one.garage_id: one for one in garages},
        controllers={
            **{f"c{number}": _controller(one) for number, one in enumerate(garages)},
            **{
                f"{VZENITH_MQTT}{lane}": _controller(
                    garages[lane % GARAGES], on_broker(f"camera-{lane}", LaneId("in")), name=f"camera-{lane}"
                )
                for lane in range(BROKER_LANES_MAX)
            },
            **{
                f"{protocol}{number}": _controller(one, camera(protocol, LaneId("in")))
                for protocol in MAKERS
                for number, one in enumerate(garages)
            },
        },
    )


def singles(chance: Random, *, connections: int, events: int) -> list[list[Request]]:
    """One event a request; on each connection cars enter and leave in turn."""
    sequences: list[list[Request]] = []
    for connection in range(connections):
        sequence: list[Request] = []
        for _ in range(max(1, events // connections // 2)):
            car = _car(chance, connection % GARAGES)
            for kind, reason in (("entry", b"entry"), ("exit", b"everyone")):
                expected = ((b'"decision":"open","reason":"' + reason + b'"', 1), (b'"replayed":false', 1))
                sequence.append(Request(_post(car.garage, car.event(kind, offline=False)), 1, expected))
        sequences.append(sequence)
    return sequences


def entries(chance: Random, *, connections: int, events: int) -> list[list[Request]]:
    """One entry a request."""
    expected = ((b'"decision":"open","reason":"entry"', 1), (b'"replayed":false', 1))
    return [
        [
            Request(_post(car.garage, car.event("entry", offline=False)), 1, expected)
            for car in _cars(chance, connection, max(1, events // connections))
        ]
        for connection in range(connections)
    ]


def reports(protocol: str, chance: Random, *, connections: int, events: int) -> list[list[Request]]:
    """The same as a maker's cameras report it, at their time."""
    at = SystemClock().now()
    return [
        [_reported(protocol, car, at) for car in _cars(chance, connection, max(1, events // connections))]
        for connection in range(connections)
    ]


def publications(name: str, chance: Random, *, lanes: int, events: int) -> list[list[Publication]]:
    """The same over a broker: by controllers, or by a camera for each lane."""
    published = _published_by_camera if name == VZENITH_MQTT else _published
    return [
        [published(lane, car) for car in _cars(chance, lane, max(1, events // lanes))]
        for lane in range(lanes)
    ]


def _published(lane: int, car: Car) -> Publication:
    known = f"{lane}-{car.number.encode().hex()}"
    text = b'{"type":"event","id":"%s",%s' % (known.encode(), car.event("entry", offline=False)[1:])
    return Publication(
        topic=f"leave-first/of-G{car.garage}/events",
        payload=f"lf_c{car.garage}_{SECRET}\n".encode() + text,
        answer=known,
        expected=b'"reason":"entry"',
    )


def _published_by_camera(lane: int, car: Car) -> Publication:
    topic, payload = published_read(f"camera-{lane}", car.number, _mark(car), SystemClock().now())
    return Publication(
        topic=topic,
        payload=payload,
        answer=f"device/camera-{lane}/message/down/gpio_out",
        expected=b'"value":2',
    )


def _mark(car: Car) -> int:
    return int.from_bytes(car.number.encode()[-6:]) % MARKS


def _cars(chance: Random, connection: int, number: int) -> list[Car]:
    return [_car(chance, connection % GARAGES) for _ in range(number)]


def _reported(protocol: str, car: Car, at: datetime) -> Request:
    token = f"lf_{protocol}{car.garage}_{SECRET}"
    sent, expected = report(protocol, token, car.number, _mark(car), at)
    return Request(sent, 1, ((expected, 1),))


def batches(chance: Random, *, connections: int, bodies: int) -> list[list[Request]]:
    """Backlogs of :data:`BATCH_EVENTS` lines; half are exits, of the cars that entered one body before."""
    sequences: list[list[Request]] = []
    for connection in range(connections):
        garage, inside = connection % GARAGES, list[Car]()
        sequence: list[Request] = []
        for _ in range(max(2, bodies // connections)):
            arriving = [_car(chance, garage) for _ in range(BATCH_EVENTS // 2)]
            lines = [car.event("entry", offline=True) for car in arriving]
            lines += [car.event("exit", offline=True) for car in inside]
            sequence.append(_batch(garage, lines))
            inside = arriving
        sequences.append(sequence)
    return sequences


def _batch(garage: int, lines: list[bytes]) -> Request:
    booked, new, lost = b'"decision":"hold","reason":"late"', b'"replayed":false', b'"session_id":null'
    expected = ((booked, len(lines)), (new, len(lines)), (lost, 0))
    return Request(_post(garage, b"\n".join(lines), batch=True), len(lines), expected)


def probe() -> bytes:
    """A request that a server which is ready answers with 200, once."""
    return _post(0, _car_at(SystemClock().now(), 0, 0).event("entry", offline=True), keep=False)


def _car(chance: Random, garage: int) -> Car:
    return _car_at(SystemClock().now(), garage, chance.randint(70, STAY_MINUTES_MAX))


def _car_at(now: datetime, garage: int, stay_minutes: int) -> Car:
    letter, number = divmod(next(CARS), 100_000)
    first, second = divmod(letter, len(LETTERS))
    plate = f"{'浙苏沪皖闽赣鲁豫'[first]}{LETTERS[second]}{number:05}"
    return Car(garage, plate, now - timedelta(minutes=stay_minutes), now)


def _post(garage: int, body: bytes, *, batch: bool = False, keep: bool = True) -> bytes:
    path, kind = ("/v1/gate-events/batch", "x-ndjson") if batch else ("/v1/gate-events", "json")
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer lf_c{garage}_{SECRET}",
        f"Content-Type: application/{kind}",
        f"Content-Length: {len(body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _garage(number: int, schedule: TariffSchedule) -> Garage:
    return Garage(
        garage_id=GarageId(f"G{number}"),
        name=f"Garage {number}",
        spaces=1300,
        lanes=LANES,
        tariffs=schedule,
        policy=Policy(leave_first=LeaveFirst.EVERYONE),
    )


def _controller(garage: Garage, device: Device | None = None, *, name: str = "") -> Controller:
    return Controller(
        controller_id=ControllerId(name or f"of-{garage.garage_id}"),
        garage_id=garage.garage_id,
        lane_ids=frozenset(LANES),
        secret_sha256=secret_digest(SECRET),
        device=device,
    )
