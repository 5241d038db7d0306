"""Real MQTT brokers for tests: amqtt, which pip installs and which speaks 3.1.1, and mosquitto where it is.

A broker is a process of its own in a folder of its own; a test may kill it and start it again.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

import pytest

from gateways.embedded import scratch_data_dir
from gateways.mqtt.options import MqttVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["BROKERS", "MOSQUITTO", "REDELIVERING", "Broker", "Product", "running_broker"]

START_S = 30.0
STOP_S = 15.0
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@unique
class Product(StrEnum):
    """Whose broker it is."""

    AMQTT = "amqtt"
    MOSQUITTO = "mosquitto"


REDELIVERING = [
    pytest.param(
        (Product.MOSQUITTO, version),
        id=f"mosquitto-{version}",
        marks=pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed here"),
    )
    for version in MqttVersion
]
"""The brokers that deliver again what was not acknowledged: amqtt does not."""

BROKERS = [pytest.param((Product.AMQTT, MqttVersion.V311), id="amqtt-3.1.1"), *REDELIVERING]
"""Parameters of a fixture: which broker, and which version of the protocol we speak to it."""


@dataclass(slots=True, kw_only=True)
class Broker:
    """A broker that takes any name and password, and forgets everything when it ends."""

    product: Product
    version: MqttVersion
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://service:any@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log)  # noqa: S603 - a broker
        end = time.monotonic() + START_S
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > end:
                raise ChildProcessError((self.folder / "log").read_text())
            time.sleep(0.02)

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_S)
            self.process = None

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _command(self) -> list[str]:
        file = self.folder / "broker.conf"
        if self.product is Product.MOSQUITTO:
            file.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
            return [str(MOSQUITTO), "-c", str(file)]
        bound = {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}}
        plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": False}}
        file.write_text(json.dumps({"listeners": bound, "plugins": plugins}))
        return [sys.executable, "-c", "from amqtt.scripts.broker_script import main; main()", "-c", str(file)]


@contextmanager
def running_broker(product: Product, version: MqttVersion) -> Iterator[Broker]:
    """A broker that listens; gone afterwards."""
    with scratch_data_dir() as folder:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        broker = Broker(product=product, version=version, folder=folder, port=port)
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()
