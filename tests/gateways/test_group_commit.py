"""The writer of a local SQLite file: everybody gets an answer, and nobody another's fault."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from gateways.group_commit import GroupCommit, open_durable
from parking.errors import Busy, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def connect(path: Path) -> sqlite3.Connection:
    connection = open_durable(path)
    connection.execute("CREATE TABLE IF NOT EXISTS notes (note INTEGER PRIMARY KEY)")
    return connection


def add(note: int, connection: sqlite3.Connection) -> int:
    connection.execute("INSERT INTO notes VALUES (?)", (note,))
    return note


def add_and_fail(note: int, connection: sqlite3.Connection) -> int:
    add(note, connection)
    raise RuntimeError(f"note {note}")


def add_and_lose_the_transaction(note: int, connection: sqlite3.Connection) -> int:
    connection.execute("INSERT OR ROLLBACK INTO notes VALUES (?)", (note,))
    return note


def notes(path: Path) -> list[int]:
    connection = open_durable(path)
    try:
        return [note for (note,) in connection.execute("SELECT note FROM notes ORDER BY note")]
    finally:
        connection.close()


class Gate:
    """Holds the writer's thread at the disk until the test lets it go on."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    def __call__(self, connection: sqlite3.Connection) -> None:
        del connection
        self._loop.call_soon_threadsafe(self.reached.set)
        asyncio.run_coroutine_threadsafe(self.open.wait(), self._loop).result(10)


async def in_one_batch(
    writer: GroupCommit, *ops: Callable[[sqlite3.Connection], int]
) -> list[int | Exception]:
    """Submit all while the writer is busy, so that they share a transaction."""
    gate = Gate()
    results: list[int | Exception] = [0] * len(ops)

    async def submit(place: int, op: Callable[[sqlite3.Connection], int]) -> None:
        try:
            results[place] = await writer.submit(op)
        except (RuntimeError, sqlite3.Error, Unavailable, OutcomeUnknown) as error:
            results[place] = error

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(writer.submit(gate))
        await gate.reached.wait()
        for place, op in enumerate(ops):
            tasks.create_task(submit(place, op))
        await asyncio.sleep(0.01)
        gate.open.set()
    return results


async def test_each_caller_gets_its_own_result_and_it_is_on_disk(tmp_path: Path) -> None:
    async with GroupCommit(partial(connect, tmp_path / "f")) as writer, asyncio.TaskGroup() as tasks:
        callers = [tasks.create_task(writer.submit(partial(add, note))) for note in range(500)]
    assert [caller.result() for caller in callers] == list(range(500))
    assert notes(tmp_path / "f") == list(range(500))


async def test_a_failure_undoes_its_own_writes_and_no_others(tmp_path: Path) -> None:
    async with GroupCommit(partial(connect, tmp_path / "f")) as writer:
        results = await in_one_batch(writer, partial(add, 1), partial(add_and_fail, 2), partial(add, 3))
    assert results[0] == 1
    assert isinstance(results[1], RuntimeError)
    assert results[2] == 3
    assert notes(tmp_path / "f") == [1, 3]


async def test_a_lost_transaction_is_repeated_in_twos(tmp_path: Path) -> None:
    async with GroupCommit(partial(connect, tmp_path / "f")) as writer:
        await writer.submit(partial(add, 7))
        results = await in_one_batch(
            writer, partial(add, 1), partial(add_and_lose_the_transaction, 7), partial(add, 3)
        )
    assert results[0] == 1
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert results[2] == 3
    assert notes(tmp_path / "f") == [1, 3, 7]


async def test_a_refusing_file_is_unavailable(tmp_path: Path) -> None:
    def connect_full() -> sqlite3.Connection:
        connection = connect(tmp_path / "f")
        connection.execute("PRAGMA max_page_count = 4")
        return connection

    def fill(connection: sqlite3.Connection) -> int:
        connection.execute("CREATE TABLE big AS SELECT hex(zeroblob(100000)) AS text")
        return 0

    async with GroupCommit(connect_full) as writer:
        results = await in_one_batch(writer, partial(add, 1), fill, partial(add, 2))
        assert results[0] == 1
        assert isinstance(results[1], Unavailable)
        assert results[2] == 2
    assert notes(tmp_path / "f") == [1, 2]


