"""Real stores for every test that asks for one.

A pytest run has one Valkey and one PostgreSQL of its own, in a temporary folder, kept by an event loop in a
thread of their own: they outlive the loops of single tests. Each test gets an emptied Valkey and a new
database, copied from one that has been migrated once. A test that kills a store brings its own, with
``scratch_data_dir`` and ``embedded_stores``.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from socket import AF_UNIX, socket
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from gateways.embedded import embedded_stores, postgres_binary, scratch_data_dir
from gateways.embedded.process import Command, run_to_end

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from gateways.embedded import EmbeddedStores

__all__ = [
    "RecordingLog",
    "StoreSession",
    "data_dir",
    "empty_postgres_dsn",
    "find_the_mark",
    "leave_a_mark",
    "migrated_template",
    "postgres_dsn",
    "processes_about",
    "store_session",
    "valkey_command",
    "valkey_url",
]

START_SECONDS = 60.0
TASK_SECONDS = 60.0
TEMPLATE = "migrated"
DATABASE_NUMBERS = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLog:
    """Remembers what was logged."""

    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def info(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.events.append((event, fields))

    def named(self, event: str) -> list[dict[str, object]]:
        """The fields of every ``event``."""
        return [fields for name, fields in self.events if name == event]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSession:
    """The stores of this run of the tests."""

    valkey_url: str
    postgres_dsn: str
    data_dir: Path
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[object, object, None]) -> None:
        """Run something asynchronous to its end, wherever the caller is."""
        asyncio.run_coroutine_threadsafe(work, self.loop).result(TASK_SECONDS)

    def create_database(self, *, template: str | None = None, name: str | None = None) -> str:
        """The DSN of a new database, for its owner."""
        name = name or f"test_{next(DATABASE_NUMBERS)}"
        options = ("--template", template) if template else ()
        self._client("createdb", *options, name)
        return urlsplit(self.postgres_dsn)._replace(path=f"/{name}").geturl()

    def drop_database(self, dsn: str) -> None:
        """Drop it, whoever is connected."""
        self._client("dropdb", "--if-exists", "--force", urlsplit(dsn).path.removeprefix("/"))

    def _client(self, program: str, *options: str) -> None:
        dsn = urlsplit(self.postgres_dsn)
        server = ("--host", parse_qs(dsn.query)["host"][0], "--username", dsn.username or "")
        command = Command(argv=(str(postgres_binary(program)), *server, *options), environment={})
        ran = run_to_end(command, within_seconds=TASK_SECONDS)
        assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="session")
def store_session() -> Iterator[StoreSession]:
    """One Valkey and one PostgreSQL for all tests of this run."""
    with scratch_data_dir() as data_dir, stores_in_a_thread(data_dir) as session:
        yield session


@pytest.fixture
def valkey_url(store_session: StoreSession) -> str:
    """An empty Valkey; function libraries of earlier tests are still loaded."""
    assert valkey_command(store_session.valkey_url, "FLUSHALL") == "+OK"
    return store_session.valkey_url


@pytest.fixture(scope="session")
def migrated_template(store_session: StoreSession) -> str:
    """The name of a database at the current schema, which nobody connects to."""
    from settlement.books.migrate import migrate  # noqa: PLC0415 - tests without books need not import it

    store_session.run(migrate(store_session.create_database(name=TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def postgres_dsn(store_session: StoreSession, migrated_template: str) -> Iterator[str]:
    """A database of the test's own at the current schema, as its owner."""
    dsn = store_session.create_database(template=migrated_template)
    yield dsn
    store_session.drop_database(dsn)


@pytest.fixture
def empty_postgres_dsn(store_session: StoreSession) -> Iterator[str]:
    """A database of the test's own without any table, as its owner."""
    dsn = store_session.create_database()
    yield dsn
    store_session.drop_database(dsn)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder for stores of the test's own; fails the test when any of them is left running."""
    with scratch_data_dir() as path:
        yield path
        assert not processes_about(path)


@contextmanager
def stores_in_a_thread(data_dir: Path) -> Iterator[StoreSession]:
    """Run the stores under an event loop of their own."""
    ready: Future[StoreSession] = Future()
    done = asyncio.Event()

    async def hold() -> None:
        try:
            async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()) as stores:
                ready.set_result(session_of(stores, asyncio.get_running_loop()))
                await done.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=asyncio.run, args=(hold(),), name="stores")
    thread.start()
    session = ready.result(START_SECONDS)
    try:
        yield session
    finally:
        session.loop.call_soon_threadsafe(done.set)
        thread.join()


def session_of(stores: EmbeddedStores, loop: asyncio.AbstractEventLoop) -> StoreSession:
    assert stores.valkey_url is not None
    assert stores.postgres_dsn is not None
    return StoreSession(
        valkey_url=stores.valkey_url,
        postgres_dsn=stores.postgres_dsn,
        data_dir=stores.data_dir,
        loop=loop,
    )


def valkey_command(url: str, *words: str) -> str:
    """Send one command without a client; the reply as it is on the wire, without the last line end."""
    with socket(AF_UNIX) as connection:
        connection.settimeout(TASK_SECONDS)
        connection.connect(urlsplit(url).path)
        sent = "".join([f"*{len(words)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in words)])
        connection.sendall(sent.encode())
        return connection.recv(65536).decode().removesuffix("\r\n")


async def leave_a_mark(stores: EmbeddedStores) -> None:
    """Write something into both stores."""
    assert valkey_command(str(stores.valkey_url), "SET", "car", "inside") == "+OK"
    connection = await asyncpg.connect(stores.postgres_dsn)
    await connection.execute("CREATE TABLE paid (amount_fen bigint); INSERT INTO paid VALUES (500)")
    await connection.close()


async def find_the_mark(stores: EmbeddedStores) -> tuple[str, int]:
    """What was written: "inside" and 500."""
    connection = await asyncpg.connect(stores.postgres_dsn)
    amount_fen = await connection.fetchval("SELECT sum(amount_fen)::bigint FROM paid")
    await connection.close()
    return valkey_command(str(stores.valkey_url), "GET", "car").split("\r\n")[-1], amount_fen


def processes_about(folder: Path) -> set[int]:
    """The processes that work in ``folder`` or below, or name it on their command line."""
    found = set()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if not entry.name.isdigit():
                continue
            works_in = (entry / "cwd").readlink()
            words = (entry / "cmdline").read_bytes()
            if works_in.is_relative_to(folder) or str(folder).encode() in words:
                found.add(int(entry.name))
    return found
