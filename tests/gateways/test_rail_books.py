"""The simulator's books hold what its answers said, also after ``kill -9`` in the middle of a load."""

from __future__ import annotations

import asyncio
import socket
from itertools import count
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateways.rails.simulator.books import open_books
from gateways.rails.simulator.client import open_rail_session, open_simulator_rail
from gateways.rails.simulator.command import rail_simulator
from gateways.rails.simulator.statement import read_statement
from settlement.rail import Accepted, Answer, Declined, NotReceived, Order, Paid, Unknown
from tests.gateways.rail_contract import final_answer
from tests.gateways.rail_process import SECRET, RailProcess, an_order, rail_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from gateways.rails.simulator.client import SimulatorRail
    from gateways.rails.simulator.statement import StatementLine

WORKERS = 32
ANSWERS_BEFORE_KILL = 250
SCRIPTS = ("sim:none", "sim:none", "sim:accepted", "sim:decline-soft", "sim:error-after-capture")
QUICK = "accepted_s = [0.05, 0.3]"


async def charge_until_dead(
    rail: SimulatorRail,
    numbers: Iterator[int],
    sent: dict[str, Order],
    told: dict[str, Answer],
    process: RailProcess,
) -> None:
    while process.process.poll() is None:
        number = next(numbers)
        order = an_order(f"load-{number}", agreement=SCRIPTS[number % len(SCRIPTS)], amount_fen=100 + number)
        sent[order.attempt_key] = order
        told[order.attempt_key] = await rail.charge(order)
        if len(told) == ANSWERS_BEFORE_KILL:
            process.process.kill()


async def statement(process: RailProcess) -> list[StatementLine]:
    async with open_rail_session(process.where) as session:
        return [line async for line in read_statement(session, process.where)]


async def test_after_a_kill_the_books_agree_with_every_answer(tmp_path: Path) -> None:
    sent: dict[str, Order] = {}
    told: dict[str, Answer] = {}
    with rail_process(tmp_path, faults=QUICK) as process:
        numbers = count()
        async with open_simulator_rail(process.where) as rail, asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(charge_until_dead(rail, numbers, sent, told, process))
        assert process.process.wait(5) == -9
    assert len(told) >= ANSWERS_BEFORE_KILL
    assert {type(answer) for answer in told.values()} == {Paid, Accepted, Declined, Unknown}

    with rail_process(tmp_path, faults=QUICK) as process:
        async with open_simulator_rail(process.where) as rail:
            asked = {key: await rail.charge_state(key) for key in sent}
            again = {key: await rail.charge(order) for key, order in sent.items()}
            for key in sent:
                again[key] = await final_answer(rail, key)
        lines = await statement(process)
    assert not {key: told[key] for key in sent if not agrees(told[key], asked[key])}
    received = {key: answer for key, answer in asked.items() if answer != NotReceived()}
    assert not {key: answer for key, answer in received.items() if not agrees(answer, again[key])}
    assert books_agree(lines, sent, again)


def agrees(earlier: Answer, later: Answer) -> bool:
    """Whether the rail may say ``later`` after it has said ``earlier``."""
    match earlier:
        case Paid() | Declined():
            return later == earlier
        case Accepted():
            return isinstance(later, Accepted | Paid)
        case Unknown():
            return not isinstance(later, Unknown)
        case NotReceived():
            return False


def books_agree(lines: list[StatementLine], sent: dict[str, Order], final: dict[str, Answer]) -> bool:
    """Each payment that was told is in the books once, as it was told, and nothing else is."""
    booked = [
        (line.attempt_key, line.order_key, line.amount_fen, line.rail_reference, line.paid_at)
        for line in lines
    ]
    told = [
        (key, sent[key].order_key, answer.amount_fen, answer.rail_reference, answer.paid_at)
        for key, answer in final.items()
        if isinstance(answer, Paid) and answer.amount_fen == sent[key].amount_fen
    ]
    unpaid = [answer for answer in final.values() if not isinstance(answer, Paid | Declined)]
    return sorted(booked) == sorted(told) and not unpaid


async def test_a_stop_under_load_breaks_no_answer_and_loses_no_entry(tmp_path: Path) -> None:
    sent: dict[str, Order] = {}
    told: dict[str, Answer] = {}

    async def work(rail: SimulatorRail, numbers: Iterator[int], stopped: asyncio.Event) -> None:
        while not stopped.is_set():
            order = an_order(f"drain-{next(numbers)}")
            sent[order.attempt_key] = order
            told[order.attempt_key] = await rail.charge(order)

    with rail_process(tmp_path) as process:
        numbers, stopped = count(), asyncio.Event()
        async with open_simulator_rail(process.where) as rail, asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(work(rail, numbers, stopped))
            await asyncio.sleep(0.3)
            assert await asyncio.to_thread(process.stop) == 0
            stopped.set()
    books = open_books(tmp_path / "rail.sqlite3")
    captured = {key for (key,) in books.execute("SELECT attempt_key FROM movements")}
    books.close()
    assert {key for key, answer in told.items() if isinstance(answer, Paid)} <= captured
    assert captured <= set(sent)
    assert len(captured) > 50


def test_one_process_holds_the_books(tmp_path: Path) -> None:
    books = open_books(tmp_path / "rail.sqlite3")
    refused = run_command(tmp_path)
    books.close()
    assert refused.exit_code == 1
    assert "another process" in refused.output


def test_an_address_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = run_command(tmp_path, "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert refused.exit_code == 1
    assert "address already in use" in refused.output
    assert refused.output.count("\n") == 1


@pytest.mark.parametrize("option", ["--faults=no-such-file", "--test-clock=no-such-file", "--seed=x"])
def test_a_wrong_option_is_named(tmp_path: Path, option: str) -> None:
    refused = run_command(tmp_path, option)
    assert refused.exit_code == 2
    assert option.partition("=")[0] in refused.output


def run_command(folder: Path, *options: str) -> Result:
    (folder / "secret").write_text(SECRET)
    arguments = ["--data-dir", str(folder), "--secret-file", str(folder / "secret"), *options]
    return CliRunner().invoke(rail_simulator, arguments)
