"""A real gate process, a Valkey of its own where a test breaks it, and a plain client that keeps the time."""

from __future__ import annotations

import http.client
import json
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import psutil

from gateways.catalog_document import catalog_to_json
from gateways.embedded.binaries import valkey_binary
from gateways.settings import process_environment
from parking.catalog import Catalog, Controller, secret_digest
from parking.clock import SystemClock
from parking.garage import Barrier, Policy
from parking.ids import ControllerId, GarageId, LaneId, partition_of
from parking.live.catalog import publish
from parking.live.codec import record_from
from parking.live.keys import journal_key
from tests.scenarios.stage import garage_of, live_connection
from tests.stores import valkey_command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from parking.journal import Record

__all__ = [
    "LANES",
    "PARTITIONS",
    "SECRET",
    "Answered",
    "GateProcess",
    "ValkeyProcess",
    "catalog_of",
    "gate_event",
    "gate_process",
    "now",
    "publish_catalog",
    "read_journal",
    "token",
    "until",
    "valkey_process",
    "without",
]

SECRET = "s" * 43
PARTITIONS = 8
READY_S = 20.0
STOP_S = 15.0
GATE = (
    "from gateways.gate_process import run_gates; from gateways.process import run; "
    "from gateways.settings import load_settings; settings = load_settings(); "
    "run(run_gates(settings, number=0, lifeline_fd=None), settings, process='gates-0')"
)
"""What ``serve --role gates`` does, without importing the rest of the command line."""
LANES = frozenset(map(LaneId, ("in-1", "out-1", "gate")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back, and how long it took."""

    status: int
    headers: Mapping[str, str]
    text: bytes
    seconds: float

    @property
    def body(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.text)
        return document


@dataclass(slots=True, kw_only=True)
class GateProcess:
    """A gate process that answers."""

    process: subprocess.Popen[bytes]
    port: int
    metrics_port: int
    connection: http.client.HTTPConnection | None = field(default=None)

    def post(
        self,
        body: object,
        *,
        by: str = "c1",
        path: str = "/v1/gate-events",
        **headers: str,
    ) -> Answered:
        """Send one request on a kept connection; bytes as they are, everything else as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        given = {"Authorization": f"Bearer {token(by)}", "Content-Type": "application/json"}
        given |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.request("POST", path, sent, given)

    def batch(self, lines: list[Any], **headers: str) -> Answered:
        """Send a batch as NDJSON."""
        text = b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines)
        return self.post(
            text, path="/v1/gate-events/batch", **{"content_type": "application/x-ndjson", **headers}
        )

    def request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        """Any request; a connection that the server has closed meanwhile is made anew once."""
        for last in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            started = time.perf_counter()
            try:
                self.connection.request(method, path, body, dict(headers))
                response = self.connection.getresponse()
                text = response.read()
            except (ConnectionError, http.client.RemoteDisconnected):
                self.close()
                if last:
                    raise
                continue
            seconds = time.perf_counter() - started
            return Answered(
                status=response.status, headers=dict(response.headers), text=text, seconds=seconds
            )
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Drop the kept connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ready(self) -> dict[str, Any]:
        """What ``/readyz`` says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def metrics(self) -> bytes:
        """What ``/metrics`` says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read()
        finally:
            connection.close()

    def spooled(self) -> int:
        """Events that wait in the spool, as ``/metrics`` says."""
        lines = self.metrics().decode().splitlines()
        return int(
            float(next(one.split()[-1] for one in lines if one.startswith("leave_first_spooled_events")))
        )

    def rss(self) -> int:
        """Resident memory in bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def kill(self) -> None:
        """As a power cut would."""
        self.close()
        self.process.kill()
        self.process.wait(STOP_S)

    def stop(self) -> int:
        """Ask it to drain, and return its exit status."""
        self.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S)


@contextmanager
def gate_process(
    valkey_url: str, folder: Path, *, known: bool = True, **settings: object
) -> Iterator[GateProcess]:
    """Run a gate process until the context is left; with ``known`` wait until it has a catalog."""
    with _reserved_port() as metrics_port:
        pass  # Free again when the process binds it, which it does alone.
    with _reserved_port() as port:
        given = {
            "environment": "test",
            "data_dir": folder,
            "valkey_url": valkey_url,
            "partition_count": PARTITIONS,
            "gate_port": port,
            "metrics_port": metrics_port - 1,
            "catalog_refresh_ms": 200,
            "log_level": "WARNING",
            **settings,
        }
        variables = {f"LEAVE_FIRST_{name.upper()}": str(value) for name, value in given.items()}
        with (folder / "gate.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-c", GATE],
                env={**process_environment(), **variables},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        gate = GateProcess(process=process, port=port, metrics_port=metrics_port)
        try:
            until(lambda: _is_up(gate, known=known), "the gate process is ready", READY_S)
            yield gate
        finally:
            gate.close()
            if process.poll() is None:
                process.kill()
            process.wait(STOP_S)


@dataclass(slots=True, kw_only=True)
class ValkeyProcess:
    """A Valkey that a test may break."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/valkey.sock"

    def command(self, *words: str) -> str:
        """One command and its reply as it is on the wire."""
        return valkey_command(self.url, *words)

    def start(self) -> None:
        """Start it on the folder as it is, and wait until it answers."""
        arguments = ["--port", "0", "--unixsocket", f"{self.folder}/valkey.sock", "--dir", str(self.folder)]
        arguments += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self.process = subprocess.Popen(  # noqa: S603 - the embedded server
            [str(valkey_binary()), *arguments],
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, "Valkey answers", READY_S)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None:
            self.process.send_signal(number)

    def kill(self) -> None:
        """As a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_S)
            self.process = None

    def _answers(self) -> bool:
        with suppress(OSError):
            return self.command("PING") == "+PONG"
        return False


@contextmanager
def valkey_process(folder: Path) -> Iterator[ValkeyProcess]:
    """A running Valkey with a published catalog; gone afterwards."""
    folder.mkdir(exist_ok=True)
    valkey = ValkeyProcess(folder=folder)
    try:
        valkey.start()
        text = catalog_to_json(catalog_of()).decode()
        assert valkey.command("HSET", "lf:config", "revision", "1", "text", text) == ":2"
        yield valkey
    finally:
        valkey.kill()


def catalog_of(*, revision: int = 1) -> Catalog:
    """Garage G1, and G2, which holds in an outage; tokens c1 and c2 for them, and in1 for one lane of G1."""
    garages = [garage_of(garage_id="G1"), garage_of(Policy(outage=Barrier.HOLD), garage_id="G2")]
    whole = _controller("G1", LANES)
    return Catalog(
        revision=revision,
        partition_count=PARTITIONS,
        garages={one.garage_id: one for one in garages},
        controllers={
            "c1": whole,
            "c2": _controller("G2", LANES),
            "in1": _controller("G1", frozenset({LaneId("in-1")})),
        },
    )


def without(catalog: Catalog, token_id: str) -> Catalog:
    """The next revision, with a token revoked."""
    left = {name: one for name, one in catalog.controllers.items() if name != token_id}
    return replace(catalog, controllers=left, revision=catalog.revision + 1)


async def publish_catalog(url: str, catalog: Catalog) -> None:
    """Publish as settlement does."""
    async with live_connection(url) as live:
        await publish(live, catalog.revision, catalog_to_json(catalog))


async def read_journal(url: str, garage_id: str = "G1") -> list[Record]:
    """What the journal has of a garage, oldest first."""
    partition = partition_of(GarageId(garage_id), PARTITIONS)
    async with live_connection(url) as live:
        entries = await live.call("XRANGE", journal_key(partition), "-", "+")
    fields = [(place.decode(), [text.decode() for text in pairs]) for place, pairs in entries]
    records = [
        record_from(place, partition, dict(zip(texts[::2], texts[1::2], strict=True)))
        for place, texts in fields
    ]
    return [one for one in records if one.event.garage_id == garage_id]


def token(token_id: str) -> str:
    """The bearer token of a controller in the catalog."""
    return f"lf_{token_id}_{SECRET}"


def gate_event(
    event_id: str,
    kind: str = "entry",
    *,
    at: datetime | None = None,
    plate: str = "浙A12345",
    **changed: object,
) -> dict[str, Any]:
    """A message of the native protocol, of a car that is there now unless told otherwise."""
    return {
        "event_id": event_id,
        "garage_id": "G1",
        "lane_id": {"entry": "in-1", "exit": "out-1", "turn_back": "gate"}.get(kind, "gate"),
        "kind": kind,
        "captured_at": (at or now()).isoformat(),
        "plate": {"number": plate, "colour": "blue"},
        "confidence": 0.97,
        **changed,
    }


def now() -> datetime:
    """The moment, as the gate process sees it too."""
    return SystemClock().now()


def until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        select.select([], [], [], 0.02)


def _controller(garage_id: str, lanes: frozenset[LaneId]) -> Controller:
    return Controller(
        controller_id=ControllerId(f"of-{garage_id}"),
        garage_id=GarageId(garage_id),
        lane_ids=lanes,
        secret_sha256=secret_digest(SECRET),
    )


def _is_up(gate: GateProcess, *, known: bool) -> bool:
    if gate.process.poll() is not None:
        raise ChildProcessError("the gate process has ended")
    try:
        with socket.create_connection(("127.0.0.1", gate.port), 1):
            pass
        return not known or gate.ready()["checks"]["catalog"] == "ok"
    except OSError:
        return False


@contextmanager
def _reserved_port() -> Iterator[int]:
    """A port that nobody else gets; a server that shares ports may listen on it."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
