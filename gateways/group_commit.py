"""Many writers, one SQLite file, one fsync for all who wait.

Callers submit a function of the connection and await its result. One thread owns the connection: it
takes whatever waits, runs it in one transaction, commits, and only then lets the callers go on. While
it is at the disk the next batch gathers, so batches are small when it is quiet and large under load,
without any timer.

A function that raises undoes its own writes and nobody else's. Because a batch whose transaction
SQLite has thrown away is run again one by one, a function must touch nothing but the connection.
"""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from parking.errors import Busy, Defect, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

__all__ = ["DamagedFile", "GroupCommit", "open_durable"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

OPEN_TIMEOUT_S = 0.5
BEGIN = "BEGIN IMMEDIATE"
MARK = "SAVEPOINT one"
UNDO = "ROLLBACK TO one"
KEEP = "RELEASE one"


DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
HELD = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PRIMARY_CODE = 0xFF


class DamagedFile(Unavailable):
    """What is in the file is not, or not wholly, what was written there."""


def open_durable(path: Path) -> sqlite3.Connection:
    """Open a file for this process alone; what is committed there survives a power cut.

    Raises :class:`DamagedFile` for a file that is damaged, :class:`Unavailable` when another process holds
    it, or when it cannot be opened.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=OPEN_TIMEOUT_S)
    except sqlite3.Error as error:
        raise Unavailable(f"{path} cannot be opened: {error}") from error
    try:
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(BEGIN)
        connection.commit()
        (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    if state != "ok":
        connection.close()
        raise DamagedFile(f"{path} is damaged: {state}")
    return connection


def _unusable(path: Path, error: sqlite3.Error) -> Unavailable:
    code = getattr(error, "sqlite_errorcode", 0) & PRIMARY_CODE
    if code in DAMAGED:
        return DamagedFile(f"{path} is damaged: {error}")
    if code in HELD:
        return Unavailable(f"{path} is held by another process: {error}")
    return Unavailable(f"{path} cannot be used: {error}")


class TransactionLost(Exception):
    """SQLite gave up the whole transaction because of one function's error."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Submission(Generic[R_co]):
    """One caller's function, what came of it, and the future that the caller awaits."""

    __slots__ = ("_error", "_future", "_op", "_succeed")

    def __init__(self, op: Callable[[sqlite3.Connection], R_co], future: asyncio.Future[R_co]) -> None:
        self._op = op
        self._future = future
        self._succeed: Callable[[], None] = self._undone
        self._error: Exception | None = None

    def _undone(self) -> None:
        self._future.set_exception(Defect("a write was resolved before it ran"))

    def run(self, connection: sqlite3.Connection) -> None:
        """In the writer's thread, within a transaction: run, and undo it alone if it raises."""
        self._error = None
        connection.execute(MARK)
        try:
            self._succeed = partial(self._future.set_result, self._op(connection))
        except Exception as error:
            if not connection.in_transaction:
                raise TransactionLost(error) from error
            connection.execute(UNDO)
            self._error = _as_ours(error)
        connection.execute(KEEP)

    def fail(self, error: Exception) -> None:
        """Make ``error`` the outcome, unless the function itself has failed already."""
        self._error = self._error or error

    def resolve(self) -> None:
        """In the loop's thread: let the caller go on, if it is still there."""
        if self._future.done():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._succeed()


def _as_ours(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.OperationalError):
        return error
    ours = Unavailable(f"the local store refused a write: {error}")
    ours.__cause__ = error
    return ours


class GroupCommit:
    """The one writer of a SQLite file; an async context manager, drained on leaving."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        queue_max: int = 10_000,
        batch_max: int = 500,
        drain_timeout_s: float = 30.0,
    ) -> None:
        """``connect`` runs in the writer's thread and must return an autocommit connection."""
        self._connect = connect
        self._queue_max = queue_max
        self._batch_max = batch_max
        self._drain_timeout_s = drain_timeout_s
        self._queue: SimpleQueue[Submission[object] | None] = SimpleQueue()
        self._outstanding: set[Submission[object]] = set()
        self._open = False

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        Thread(target=self._thread, args=(opened,), name="group-commit", daemon=True).start()
        try:
            await opened
        except BaseException:
            self._queue.put(None)
            raise
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        self._queue.put(None)
        try:
            async with asyncio.timeout(self._drain_timeout_s):
                await asyncio.shield(self._ended)
        except TimeoutError:
            pass
        finally:
            self._abandon()

    async def submit(self, op: Callable[[sqlite3.Connection], R]) -> R:
        """Run ``op`` in the next batch; returns, or raises what it raised, once the batch is on disk.

        Raises :class:`Busy` when the queue is full, :class:`Unavailable` when the store refuses (in
        both cases nothing happened), :class:`OutcomeUnknown` when the commit itself failed. A caller
        that is cancelled leaves its function behind, to be run.
        """
        if not self._open:
            raise Unavailable("the local store is closed")
        if len(self._outstanding) >= self._queue_max:
            raise Busy(f"{self._queue_max} writes are waiting for the local store")
        future: asyncio.Future[R] = self._loop.create_future()
        submission: Submission[R] = Submission(op, future)
        self._outstanding.add(submission)
        self._queue.put(submission)
        return await future

    def _resolve(self, batch: list[Submission[object]]) -> None:
        self._outstanding.difference_update(batch)
        for submission in batch:
            submission.resolve()

    def _abandon(self) -> None:
        """Whoever still waits for a writer that is gone, or hangs, learns that it does not know."""
        self._open = False
        left = list(self._outstanding)
        for submission in left:
            submission.fail(OutcomeUnknown("the local store's writer has ended"))
        self._resolve(left)

    def _finished(self) -> None:
        self._abandon()
        if not self._ended.done():
            self._ended.set_result(None)

    def _tell(self, act: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(act)

    def _thread(self, opened: asyncio.Future[None]) -> None:
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - raised again in the task that opens
            reason = error
            self._tell(lambda: None if opened.done() else opened.set_exception(reason))
            return
        self._tell(lambda: None if opened.done() else opened.set_result(None))
        try:
            self._write_until_closed(connection)
        finally:
            connection.close()
            self._tell(self._finished)

    def _write_until_closed(self, connection: sqlite3.Connection) -> None:
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            if batch:
                _write(connection, batch)
                self._tell(partial(self._resolve, batch))

    def _next_batch(self) -> tuple[list[Submission[object]], bool]:
        batch: list[Submission[object]] = []
        while len(batch) < self._batch_max and not (batch and self._queue.empty()):
            submission = self._queue.get()
            if submission is None:
                return batch, True
            batch.append(submission)
        return batch, False


def _write(connection: sqlite3.Connection, batch: list[Submission[object]]) -> None:
    try:
        _commit(connection, batch)
    except TransactionLost:
        for submission in batch:
            try:
                _commit(connection, [submission])
            except TransactionLost as error:
                submission.fail(_as_ours(error.reason))


def _commit(connection: sqlite3.Connection, batch: list[Submission[object]]) -> None:
    """Run a batch in one transaction; a failing commit leaves every member in doubt."""
    try:
        connection.execute(BEGIN)
    except sqlite3.Error as error:
        for submission in batch:
            submission.fail(Unavailable(f"the local store cannot be written: {error}"))
        return
    try:
        for submission in batch:
            submission.run(connection)
        connection.commit()
    except sqlite3.Error as error:
        for submission in batch:
            submission.fail(OutcomeUnknown(f"the local store's commit failed: {error}"))
    finally:
        if connection.in_transaction:
            connection.rollback()
