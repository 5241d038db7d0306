"""A small day through the whole stack, whatever its gates speak: proven, and no process is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest
from click.testing import CliRunner

from gateways.demo.command import demo as demo_command
from gateways.demo.drivers import WITHOUT_PLATE, Driver
from gateways.demo.gate_kinds import share_lanes
from gateways.demo.office import TARIFF
from gateways.demo.plan import LANES, Plan, plan_day
from gateways.demo.player import COMES_AGAIN_AFTER, PAYS_AFTER
from gateways.demo.stack import open_stack
from gateways.demo.steps import Report
from gateways.devices.makers import MAKERS
from gateways.mqtt.options import MqttVersion
from gateways.web.operator_wire import TariffIn
from parking.errors import Conflict
from parking.event import Kind
from parking.plate import UNREADABLE
from parking.pricing import Stay, price
from tests.brokers import Product, running_broker
from tests.stores import processes_about

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {
    "vehicles", "events_sent", "open", "hold", "replayed", "unsaid", "delivered_late", "opened_late",
    "sessions_inside", "sessions_closed", "bills", "charges_paid",
    "charges_unpaid", "charges_in_doubt", "lost", "double_charged", "imbalance_fen", "decision_ms", "wall_s",
    "events_per_s", "violations", "drivers", "left_by", "coupons_given", "owed_by_shops_fen",
    "tokens_replaced",
}  # fmt: skip
ASKING = [name for name, maker in MAKERS.items() if not maker.by_broker]
WRONG = {"lost": 0, "double_charged": 0, "imbalance_fen": 0, "violations": [], "opened_late": 0}
PAYS_AND_COMES_AGAIN = PAYS_AFTER + COMES_AGAIN_AFTER
DAY_SECONDS = 110.0
READY_SECONDS = 60.0


class Bill(NamedTuple):
    """What a bill says of a stay."""

    garage_id: str
    number: str
    colour: str
    amount_fen: int
    entered_at: datetime
    left_at: datetime


def demo(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateways.cli", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    process = demo("--vehicles", "200", "--speed", "600", "--data-dir", str(tmp_path / "day"))
    yield process, tmp_path / "day"
    process.kill()
    process.wait()


def wait_until_it_serves(process: subprocess.Popen[str], folder: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    log_path = folder / "demo" / "serve.log"
    while not (log_path.exists() and "gate_url" in log_path.read_text()):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What came of a day: its result, and how often each bill stands that was not taken back."""

    result: dict[str, Any]
    bills: Counter[Bill]
    folder: Path


def played(folder: Path, *arguments: str) -> Day:
    """A day of 200 cars, proven."""
    bills = folder / "bills.jsonl"
    process = demo(
        "--vehicles", "200", "--json", "--data-dir", str(folder / "day"), "--bills", str(bills), *arguments
    )
    output, said = process.communicate(timeout=DAY_SECONDS)
    assert process.returncode == 0, said
    result: dict[str, Any] = json.loads(output)
    assert {name: result[name] for name in WRONG} == WRONG
    return Day(result=result, bills=standing(bills), folder=folder / "day")


def standing(path: Path) -> Counter[Bill]:
    """Those of the bills that no credit note takes back.

    Cameras' times have whole seconds, and the name of a car without a plate is drawn on the day.
    """
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    taken_back = {one["credits_bill_id"] for one in rows}
    return Counter(
        Bill(
            one["garage_id"],
            UNREADABLE if one["number"].startswith(UNREADABLE) else one["number"],
            one["colour"],
            one["amount_fen"],
            datetime.fromisoformat(one["entered_at"]).replace(microsecond=0),
            datetime.fromisoformat(one["left_at"]).replace(microsecond=0),
        )
        for one in rows
        if one["kind"] == "bill" and one["bill_id"] not in taken_back
    )


def turns_back(plan: Plan, lanes: frozenset[str]) -> int:
    """How often a car turns back at these lanes."""
    events = [step.act.event for step in plan.steps if isinstance(step.act, Report)]
    return sum(one.kind is Kind.TURN_BACK and one.lane_id in lanes for one in events)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_day(vehicles=200, garages=1, chance=Random(1))


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return played(tmp_path_factory.mktemp("native"))


def test_a_day_is_settled_and_proven(native: Day) -> None:
    result = native.result
    assert result.keys() == KEYS
    assert result["vehicles"] == 200
    assert result["events_sent"] == result["open"] + result["hold"] + result["replayed"]
    # One turned back at the entry and one never left, and one was here the day before; two left, turned back,
    # and left again.
    assert (result["sessions_closed"], result["bills"]) == (199, 201)
    assert result["sessions_inside"] == 1
    kinds = (
        "pass", "pass_shared", "pass_surplus", "exempt_class", "exempt_listed", "coupon", "pays_inside",
        "token", "token_lost",
    )  # fmt: skip
    many = {kind: result["drivers"][kind] for kind in kinds}
    assert min(many.values()) >= 1
    assert result["left_by"]["pass"] == many["pass"] + many["pass_shared"]
    assert result["left_by"]["exempt"] == many["exempt_class"] + many["exempt_listed"]
    assert result["coupons_given"] == many["coupon"]
    assert result["owed_by_shops_fen"] > 0
    assert result["left_by"]["prepaid"] >= many["pays_inside"] + many["token_lost"]
    assert result["tokens_replaced"] == many["token_lost"]
    assert result["replayed"] == 5
    assert result["unsaid"] == 0
    assert result["charges_paid"] > 100
    assert result["charges_unpaid"] >= 1
    assert result["charges_in_doubt"] == 0
    assert 0 < result["decision_ms"]["p50"] <= result["decision_ms"]["p99"]
    assert not list(processes_about(native.folder))


