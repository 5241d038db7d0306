"""Pictures in a folder and in an S3-compatible store: the same promises, on a real server."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
import pytest
from obstore.store import S3Store

from gateways.pictures.bucket import open_bucket
from gateways.pictures.folder import FolderPictures
from gateways.pictures.store import place_of
from parking.errors import InvalidInput, Unavailable
from tests.gateways.gate_stage import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateways.pictures.store import PictureStore

START_S = 60.0
ROOM_BYTES = 100_000
NAME, OTHER = f"{1:064x}.jpg", f"{2:064x}.png"
BUCKET = """
endpoint = "{url}"
bucket = "cars"
prefix = "pictures/kerry"
access_key_id = "any"
secret_access_key = "any"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3 server that takes everybody."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    arguments = ["-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(  # noqa: S603 - a server of the tests
        [sys.executable, "-c", "from moto.server import main; main()", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + START_S
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PictureStore:
    if request.param == "folder":
        return FolderPictures(tmp_path / "pictures")
    url = request.getfixturevalue("server")
    options = {"endpoint": url, "region": "us-east-1", "access_key_id": "any", "secret_access_key": "any"}
    make_bucket(url)
    old = S3Store("cars", client_options={"allow_http": True}, **options)
    for one in [entry["path"] for several in obstore.list(old) for entry in several]:
        obstore.delete(old, one)
    (tmp_path / "bucket.toml").write_text(BUCKET.format(url=url))
    return open_bucket(tmp_path / "bucket.toml")


def make_bucket(url: str) -> None:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(
            b"PUT /cars HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        while connection.recv(4096):
            pass


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_picture_is_what_was_put_and_no_more_than_wanted(store: PictureStore) -> None:
    moment = now()
    picture = b"\xff\xd8\xff" + bytes(range(256)) * 100
    await store.put(NAME, picture, moment)
    await store.put(NAME, picture, moment)
    assert await store.get(NAME, len(picture)) == picture
    assert await store.get(NAME, len(picture) - 1) is None
    assert await store.get(OTHER, 1000) is None


async def test_what_is_older_than_it_may_be_is_deleted(store: PictureStore) -> None:
    moment = now()
    await store.put(NAME, b"\xff\xd8\xff", moment)
    await store.put(OTHER, b"\x89PNG", moment)
    assert await store.forget(moment - timedelta(minutes=5)) == 0
    assert await store.get(NAME, 100) == b"\xff\xd8\xff"
    assert await store.forget(moment + timedelta(minutes=5)) == 2
    assert await store.get(NAME, 100) is None


async def test_a_bucket_keeps_below_its_prefix_and_deletes_nothing_else(server: str, tmp_path: Path) -> None:
    make_bucket(server)
    (tmp_path / "bucket.toml").write_text(BUCKET.format(url=server))
    store = open_bucket(tmp_path / "bucket.toml")
    other = S3Store(
        "cars", endpoint=server, region="us-east-1", access_key_id="any", secret_access_key="any",  # noqa: S106
        client_options={"allow_http": True},
    )  # fmt: skip
    await obstore.put_async(other, "bills/1", b"a bill")
    moment = now()
    await store.put(NAME, b"\xff\xd8\xff", moment)
    head = await obstore.head_async(other, f"pictures/kerry/{place_of(NAME)}")
    assert head["size"] == 3
    await store.forget(moment + timedelta(minutes=5))
    assert (await obstore.head_async(other, "bills/1"))["size"] == 6


async def test_a_store_that_is_away_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "bucket.toml").write_text(BUCKET.format(url="http://127.0.0.1:1"))
    away = open_bucket(tmp_path / "bucket.toml")
    with pytest.raises(Unavailable):
        await away.put(NAME, b"\xff\xd8\xff", now())
    with pytest.raises(Unavailable):
        await away.get(NAME, 100)
    with pytest.raises(Unavailable):
        await away.forget(now())
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable):
        await FolderPictures(tmp_path / "file").put(NAME, b"\xff\xd8\xff", now())


async def test_a_picture_for_which_there_is_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = FolderPictures(tmp_path)
    unbounded = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, unbounded[1]))
    try:
        with pytest.raises(Unavailable):
            await folder.put(NAME, b"\xff\xd8\xff" + bytes(ROOM_BYTES), now())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unbounded)
    assert files_below(tmp_path) == []
    await folder.put(NAME, b"\xff\xd8\xff", now())
    assert await folder.get(NAME, 100) == b"\xff\xd8\xff"


@pytest.mark.parametrize("wrong", ["endpoint = 'ftp://x'", "bucket = ''", "speed = 1", "="], ids=str)
def test_a_file_that_says_something_else_is_refused(wrong: str, tmp_path: Path) -> None:
    key = wrong.partition(" ")[0]
    lines = [line for line in BUCKET.format(url="http://s3").splitlines() if not line.startswith(key)]
    (tmp_path / "bucket.toml").write_text("\n".join([*lines, wrong]))
    with pytest.raises(InvalidInput, match=r"bucket\.toml"):
        open_bucket(tmp_path / "bucket.toml")
