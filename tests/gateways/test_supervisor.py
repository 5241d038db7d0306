"""The supervisor: children come back, drain together, and never outlive it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from gateways.embedded.process import Child, Command
from gateways.supervisor import ChildSpec, ChildUnfit, Supervisor
from tests.stores import RecordingLog, processes_about

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATIENCE_SECONDS = 15.0
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join(sys.path)}

WORKER = """
import asyncio, os, pathlib, signal, sys
from gateways.supervisor import lifeline_lost

async def work():
    folder, drain_seconds, fd = pathlib.Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[4])
    mine = folder / str(os.getpid())
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    mine.write_text("running " + os.environ.get("COLOUR", ""))
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(lifeline_lost(fd))
        watching.add_done_callback(lambda _: stopping.set())
        await stopping.wait()
        why = "lifeline" if watching.done() else "asked"
        watching.cancel()
    await asyncio.sleep(drain_seconds)
    mine.write_text("drained " + why)

asyncio.run(work())
"""
"""Writes into a file named after its process what becomes of it."""

MAIN = """
import asyncio, sys
from gateways.supervisor import ChildSpec, Supervisor, run_until_signal
from tests.stores import RecordingLog

def spec(name):
    return ChildSpec(name=name, argv=(sys.executable, "-c", sys.argv[2], sys.argv[1], "0.1"))

async def main():
    environment = {"PYTHONPATH": ":".join(sys.path)}
    supervisor = Supervisor([spec("one"), spec("two")], environment=environment, log=RecordingLog())
    return await run_until_signal(supervisor.run())

sys.exit(asyncio.run(main()))
"""
"""A supervising process with two workers."""


def worker(folder: Path, name: str = "worker", *, drain_seconds: float = 0.0) -> ChildSpec:
    return ChildSpec(name=name, argv=(sys.executable, "-c", WORKER, str(folder), str(drain_seconds)))


def reports(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.iterdir())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)


async def test_children_drain_when_the_supervisor_is_left(tmp_path: Path) -> None:
    specs = [worker(tmp_path, "one", drain_seconds=0.2), worker(tmp_path, "two", drain_seconds=0.2)]
    supervisor = Supervisor(specs, environment=ENVIRONMENT, log=RecordingLog())
    async with supervisor.running():
        await until(lambda: reports(tmp_path) == ["running ", "running "])
        assert set(supervisor.pids) == {"one", "two"}
    assert reports(tmp_path) == ["drained asked", "drained asked"]
    assert not supervisor.pids
    assert not processes_about(tmp_path)


async def test_a_killed_child_is_started_again_and_the_other_is_left_alone(tmp_path: Path) -> None:
    log = RecordingLog()
    supervisor = Supervisor(
        [worker(tmp_path, "one"), worker(tmp_path, "two")], environment=ENVIRONMENT, log=log
    )
    async with supervisor.running():
        await until(lambda: reports(tmp_path) == ["running ", "running "])
        before = supervisor.pids
        os.kill(before["one"], signal.SIGKILL)
        await until(lambda: len(reports(tmp_path)) == 3)
        after = supervisor.pids
    assert after["one"] != before["one"]
    assert after["two"] == before["two"]
    assert [(fields["child"], fields["how"]) for fields in log.named("child_died")] == [
        ("one", "was ended by SIGKILL")
    ]


async def test_a_child_that_does_not_drain_in_time_is_killed(tmp_path: Path) -> None:
    log = RecordingLog()
    supervisor = Supervisor(
        [worker(tmp_path, drain_seconds=60)], environment=ENVIRONMENT, log=log, drain_seconds=0.3
    )
    async with supervisor.running():
        await until(lambda: reports(tmp_path) == ["running "])
    assert reports(tmp_path) == ["running "]
    assert [fields["how"] for fields in log.named("child_ended")][-1:] == ["was ended by SIGKILL"]
    assert not processes_about(tmp_path)


async def test_it_gives_up_on_a_child_that_fails_at_once_again_and_again(tmp_path: Path) -> None:
    broken = ChildSpec(
        name="gates",
        argv=(sys.executable, "-c", "raise SystemExit('the port is taken')"),
        log_path=tmp_path / "gates.log",
    )
    healthy = worker(tmp_path / "reports", "settlement")
    (tmp_path / "reports").mkdir()
    supervisor = Supervisor([broken, healthy], environment=ENVIRONMENT, log=RecordingLog())
    with pytest.raises(ChildUnfit, match=r"(?s)gates ended with exit status 1, 5 times .*the port is taken"):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await supervisor.run()
    assert reports(tmp_path / "reports") == ["drained asked"]


async def test_a_program_that_does_not_exist_is_named() -> None:
    spec = ChildSpec(name="gates", argv=("/no/such/program",))
    with pytest.raises(ChildUnfit, match=r"gates cannot be run: .*/no/such/program"):
        await Supervisor([spec], environment=ENVIRONMENT, log=RecordingLog()).run()


async def test_a_childs_environment_is_the_supervisors_with_its_own_additions(tmp_path: Path) -> None:
    plain = worker(tmp_path)
    spec = ChildSpec(name="worker", argv=plain.argv, environment={"COLOUR": "green"})
    async with Supervisor([spec], environment=ENVIRONMENT | {"COLOUR": "blue"}, log=RecordingLog()).running():
        await until(lambda: reports(tmp_path) == ["running green"])


async def test_a_failure_of_the_user_leaves_as_it_is_after_the_drain(tmp_path: Path) -> None:
    async def fail() -> None:
        async with Supervisor([worker(tmp_path)], environment=ENVIRONMENT, log=RecordingLog()).running():
            await until(lambda: reports(tmp_path) == ["running "])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert reports(tmp_path) == ["drained asked"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_to_the_whole_terminal_drains_everything_and_ends_well(
    tmp_path: Path, number: signal.Signals
) -> None:
    main = Child(Command(argv=(sys.executable, "-c", MAIN, str(tmp_path), WORKER)))
    try:
        await until(lambda: reports(tmp_path) == ["running ", "running "])
        os.killpg(main.pid, number)
        assert await main.exited(within_seconds=PATIENCE_SECONDS) == 0
    finally:
        main.kill()
    assert reports(tmp_path) == ["drained asked", "drained asked"]


async def test_children_of_a_killed_supervisor_drain_by_themselves(tmp_path: Path) -> None:
    main = Child(Command(argv=(sys.executable, "-c", MAIN, str(tmp_path), WORKER)))
    try:
        await until(lambda: reports(tmp_path) == ["running ", "running "])
    finally:
        main.kill()
    await until(lambda: reports(tmp_path) == ["drained lifeline", "drained lifeline"])
    await until(lambda: not processes_about(tmp_path))
