"""Requests that nobody should send, as bytes: each is to get a 4xx or a closed connection."""

from __future__ import annotations

import gzip
import json
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.gateways.gate_stage import gate_event, token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

__all__ = ["Hostile", "dripped", "exchange", "hostile_requests", "status_of"]

MEBIBYTE = 1024 * 1024
ONE, MANY = "/v1/gate-events", "/v1/gate-events/batch"
ANSWER_S = 20.0
PATHS = (
    "/../v1/gate-events",
    "/v1//gate-events",
    "/v1/gate-events/%2e%2e/x",
    "/v1/gate-events%00",
    "/%ff",
    "/v1/gate-events;x",
    "//gate/v1/gate-events",
    "*",
    "http://[",
    "/v1/gate-events/batch/../x",
)


@dataclass(frozen=True, slots=True)
class Hostile:
    """What it is, and what is sent."""

    name: str
    sent: bytes


def hostile_requests(chance: Random) -> Iterator[Hostile]:
    """One round of every kind, some of it by chance."""
    yield from _bodies()
    yield from _strange_values()
    yield from _heads()
    yield from _strangers()
    yield from _garbage(chance)


def _post(
    body: bytes, path: str = ONE, *, kind: str = "application/json", more: tuple[str, ...] = ()
) -> bytes:
    return _head(path, kind, (f"Content-Length: {len(body)}", *more)) + body


def _head(path: str, kind: str, more: tuple[str, ...]) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: gate",
        "Connection: close",
        f"Authorization: Bearer {token('c1')}",
        f"Content-Type: {kind}",
        *more,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def _chunked(chunks: list[bytes], path: str = ONE) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)
    return _head(path, "application/json", ("Transfer-Encoding: chunked",)) + body + b"0\r\n\r\n"