def test_cars_without_a_plate_pay_what_their_stays_cost(native: Day, plan: Plan) -> None:
    unnamed = [car for car in plan.cars if car.driver in WITHOUT_PLATE]
    assert unnamed
    tariff = TariffIn.model_validate(tomllib.loads(TARIFF.read_text("utf-8"))).version().tariff
    expected: Counter[Bill] = Counter()
    for car in unnamed:
        waits = PAYS_AND_COMES_AGAIN if car.driver is Driver.TOKEN_LOST else timedelta()
        left_at = car.visit.left_at + waits
        stay = Stay(entered_at=car.visit.entered_at, left_at=left_at, plate=car.plate)
        whole = [at.replace(microsecond=0) for at in (car.visit.entered_at, left_at)]
        fee_fen = price(stay, tariff).amount_fen
        assert fee_fen > 0
        expected[Bill(car.garage_id, UNREADABLE, "unknown", fee_fen, whole[0], whole[1])] += 1
    found = Counter({bill: many for bill, many in native.bills.items() if bill.number == UNREADABLE})
    assert found == expected


def test_the_same_day_through_makers_cameras_has_the_same_bills(
    native: Day, plan: Plan, tmp_path: Path
) -> None:
    day = played(tmp_path, "--gates", ",".join(ASKING))
    assert day.bills == native.bills
    shares = share_lanes(ASKING, list(LANES))
    assert all(len(lanes) == 2 for lanes in shares.values())
    mute = frozenset(
        lane for name, lanes in shares.items() if not MAKERS[name].says_turn_back for lane in lanes
    )
    # Turning back is the one thing that only one of them can say. Attendants put the bills right; a car that
    # turned back at an entry stays inside as far as the books know.
    unsaid = turns_back(plan, mute)
    assert day.result["unsaid"] == unsaid > 0
    at_entries = turns_back(plan, frozenset(one for one in mute if one.startswith("in-")))
    assert day.result["sessions_inside"] == native.result["sessions_inside"] + at_entries


def test_the_same_day_over_sockets_and_a_broker_has_the_same_bills(native: Day, tmp_path: Path) -> None:
    with running_broker(Product.AMQTT, MqttVersion.V311) as broker:
        gates = (
            "--gates",
            "native-ws,native-mqtt,vzenith-mqtt",
            "--mqtt-url",
            broker.url,
            "--mqtt-version",
            "3.1.1",
        )
        day = played(tmp_path, *gates)
    assert day.bills == native.bills
    assert day.result["sessions_inside"] == native.result["sessions_inside"]
    assert day.result["unsaid"] == 0


def test_two_hours_without_a_line_make_no_other_bill_and_open_nothing(
    native: Day, plan: Plan, tmp_path: Path
) -> None:
    day = played(tmp_path, "--gates", "vzenith,hikvision,huaxia,native-http", "--outage", "2h")
    assert_nobody_was_held(native, day, plan)


def test_two_hours_without_a_line_to_the_broker_make_no_other_bill(
    native: Day, plan: Plan, tmp_path: Path
) -> None:
    with running_broker(Product.AMQTT, MqttVersion.V311) as broker:
        where = "--mqtt-url", broker.url, "--mqtt-version", "3.1.1"
        day = played(tmp_path, "--gates", "vzenith-mqtt,native-mqtt", "--outage", "2h", *where)
    assert_nobody_was_held(native, day, plan)
    assert day.result["sessions_inside"] == native.result["sessions_inside"]


def assert_nobody_was_held(native: Day, day: Day, plan: Plan) -> None:
    """The bills of a day with an outage are those of the day without, but for who would have been held."""
    assert day.result["delivered_late"] > 50
    assert day.result["opened_late"] == 0
    # Who would have paid at the exit leaves at once.
    lost, found = native.bills - day.bills, day.bills - native.bills
    at_once = Counter(one._replace(left_at=one.left_at - PAYS_AND_COMES_AGAIN) for one in lost.elements())
    assert found == at_once
    held = {car.plate.number for car in plan.cars if car.driver is not Driver.REGISTERED}
    assert 0 < len(found) == len({one.number for one in found} & held)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--gates", "native-mqtt"), "--mqtt-url"),
        (("--gates", "vzenith-mqtt"), "--mqtt-url"),
        (("--gates", "nobody"), "vzenith"),
        (("--gates", "dahua,vzenith", "--outage", "2h"), "dahua"),
        (("--outage", "3d"), "2h"),
    ],
)
def test_what_cannot_be_played_is_said_at_once(arguments: tuple[str, ...], why: str) -> None:
    result = CliRunner().invoke(demo_command, arguments)
    assert result.exit_code == 2
    assert why in result.output


def test_a_stop_in_the_middle_of_a_day_is_quiet_and_complete(
    running: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = running
    wait_until_it_serves(process, folder)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=READY_SECONDS)
    assert "Traceback" not in said
    assert process.returncode == 130
    assert not list(processes_about(folder))


def test_a_killed_demo_takes_its_processes_along(running: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = running
    wait_until_it_serves(process, folder)
    started = psutil.Process(process.pid).children(recursive=True)
    # The service, its gate process and its settlement, the rail, and both stores.
    assert len(started) >= 6
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=READY_SECONDS)
    _, left = psutil.wait_procs(started, timeout=READY_SECONDS)
    assert left == []


async def test_a_folder_holds_one_day(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    with pytest.raises(Conflict, match="another folder"):
        async with open_stack(tmp_path, seed=1):
            pass
