"""The connection as settlement has it, with a real broker and the simulator as a process of its own."""

from __future__ import annotations

import asyncio
import json
import select
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry

from gateways.hangzhou_wiring import open_city
from gateways.mqtt.options import MqttVersion
from gateways.rails.simulator.client import RailAddress, open_rail_session
from gateways.rails.simulator.statement import read_statement
from gateways.readiness import Readiness
from gateways.settings import Environment, Settings
from gateways.settlement_metrics import SettlementMetrics
from gateways.settlement_wiring import Parts, collector_of
from parking.decision import Reason
from parking.event import Kind
from parking.ids import GarageId
from settlement.notices import notice_desk
from settlement.regranting import Regranting
from settlement.retry import STANDARD
from tests.brokers import Product, running_broker
from tests.gateways.hangzhou_city import ACCESS_ID, CODE, SECRET
from tests.scenarios.stage import PARTITIONS, an_event
from tests.scenarios.test_gates import moment
from tests.scenarios.town import Town, town

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from parking.desk import Answer

START_S = 30.0
PATIENCE_S = 60.0
PLATE = "浙A00001"
CONNECTION = """
access_id = "{access_id}"
url = "{url}"
private_key_file = "garage.key"
platform_key_file = "platform.pub"
mqtt_url = "mqtt://127.0.0.1:{port}"
mqtt_password_file = "secret"

[garage.east]
parking_code = "{code}"
lanes = {{ "in-1" = "1", "out-1" = "2" }}
"""


@contextmanager
def city_process(folder: Path, mqtt_url: str) -> Iterator[str]:
    """The simulator's address."""
    (folder / "secret").write_text(SECRET)
    (folder / "drivers.toml").write_text(f'[driver."{PLATE}"]\nlimit_fen = 5000\nscript = "sim:accepted"\n')
    options = {
        "--data-dir": str(folder),
        "--secret-file": str(folder / "secret"),
        "--access-id": ACCESS_ID,
        "--mqtt": mqtt_url,
        "--drivers": str(folder / "drivers.toml"),
        "--faults": "none",
    }
    words = [word for option in options.items() for word in option]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateways.cli", "hangzhou-simulator", *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], START_S)[0]
        yield str(json.loads(process.stdout.readline())["address"])
        process.terminate()
        assert process.wait(START_S) == 0
    finally:
        process.kill()
        process.wait(START_S)
        process.stdout.close()


def parts_of(on: Town, settings: Settings) -> Parts:
    return Parts(
        settings=settings,
        clock=on.clock,
        live=on.live,
        metrics=SettlementMetrics(CollectorRegistry(), on.clock),
        readiness=Readiness(on.live),
        pool=on.pool,
        sessions=on.sessions,
        garages=on.garages,
        policies=on.policies,
        charges=on.charges,
        regranting=Regranting(),
        billed=Regranting(),
        schedule=STANDARD,
    )


async def passes(on: Town, kind: Kind, at: str) -> Answer:
    on.clock.moment = moment(at)
    lane = "in-1" if kind is Kind.ENTRY else "out-1"
    event = an_event(f"e-{kind}", kind, at=moment(at), plate=PLATE, lane=lane)
    return await on.gate(replace(event, garage_id=GarageId("east")))


async def test_a_car_is_reported_vouched_for_and_charged_by_processes_of_their_own(
    tmp_path: Path, postgres_dsn: str, valkey_url: str
) -> None:
    with (
        running_broker(Product.AMQTT, MqttVersion.V311) as broker,
        city_process(tmp_path, broker.url) as url,
    ):
        file = tmp_path / "hangzhou.toml"
        file.write_text(CONNECTION.format(access_id=ACCESS_ID, url=url, port=broker.port, code=CODE))
        settings = Settings(
            environment=Environment.TEST, partition_count=PARTITIONS, hangzhou_file=file, data_dir=tmp_path
        )
        async with (
            town(postgres_dsn, valkey_url) as on,
            notice_desk(books=on.charges, schedule=STANDARD, clock=on.clock) as desk,
            open_city(parts_of(on, settings), file) as city,
        ):
            on.clock.moment = moment("07:00")
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                loops = [tasks.create_task(one) for one in city.loops(desk, on.regrant)]
                tasks.create_task(collector_of(parts_of(on, settings), city.rails).run(stop))
                await play(on)
                stop.set()
                for loop in loops:
                    loop.cancel()
            assert await on.violations() == []
        where = RailAddress(address=f"{url}/rail", secret=SECRET)
        async with open_rail_session(where) as session:
            (movement,) = [line async for line in read_statement(session, where)]
        assert movement.amount_fen == 1_200


async def play(on: Town) -> None:
    await passes(on, Kind.ENTRY, "08:00")
    async with asyncio.timeout(PATIENCE_S):
        while not await granted(on):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.05)
    answer = await passes(on, Kind.EXIT, "09:20")
    assert answer.decision.reason is Reason.GRANTED
    on.clock.moment += timedelta(minutes=20)
    await until(on, "SELECT count(*) > 0 FROM charge WHERE state = 'paid' AND rail = 'hangzhou'")
    await until(on, "SELECT count(*) = 0 FROM outgoing_report")
    await until(on, "SELECT bool_and(NOT is_open) FROM reported_visit")


async def granted(on: Town) -> bool:
    """Whether the car's gate knows by now that it may leave first."""
    grant = (await on.sessions.find(GarageId("east"), PLATE)).grant
    return grant is not None and grant.allowed


async def until(on: Town, question: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await on.pool.fetchval(question):  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.05)
