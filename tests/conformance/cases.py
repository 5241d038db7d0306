"""Cases of conformance as files: what a device sends, and to the byte what it is answered."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from gateways.catalog_document import catalog_to_json
from parking.catalog import Controller, secret_digest
from parking.device import Device
from parking.ids import ControllerId, GarageId, LaneId
from tests.gateways.gate_stage import SECRET, catalog_of, token
from tests.scenarios.stage import garage_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.gateways.gate_stage import ValkeyProcess

__all__ = ["Case", "Exchange", "Granting", "Publishing", "cases", "mqtt_cases", "publish_cases"]

Told = tuple[tuple[str, dict[str, Any]], ...]
FOLDER = Path(__file__).parent
DEVICE = TypeAdapter(Device)
LANES = frozenset(map(LaneId, ("in-1", "out-1", "gate")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its reply; ``reply`` is the whole of it, or its status alone."""

    at: datetime
    request: bytes
    reply: bytes | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """One publication of a device, and what is published for devices then: topics and documents."""

    at: datetime
    topic: str
    payload: bytes
    told: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """A car inside is given a signed grant ``until`` then, or none any more, and what is published then."""

    at: datetime
    number: str
    until: datetime | None
    told: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One file; its garage is nobody else's."""

    path: Path

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}-{self.path.stem}".replace("_", "-")

    @property
    def garage_id(self) -> GarageId:
        return GarageId(self.name)

    def exchanges(self) -> Iterator[Exchange]:
        """The exchanges of the case, in order."""
        at, request = None, b""
        for head, lines in _blocks(self.path.read_text(encoding="utf-8")):
            match head.split():
                case ["clock", moment]:
                    at = datetime.fromisoformat(moment)
                case ["request", device, *how]:
                    request = self._request(device, lines, crlf="crlf" in how)
                case ["reply", *status]:
                    assert at is not None, f"{self.path}: the clock is not set"
                    reply = int(status[0]) if status else _message(lines, self.path.parent, b"")
                    yield Exchange(at=at, request=request, reply=reply)
                case _:
                    raise ValueError(f"{self.path}: {head}")

    def published(self) -> Iterator[Publishing | Granting]:
        """The same of a case that is played over a broker."""
        at, blocks = None, list(_blocks(self.path.read_text(encoding="utf-8")))
        for place, (head, lines) in enumerate(blocks):
            words = head.split()
            if words[0] == "told":
                continue
            if words[0] == "clock":
                at = datetime.fromisoformat(words[1])
                continue
            assert at is not None, f"{self.path}: the clock is not set"
            told = self._told(words[1], blocks[place + 1 :])
            match words:
                case ["publish", device]:
                    topic, text = self._filled(device, lines)
                    yield Publishing(at=at, topic=topic, payload=text.encode(), told=told)
                case ["grant", number, *until]:
                    ends = datetime.fromisoformat(until[0]) if until else None
                    yield Granting(at=at, number=number, until=ends, told=told)
                case _:
                    raise ValueError(f"{self.path}: {head}")

    def _told(self, device: str, blocks: list[tuple[str, list[str]]]) -> Told:
        """What is published before the next block of another kind, for that device or a named one."""
        told: list[tuple[str, dict[str, Any]]] = []
        for head, lines in takewhile(lambda block: block[0].startswith("told"), blocks):
            where, what = self._filled(next(iter(head.split()[1:]), device), lines)
            told.append((where, json.loads(what)))
        return tuple(told)

    def serial(self, device: str) -> str:
        """The serial number of a device of this case, which no other case has."""
        return f"{self.name}-{device}"

    def _filled(self, device: str, lines: list[str]) -> tuple[str, str]:
        """A topic and a text; a plate in base64 is written ``{b64:...}``."""
        text = "\n".join(lines).replace("{serial}", self.serial(device))
        text = re.sub(r"\{b64:([^}]*)\}", lambda one: base64.b64encode(one[1].encode()).decode(), text)
        topic, _, rest = text.partition("\n")
        return topic, rest

    def _request(self, device: str, lines: list[str], *, crlf: bool) -> bytes:
        filled = [line.replace("{token}", token(f"{self.name}-{device}")) for line in lines]
        return _message(filled, self.path.parent, b"Host: gate\r\n", end=b"\r\n" if crlf else b"\n")


def cases() -> list[Case]:
    """Every case of every protocol over HTTP."""
    return [Case(path=path) for path in sorted(FOLDER.glob("*/*.txt"))]


def mqtt_cases() -> list[Case]:
    """Every case of every protocol over a broker."""
    return [Case(path=path) for path in sorted(FOLDER.glob("*/*.mqtt"))]


def publish_cases(valkey: ValkeyProcess, known: Sequence[Case]) -> None:
    """Publish a catalog with a garage and devices of its own for each case."""
    catalog = replace(
        catalog_of(revision=2),
        garages={case.garage_id: garage_of(garage_id=case.garage_id) for case in known},
        controllers={key: one for case in known for key, one in _controllers(case).items()},
    )
    valkey.command("HSET", "lf:config", "revision", "2", "text", catalog_to_json(catalog).decode())


def _controllers(case: Case) -> dict[str, Controller]:
    """The devices of a case by token id."""
    text = (case.path.parent / "devices.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text.replace("{case}", case.name))
    return {
        f"{case.name}-{name}": Controller(
            controller_id=ControllerId(name),
            garage_id=case.garage_id,
            lane_ids=LANES,
            secret_sha256=secret_digest(SECRET),
            device=DEVICE.validate_python(device),
        )
        for name, device in document.items()
    }


def _blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    head: str | None = None
    lines: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("=== "):
            if head is not None:
                yield head, lines
            head, lines = line.removeprefix("=== "), []
        else:
            lines.append(line)
    if head is not None:
        yield head, lines


def _message(lines: list[str], folder: Path, more: bytes, *, end: bytes = b"\n") -> bytes:
    """A whole HTTP message: the head as it stands, then the length, then the body."""
    split = lines.index("") if "" in lines else len(lines)
    body = end.join(_line(line, folder) for line in lines[split + 1 :])
    head = "".join(f"{line}\r\n" for line in lines[:split]).encode()
    first, _, headers = head.partition(b"\r\n")
    return first + b"\r\n" + more + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _line(line: str, folder: Path) -> bytes:
    if line.startswith("@"):
        return (folder / line.removeprefix("@")).read_bytes()
    return line.encode()
