"""Lists of cars that devices let out by themselves: told until they are confirmed, and to exits alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from gateways.gates import white_lists
from gateways.gates.catalog_keeper import CatalogKeeper
from gateways.gates.commands import CommandResult
from gateways.gates.device_mqtt import MqttOrders
from gateways.gates.vzenith.mqtt import VzenithMqtt
from gateways.gates.white_lists import WhiteLists
from gateways.mqtt.connection import MqttConnection
from gateways.mqtt.options import MqttOptions, MqttVersion, mqtt_server
from parking.barrier import GateOutcome
from parking.clock import SystemClock
from parking.device import Channel, Device, Proof
from parking.errors import Unavailable
from parking.grant_token import Claims, sign_claims
from parking.ids import GarageId, LaneId, SessionId
from parking.live.batching import BatchingConnection
from parking.live.granting import GrantChanges
from tests.gateways.gate_stage import PARTITIONS, catalog_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateways.gates.mqtt_protocol import Admitted
    from parking.catalog import Controller

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
TAKEN, REFUSED, AWAY = GateOutcome.ACCEPTED, GateOutcome.REJECTED, GateOutcome.UNREACHABLE
PATIENCE_S = 10.0


def token(number: str) -> str:
    claims = Claims(
        garage_id=GarageId("G1"), number=number, colour="blue", session_id=SessionId(UUID(int=1)),
        limit_fen=5_000, issued_at=AT, expires_at=AT + timedelta(hours=2),
    )  # fmt: skip
    return sign_claims(claims, KEY, "k1")


class Told(MqttOrders):
    """What a device is told of its list; ``outcomes`` are what becomes of it, the last for good."""

    def __init__(self, *outcomes: GateOutcome) -> None:
        nowhere = MqttConnection(
            mqtt_server("mqtt://127.0.0.1:9"),
            MqttOptions(client_id="nobody", subscriptions=(), version=MqttVersion.V311),
        )
        super().__init__(VzenithMqtt(), nowhere, SystemClock(), lambda: "1")
        self._outcomes = list(outcomes)
        self.said: list[str] = []

    @override
    async def admit(self, device: Device, cars: Sequence[Admitted]) -> CommandResult:
        assert all((one.since, one.until) == (AT, AT + timedelta(hours=2)) for one in cars)
        return self._result("+" + ",".join(one.number for one in cars))

    @override
    async def dismiss(self, device: Device, numbers: Sequence[str]) -> CommandResult:
        return self._result("-" + ",".join(numbers))

    def _result(self, said: str) -> CommandResult:
        self.said.append(said)
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        return CommandResult(outcome=outcome)

    async def until_said(self, many: int) -> list[str]:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.said) < many:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.005)
        return self.said


class Grants:
    """A garage's changes: each question gets the next; afterwards nothing changes."""

    def __init__(self, *changes: GrantChanges | Unavailable) -> None:
        self._changes = list(changes)
        self.asked: list[str] = []

    async def since(self, garage_id: GarageId, place: str) -> GrantChanges:
        assert garage_id == "G1"
        self.asked.append(place)
        if not self._changes:
            return GrantChanges(place=place, whole=False, given={}, taken=())
        change = self._changes.pop(0)
        if isinstance(change, Unavailable):
            raise change
        return change


def change(place: str, *given: str, taken: Sequence[str] = (), whole: bool = False) -> GrantChanges:
    return GrantChanges(
        place=place, whole=whole, given={number: token(number) for number in given}, taken=taken
    )


def a_catalog(folder: Path) -> CatalogKeeper:
    live = BatchingConnection("redis://127.0.0.1:9", library="")
    catalog = CatalogKeeper(live, folder / "catalog.json", partition_count=PARTITIONS)
    catalog.current = catalog_of()
    return catalog


def at_lane(lane: str, **options: str) -> Controller:
    device = Device(
        protocol="vzenith-mqtt", proof=Proof.BROKER, serial="cam-1",
        channels={"0": Channel(lane_id=LaneId(lane))}, options=options,
    )  # fmt: skip
    return replace(catalog_of().controllers["c1"], device=device)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(white_lists, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(white_lists, "AGAIN_AFTER_S", 0.01)


async def told(orders: Told, grants: Grants, folder: Path, *, many: int) -> list[str]:
    """What a device is told, up to so many commands and a moment longer."""
    lists = WhiteLists([orders], a_catalog(folder), grants.since)
    async with asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(lists.keep(at_lane("out-1", white_list="granted")))
        await orders.until_said(many)
        await asyncio.sleep(0.05)
        keeping.cancel()
    return orders.said


async def test_what_changes_is_told_once(tmp_path: Path) -> None:
    grants = Grants(change("1.1", "浙A1", whole=True), change("1.3", "浙A2", taken=["浙A1"]))
    assert await told(Told(TAKEN), grants, tmp_path, many=3) == ["+浙A1", "-浙A1", "+浙A2"]
    assert grants.asked[:3] == ["", "1.1", "1.3"]


@pytest.mark.parametrize("outcome", [AWAY, REFUSED])
async def test_what_is_not_confirmed_is_told_again(outcome: GateOutcome, tmp_path: Path) -> None:
    grants = Grants(change("1.1", "浙A1", whole=True))
    said = await told(Told(outcome, outcome, TAKEN), grants, tmp_path, many=3)
    assert said == ["+浙A1"] * 3


async def test_a_grant_taken_back_before_it_was_confirmed_is_taken_off_all_the_same(tmp_path: Path) -> None:
    grants = Grants(change("1.1", "浙A1", whole=True), change("1.2", taken=["浙A1"]))
    assert await told(Told(AWAY, TAKEN), grants, tmp_path, many=2) == ["+浙A1", "-浙A1"]


async def test_a_store_that_is_away_is_asked_again(tmp_path: Path) -> None:
    grants = Grants(Unavailable("away"), change("1.1", "浙A1", whole=True))
    assert await told(Told(TAKEN), grants, tmp_path, many=1) == ["+浙A1"]


async def test_many_cars_are_several_commands(tmp_path: Path) -> None:
    grants = Grants(change("1.1", *(f"浙A{number}" for number in range(120)), whole=True))
    said = await told(Told(TAKEN), grants, tmp_path, many=3)
    assert [one.count("浙") for one in said] == [50, 50, 20]


@pytest.mark.parametrize(
    ("lane", "options", "wanted"),
    [
        ("out-1", {"white_list": "granted"}, True),
        ("gate", {"white_list": "granted"}, True),
        ("in-1", {"white_list": "granted"}, False),
        ("out-1", {}, False),
    ],
)
async def test_a_list_is_kept_at_exits_where_it_is_wanted(
    lane: str, options: dict[str, str], *, wanted: bool, tmp_path: Path
) -> None:
    lists = WhiteLists([Told(TAKEN)], a_catalog(tmp_path), Grants().since)
    assert lists.wanted(at_lane(lane, **options)) is wanted
    assert not lists.wanted(catalog_of().controllers["c1"])
