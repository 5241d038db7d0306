"""The embedded stores: started, held by one process, brought back after every kind of end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from gateways.embedded import (
    DataDirInUse,
    StoreNotStarted,
    StoreState,
    embedded_stores,
    postgres_binary,
    running_stores,
    valkey,
)
from gateways.embedded.backoff import Backoff
from gateways.embedded.orphans import processes_in
from gateways.embedded.process import Account, Child, Command
from tests.stores import RecordingLog, find_the_mark, leave_a_mark, processes_about, valkey_command

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 20.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)


async def test_what_was_written_is_there_after_a_stop_and_nothing_runs_meanwhile(data_dir: Path) -> None:
    async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()) as stores:
        await leave_a_mark(stores)
        assert (stores.valkey_state, stores.postgres_state) == (StoreState.READY, StoreState.READY)
        pids = {stores.valkey_pid, stores.postgres_pid}
        assert pids <= processes_about(data_dir)
    assert not processes_about(data_dir)
    assert stores.valkey_state is StoreState.STOPPED
    async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()) as stores:
        assert await find_the_mark(stores) == ("inside", 500)


async def test_the_live_store_answers_after_its_write_is_on_disk(data_dir: Path) -> None:
    async with embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()) as stores:
        url = str(stores.valkey_url)
        settings = {
            "appendonly": "yes",
            "appendfsync": "always",
            "port": "0",
            "maxmemory-policy": "noeviction",
        }
        for name, value in settings.items():
            assert valkey_command(url, "CONFIG", "GET", name).split("\r\n")[-1] == value
        assert stores.postgres_dsn is None
        assert stores.postgres_state is StoreState.STOPPED


async def test_a_second_start_names_the_process_that_holds_the_folder(data_dir: Path) -> None:
    async with embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()) as stores:
        with pytest.raises(DataDirInUse, match=rf"in use by process {os.getpid()} \("):
            async with embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()):
                pytest.fail("two holders of one folder")
        assert valkey_command(str(stores.valkey_url), "PING") == "+PONG"


async def test_others_join_the_stores_that_run_on_a_folder(data_dir: Path) -> None:
    assert running_stores(data_dir) is None
    async with embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()) as stores:
        assert running_stores(data_dir) == stores.addresses
    assert running_stores(data_dir) is None


async def test_a_failure_of_the_user_leaves_as_it_is_and_stops_the_stores(data_dir: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()):
            raise ZeroDivisionError
    assert not processes_about(data_dir)


async def test_cancellation_stops_the_stores(data_dir: Path) -> None:
    ready = asyncio.Event()

    async def hold() -> None:
        async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()):
            ready.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(hold())
        await ready.wait()
        task.cancel()
    assert not processes_about(data_dir)


async def test_a_killed_live_store_comes_back_with_its_data(data_dir: Path) -> None:
    log = RecordingLog()
    async with embedded_stores(data_dir, valkey=True, postgres=False, log=log) as stores:
        valkey_command(str(stores.valkey_url), "SET", "car", "inside")
        for _ in range(2):
            killed = stores.valkey_pid
            assert killed is not None
            os.kill(killed, signal.SIGKILL)
            await until(lambda: stores.valkey_state is not StoreState.READY)
            await until(lambda: stores.valkey_state is StoreState.READY)
            assert stores.valkey_pid != killed
            assert valkey_command(str(stores.valkey_url), "GET", "car").endswith("inside")
    assert [fields["how"] for fields in log.named("store_died")] == ["was ended by SIGKILL"] * 2


async def test_killed_books_come_back_with_what_was_committed(data_dir: Path) -> None:
    async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()) as stores:
        await leave_a_mark(stores)
        busy = await asyncpg.connect(stores.postgres_dsn)
        killed = stores.postgres_pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: stores.postgres_state is not StoreState.READY)
        await until(lambda: stores.postgres_state is StoreState.READY)
        busy.terminate()
        assert await find_the_mark(stores) == ("inside", 500)


HOLDER = """
import asyncio, sys
from pathlib import Path
from gateways.embedded import embedded_stores
from tests.stores import RecordingLog

async def hold():
    async with embedded_stores(Path(sys.argv[1]), valkey=True, postgres=True, log=RecordingLog()):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""
"""Runs the stores until it is killed."""


async def test_stores_of_a_killed_process_are_taken_over_with_their_data(data_dir: Path) -> None:
    holder = Child(Command(argv=(sys.executable, "-c", HOLDER, str(data_dir))))
    try:
        await until(lambda: running_stores(data_dir) is not None)
        with pytest.raises(DataDirInUse, match=f"process {holder.pid} "):
            async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()):
                pytest.fail("two holders of one folder")
        joined = running_stores(data_dir)
        assert joined is not None
        assert valkey_command(str(joined.valkey_url), "SET", "car", "inside") == "+OK"
    finally:
        holder.kill()
    orphans = processes_in(data_dir / "valkey", "valkey-server")
    assert orphans, "the fault did not happen"
    log = RecordingLog()
    async with embedded_stores(data_dir, valkey=True, postgres=True, log=log) as stores:
        assert {fields["store"] for fields in log.named("orphans_ended")} == {"Valkey", "PostgreSQL"}
        assert stores.valkey_pid not in orphans
        assert valkey_command(str(stores.valkey_url), "GET", "car").endswith("inside")


async def test_a_recorded_process_id_that_somebody_else_got_does_not_prevent_a_start(data_dir: Path) -> None:
    pid_file = data_dir / "postgres" / "postmaster.pid"
    async with embedded_stores(data_dir, valkey=False, postgres=True, log=RecordingLog()):
        _, *others = pid_file.read_text().splitlines()
    owner = pid_file.parent.stat()
    account = Account(uid=owner.st_uid, gid=owner.st_gid) if os.geteuid() == 0 else None
    somebody = Child(Command(argv=("/bin/sleep", "60"), account=account))
    try:
        pid_file.write_text("\n".join([str(somebody.pid), *others, ""]))
        async with embedded_stores(data_dir, valkey=False, postgres=True, log=RecordingLog()):
            assert await somebody.exited(within_seconds=0.01) is None
    finally:
        somebody.kill()


async def test_a_store_that_cannot_start_says_why_and_leaves_the_other_stopped(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(valkey.SETTINGS, "appendfsync", "sometimes")
    with pytest.raises(StoreNotStarted, match=r"(?s)Valkey ended with exit status 1 .*appendfsync"):
        async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()):
            pytest.fail("started on a wrong setting")
    assert not processes_about(data_dir)


def test_the_programs_for_benchmarks_are_there() -> None:
    assert os.access(postgres_binary("pgbench"), os.X_OK)


def test_pauses_double_up_to_a_bound_and_begin_anew_after_a_long_run() -> None:
    backoff = Backoff()
    assert [backoff.delay_after(0) for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert backoff.delay_after(31) == pytest.approx(0.2)
