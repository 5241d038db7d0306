"""A broker for the benchmarks: mosquitto where it is installed, else amqtt where pip has it, else none.

It listens on this machine alone, takes any name and password, and is gone afterwards.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from benchmarks.load import WrongAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["NO_BROKER", "Broker", "running_broker"]

NO_BROKER: Final = "none at hand (mosquitto, or amqtt): MQTT is not measured"
PATH: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"
AS_ADVISED: Final = "allow_anonymous true\nmax_inflight_messages 100\nset_tcp_nodelay true\n"
AMQTT: Final = "from amqtt.scripts.broker_script import main; main()"
ANYBODY: Final = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}}
READY_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.05
STOP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Whose it is, and where it listens."""

    product: str
    url: str


@asynccontextmanager
async def running_broker(folder: Path) -> AsyncIterator[Broker | None]:
    """A broker that listens, with its files below ``folder``; None where there is none to start."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    started = _command(folder, port)
    if started is None:
        yield None
        return
    product, command = started
    with (folder / "broker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        await _until_it_listens(port, product)
        yield Broker(product=product, url=f"mqtt://service:any@127.0.0.1:{port}")
    finally:
        process.terminate()
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()


def _command(folder: Path, port: int) -> tuple[str, list[str]] | None:
    file, mosquitto = folder / "broker.conf", shutil.which("mosquitto", path=PATH)
    if mosquitto is not None:
        file.write_text(f"listener {port} 127.0.0.1\n{AS_ADVISED}", "utf-8")
        return "mosquitto", [mosquitto, "-c", str(file)]
    if find_spec("amqtt") is None:
        return None
    listener = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    file.write_text(json.dumps({"listeners": listener, "plugins": ANYBODY}), "utf-8")
    return "amqtt", [sys.executable, "-c", AMQTT, "-c", str(file)]


async def _until_it_listens(port: int, product: str) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(RETRY_SECONDS)
                else:
                    writer.close()
                    return
    except TimeoutError:
        raise WrongAnswer(f"{product} does not listen") from None