async def test_a_failing_commit_leaves_the_batch_in_doubt(tmp_path: Path) -> None:
    def connect_with_orphans() -> sqlite3.Connection:
        connection = connect(tmp_path / "f")
        connection.execute(
            "CREATE TABLE orphans (parent INTEGER REFERENCES notes (note) DEFERRABLE INITIALLY DEFERRED)"
        )
        return connection

    def orphan(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO orphans VALUES (99)")
        return 0

    async with GroupCommit(connect_with_orphans) as writer:
        results = await in_one_batch(writer, partial(add, 1), orphan)
        assert [type(result) for result in results] == [OutcomeUnknown, OutcomeUnknown]
        assert await writer.submit(partial(add, 2)) == 2
    assert notes(tmp_path / "f") == [2]


async def test_a_full_queue_is_busy_and_drains(tmp_path: Path) -> None:
    async with GroupCommit(partial(connect, tmp_path / "f"), queue_max=3) as writer:
        gate = Gate()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.submit(gate))
            await gate.reached.wait()
            for note in (1, 2):
                tasks.create_task(writer.submit(partial(add, note)))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await writer.submit(partial(add, 3))
            gate.open.set()
        assert await writer.submit(partial(add, 4)) == 4
    assert notes(tmp_path / "f") == [1, 2, 4]


async def test_a_cancelled_caller_harms_nobody_and_its_write_is_kept(tmp_path: Path) -> None:
    async with GroupCommit(partial(connect, tmp_path / "f")) as writer:
        gate = Gate()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(writer.submit(gate))
            await gate.reached.wait()
            callers = [tasks.create_task(writer.submit(partial(add, note))) for note in range(10)]
            await asyncio.sleep(0)
            callers[4].cancel()
            await asyncio.sleep(0)
            gate.open.set()
        kept = [note for note in range(10) if note != 4]
        assert [caller.cancelled() for caller in callers] == [note == 4 for note in range(10)]
        assert [caller.result() for caller in callers if not caller.cancelled()] == kept
    assert notes(tmp_path / "f") == list(range(10))


async def test_leaving_drains_what_was_submitted(tmp_path: Path) -> None:
    in_twos = GroupCommit(partial(connect, tmp_path / "f"), batch_max=2)
    async with asyncio.TaskGroup() as tasks, in_twos as writer:
        callers = [tasks.create_task(writer.submit(partial(add, note))) for note in range(50)]
        await asyncio.sleep(0)
    assert [caller.result() for caller in callers] == list(range(50))
    with pytest.raises(Unavailable):
        await writer.submit(partial(add, 51))


async def test_a_writer_that_hangs_at_the_end_leaves_nobody_waiting(tmp_path: Path) -> None:
    gate = Gate()
    hasty = GroupCommit(partial(connect, tmp_path / "f"), drain_timeout_s=0.05)
    async with asyncio.TaskGroup() as tasks, hasty as writer:
        tasks.create_task(writer_in_doubt(writer, gate))
        await gate.reached.wait()
    gate.open.set()
    await asyncio.sleep(0.05)


async def writer_in_doubt(writer: GroupCommit, gate: Gate) -> None:
    with pytest.raises(OutcomeUnknown):
        await writer.submit(gate)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_writer_that_dies_leaves_nobody_waiting(tmp_path: Path) -> None:
    def die(connection: sqlite3.Connection) -> int:
        del connection
        raise SystemExit

    async with GroupCommit(partial(connect, tmp_path / "f")) as writer:
        with pytest.raises(OutcomeUnknown):
            await writer.submit(die)
        with pytest.raises(Unavailable):
            await writer.submit(partial(add, 1))
        for thread in threading.enumerate():
            if thread.name == "group-commit":
                await asyncio.to_thread(thread.join, 5)


async def test_a_file_belongs_to_one_writer(tmp_path: Path) -> None:
    async with GroupCommit(partial(connect, tmp_path / "f")):
        with pytest.raises(Unavailable, match="another process"):
            async with GroupCommit(partial(connect, tmp_path / "f")):
                pass


async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no database, and longer than its header would be" * 10)
    for path in (tmp_path / "text", tmp_path / "no" / "such" / "folder"):
        with pytest.raises(Unavailable):
            async with GroupCommit(partial(connect, path)):
                pass