def _bodies() -> Iterator[Hostile]:
    good = json.dumps(gate_event("hostile")).encode()
    yield Hostile("10 MB", _post(b" " * 10 * MEBIBYTE))
    yield Hostile("10 MB batch", _post(b"{}\n" * (10 * MEBIBYTE // 3), MANY))
    yield Hostile("10 MB in chunks", _chunked([b" " * 65536] * 160))
    yield Hostile("just too long in chunks", _chunked([b" " * 1024] * 17))
    yield Hostile("chunks of one byte", _chunked([b"{"] * 2000))
    for path in (ONE, MANY):
        for name, body in {
            "deep lists": b"[" * 100_000,
            "deep objects": b'{"plate":' * 100_000,
            "deep and closed": b"[" * 900 + b"]" * 900,
            "deep plate": b'{"plate":' + b'{"number":' * 1000 + b"1" + b"}" * 1001,
            "invalid UTF-8": good.replace(b"hostile", b"\xc3\x28\xff"),
            "UTF-16": good.decode().encode("utf-16"),
            "NUL": good.replace(b"hostile", b"\x00"),
            "an escaped NUL": good.replace(b"hostile", rb"\u0000"),
            "a lone surrogate": good.replace(b"hostile", rb"\udc00"),
            "a byte order mark": b"\xef\xbb\xbf" + b"{" + good,
            "a bomb": gzip.compress(b" " * MEBIBYTE),
            "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            "cut": good[:-20],
            "twice": good + good,
            "a huge integer": good.replace(b"0.97", b"9" * 5000),
            "NaN": good.replace(b"0.97", b"NaN"),
            "Infinity": good.replace(b"0.97", b"-Infinity"),
            "1e308": good.replace(b"0.97", b"1e308"),
            "1e999999": good.replace(b"0.97", b"1e999999"),
            "a long key": good.replace(b"confidence", b"x" * 10_000),
            "many keys": b"{" + b",".join(b'"%d":1' % n for n in range(1000)) + b"}",
            "duplicate keys": good.replace(b'"kind": "entry"', b'"kind": "entry", "kind": "gone"'),
        }.items():
            yield Hostile(f"{name} to {path}", _post(body, path))
    yield Hostile("a bomb, announced", _post(gzip.compress(good), more=("Content-Encoding: gzip",)))
    yield Hostile(
        "a bomb batch", _post(gzip.compress(b" " * 50 * MEBIBYTE), MANY, more=("Content-Encoding: gzip",))
    )
    for kind in (
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "",
        ";;;",
        "\x01",
        "a" * 5000,
    ):
        yield Hostile(f"type {kind[:20]!r}", _post(good, kind=kind))
    yield Hostile(
        "another charset",
        _post(good.replace(rb"\u6d59", "浙".encode("gbk")), kind="application/json; charset=gbk"),
    )


PLATES: tuple[object, ...] = (
    None,
    "浙A12345",
    [],
    {"number": None},
    {"number": "浙" * 33},
    {"number": "\u202e浙A"},
    *({"number": "浙A12345", "colour": colour} for colour in ("", "pink", None, 1)),
)
MOMENTS: tuple[object, ...] = (
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-02-30T00:00:00Z",
    "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00-24:00",
    "2026-01-01T25:00:00Z",
    "now",
    "",
    1e308,
    -1,
    [],
    None,
)
STRANGE: dict[str, tuple[object, ...]] = {
    "captured_at": MOMENTS,
    "confidence": (1e308, -1, "1", None, [], {}, 2**63),
    "event_id": ("", "../..", "a b", "{p1}", "a\r\nb", "浙", "'; DROP", "x" * 10_000, 1, None),
    "garage_id": ("G2", "g1", "G1 ", "*", "", "G1:c", None, ["G1"]),
    "lane_id": ("out-9", "*", "", None, {"in-1": 1}),
    "kind": ("exit", "", "ENTRY", None, 1),
    "plate": PLATES,
    "candidates": ([None], [{}], "x", [{"number": "x" * 33, "confidence": 1}], [[]] * 1000),
    "offline": ("true", 1, None, []),
    "__proto__": ({},),
    "replayed": (True,),
}


def _strange_values() -> Iterator[Hostile]:
    for name, values in STRANGE.items():
        for value in values:
            body = json.dumps(gate_event("hostile") | {name: value}).encode()
            yield Hostile(f"{name}: {str(value)[:60]}", _post(body))


def _heads() -> Iterator[Hostile]:
    good = json.dumps(gate_event("hostile")).encode()
    length = f"Content-Length: {len(good)}"
    start = f"POST {ONE} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n".encode()
    yield Hostile("5,000 headers", _post(good, more=tuple(f"X-{n}: {n}" for n in range(5000))))
    yield Hostile("a header of 1 MB", _post(good, more=(f"X: {'x' * MEBIBYTE}",)))
    yield Hostile("a path of 1 MB", f"POST /{'x' * MEBIBYTE} HTTP/1.1\r\nHost: gate\r\n\r\n".encode())
    yield Hostile("a header without name", start + b": x\r\n\r\n")
    yield Hostile("a header without colon", start + b"nonsense\r\n\r\n")
    yield Hostile("a folded header", start + b"X: a\r\n b\r\n\r\n")
    yield Hostile("a header with NUL", start + b"X: a\x00b\r\n\r\n")
    yield Hostile("two lengths", _head(ONE, "application/json", (length, "Content-Length: 5")) + good)
    yield Hostile(
        "a length and chunks", _head(ONE, "application/json", (length, "Transfer-Encoding: chunked")) + good
    )
    for wrong in ("-1", "1e3", "0x10", "9" * 40, "", "+5"):
        yield Hostile(f"length {wrong}", _head(ONE, "application/json", (f"Content-Length: {wrong}",)) + good)
    for chunk in (b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n"):
        yield Hostile(
            f"chunk {chunk!r}", _head(ONE, "application/json", ("Transfer-Encoding: chunked",)) + chunk
        )
    yield Hostile("an unknown coding", _head(ONE, "application/json", ("Transfer-Encoding: gzip",)) + good)
    yield Hostile("a body that never comes", _head(ONE, "application/json", ("Content-Length: 500",)) + b"{")
    yield Hostile("an unknown expectation", _post(good, more=("Expect: a-miracle",)))
    yield Hostile("an upgrade", start + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n")
    for path in PATHS:
        yield Hostile(f"path {path}", _post(good, path))
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "x" * 100):
        yield Hostile(
            f"method {method}", f"{method} {ONE} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n".encode()
        )
    for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "HTCPCP/1.0", ""):
        yield Hostile(
            f"version {version}", f"POST {ONE} {version}\r\nHost: gate\r\nConnection: close\r\n\r\n".encode()
        )


def _strangers() -> Iterator[Hostile]:
    good = json.dumps(gate_event("hostile")).encode()
    secret = token("c1").removeprefix("lf_c1_")
    for credentials in (
        "",
        "Bearer",
        "Basic Zm9vOmJhcg==",
        "Bearer x",
        "Bearer lf__x",
        "Bearer lf_c1_\u00ff",
        f"Bearer lf_c1_{secret[:-1]}t",
        f"Bearer lf_c9_{secret}",
        f"Bearer lf_c2_{secret}",
        f"Bearer\t{token('c1')}",
        f"bearer {token('c1')}, {token('c2')}",
        "Bearer " + "x" * 8000,
    ):
        head = f"POST {ONE} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += f"Authorization: {credentials}\r\nContent-Length: {len(good)}\r\n\r\n"
        yield Hostile(f"credentials {credentials[:30]!r}", head.encode("latin-1") + good)


def _garbage(chance: Random) -> Iterator[Hostile]:
    good = _post(json.dumps(gate_event("hostile")).encode())
    yield Hostile("TLS", bytes.fromhex("1603010200010001fc0303") + chance.randbytes(500))
    yield Hostile("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 100)
    for number in range(10):
        yield Hostile(f"noise {number}", chance.randbytes(chance.randint(1, 5000)) + b"\r\n\r\n")
    for number in range(20):
        place = chance.randint(0, good.index(b"Content-Type"))
        yield Hostile(f"cut at {place}", good[:place] + chance.randbytes(3) + b"\x00\r\n\r\n")
        yield Hostile(
            f"pipelined {number}", b"GET /%d HTTP/1.1\r\nHost: gate\r\n\r\n" % number * 20 + b"\x00\r\n\r\n"
        )


def exchange(port: int, sent: bytes, *, half_close: bool = False) -> bytes:
    """Send it and read until the other side closes; with ``half_close`` say that nothing more comes."""
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as connection:
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # It has heard enough; its answer may have come all the same.
        return _read(connection)


def dripped(
    port: int, start: bytes, drop: bytes, *, every_s: float, seconds_max: float
) -> tuple[bytes, float]:
    """Send a start and then a drop now and then, until the other side has had enough: its answer and when."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), ANSWER_S) as connection:
        connection.sendall(start)
        connection.settimeout(every_s)
        answer = b""
        while time.monotonic() - began < seconds_max:
            try:
                received = connection.recv(65536)
                answer += received
                if not received:
                    return answer, time.monotonic() - began
            except TimeoutError:
                try:
                    connection.sendall(drop)
                except OSError:
                    return answer, time.monotonic() - began
            except OSError:
                return answer, time.monotonic() - began
    raise TimeoutError(f"still listening after {seconds_max} s")


def status_of(answer: bytes) -> int | None:
    """The status of the first response, nothing for a closed connection."""
    if not answer:
        return None
    return int(answer.split(b" ", 2)[1])


def _read(connection: socket.socket) -> bytes:
    parts = []
    try:
        while received := connection.recv(65536):
            parts.append(received)
    except ConnectionError:
        pass
    return b"".join(parts)
