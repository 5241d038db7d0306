"""A gate process under hostile input: clear refusals, flat memory, an untouched store, and it goes on."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING

from aiohttp import web

from gateways.embedded import scratch_data_dir
from gateways.web.door import Limits
from gateways.web.serving import serve
from tests.gateways.gate_stage import gate_event, gate_process, token, until, valkey_process
from tests.gateways.hostile_traffic import dripped, exchange, hostile_requests, status_of

if TYPE_CHECKING:
    from concurrent.futures import Future

    from tests.gateways.gate_stage import GateProcess

ROUNDS = 5
GROWTH_MAX = 30 * 1024 * 1024
SLOW = 12
"""Connections of each slow kind, open all the time."""
HEAD = f"POST /v1/gate-events HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer {token('c1')}\r\n".encode()
BODY = HEAD + b"Content-Type: application/json\r\n"
CONTENT = """
local content = {}
local keys = redis.call('KEYS', '*')
table.sort(keys)
for _, key in ipairs(keys) do
  if not string.find(key, 'heard') then content[#content + 1] = key .. redis.call('DUMP', key) end
end
return redis.sha1hex(table.concat(content))
"""
"""A digest of all that the store holds, but for when each controller was heard of."""
SLOW_KINDS = {
    "silence": (b"", b""),
    "a slow head": (HEAD, b"X: y\r\n"),
    "a slow line": (b"POST /v1/", b"x"),
    "a slow body": (BODY + b"Content-Length: 500\r\n\r\n", b" "),
    "a slow chunk": (BODY + b"Transfer-Encoding: chunked\r\n\r\n1f4\r\n", b" "),
    "slow chunks": (BODY + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
}


def test_a_thousand_hostile_requests_leave_no_trace() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_data_dir())
        valkey = stack.enter_context(valkey_process(folder / "valkey"))
        gate = stack.enter_context(gate_process(valkey.url, folder))
        pool = stack.enter_context(ThreadPoolExecutor(SLOW * len(SLOW_KINDS)))
        assert gate.post(gate_event("before")).status == 200
        before = valkey.command("EVAL", CONTENT, "0")
        play(gate, Random(0))  # warm: parsers, caches, the allocator's arenas
        memory = gate.rss()

        slow = {
            kind: [pool.submit(dripped, gate.port, *sent, every_s=0.5, seconds_max=25) for _ in range(SLOW)]
            for kind, sent in SLOW_KINDS.items()
        }
        answered = sum((play(gate, Random(seed)) for seed in range(1, ROUNDS)), Counter[int | None]())
        assert answered.total() >= 900
        assert gate.post(gate_event("meanwhile", garage_id="G2")).status == 403
        for kind, ended in slow.items():
            assert_refused_in_time(kind, ended)

        assert gate.process.poll() is None
        assert gate.rss() - memory < GROWTH_MAX
        assert valkey.command("EVAL", CONTENT, "0") == before
        after = gate.post(gate_event("after", "exit")).body
        assert (after["reason"], after["decision"]) == ("free", "open")
        assert valkey.command("EVAL", CONTENT, "0") != before
        log = (folder / "gate.log").read_text()
        assert "sss" not in log  # the secret of every token here
        assert "浙" not in log
        assert gate.stop() == 0


def play(gate: GateProcess, chance: Random) -> Counter[int | None]:
    """One round; every answer is a refusal, told as a problem, or a closed connection."""
    statuses: Counter[int | None] = Counter()
    for hostile in hostile_requests(chance):
        half_close = hostile.name == "a body that never comes"
        answer = exchange(gate.port, hostile.sent, half_close=half_close)
        status = status_of(answer)
        statuses[status] += 1
        if status == 200:
            lines = answer.partition(b"\r\n\r\n")[2].split(b"\n")
            assert all(json.loads(line)["problem"]["status"] == 422 for line in lines), hostile.name
        elif status is not None:
            assert 400 <= status < 500, (hostile.name, answer[:300])
            if status != 417:  # an expectation is refused by the HTTP library, before anything of ours
                assert b"application/problem+json" in answer, hostile.name
                assert b'"outcome": "' in answer, hostile.name
    assert statuses[None] <= 20, "closed without a word"
    return statuses


def assert_refused_in_time(kind: str, ended: list[Future[tuple[bytes, float]]]) -> None:
    for one in ended:
        answer, seconds = one.result()
        assert seconds < 20, kind
        assert status_of(answer) in {None, 408}, kind


async def test_connections_beyond_the_limit_are_refused_and_silent_ones_make_room() -> None:
    async def fine(request: web.Request) -> web.Response:
        return web.Response(text=request.path)

    app = web.Application()
    app.router.add_get("/fine", fine)
    async with serve(app, limits=Limits(connections_max=20, head_timeout_s=0.2)) as port:
        await asyncio.to_thread(_crowd, port)


def _crowd(port: int) -> None:
    with ExitStack() as stack:
        kept = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        assert _asked(kept).startswith(b"HTTP/1.1 200")
        for _ in range(19):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
        request = b"GET /fine HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        until(lambda: status_of(exchange(port, request)) == 503, "it is full", 5)
        assert _asked(kept).startswith(b"HTTP/1.1 200")
        until(lambda: status_of(exchange(port, request)) == 200, "the silent ones are gone", 5)
        time.sleep(1.5)  # longer than a head may take: who has spoken once may be silent
        assert _asked(kept).startswith(b"HTTP/1.1 200")


def _asked(connection: socket.socket) -> bytes:
    connection.sendall(b"GET /fine HTTP/1.1\r\nHost: a\r\n\r\n")
    return connection.recv(4096)
