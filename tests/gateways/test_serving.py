"""Serving an application: health, metrics, errors as problems, and an orderly end."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email import message_from_string
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientConnectionError, ClientSession, UnixConnector, web
from prometheus_client import CollectorRegistry, Counter

from gateways.web.health import health_app
from gateways.web.problems import problems_middleware
from gateways.web.ready import ReadyJson
from gateways.web.serving import serve
from parking.clock import SystemClock

if TYPE_CHECKING:
    from pathlib import Path


async def test_health_says_why_a_process_is_not_ready() -> None:
    checks = {"books": "", "live_store": "not connected"}
    app = health_app(CollectorRegistry(), lambda: checks)
    async with serve(app) as port, ClientSession(f"http://127.0.0.1:{port}") as http:
        assert (await http.get("/livez")).status == 200
        answer = await http.get("/readyz")
        assert answer.status == 503
        assert await answer.json() == {
            "ready": False,
            "checks": {"books": "ok", "live_store": "not connected"},
        }
        checks["live_store"] = ""
        assert (await http.get("/readyz")).status == 200


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("leave_first_things", "Things", registry=registry).inc(3)
    async with serve(health_app(registry, dict)) as port, ClientSession(f"http://127.0.0.1:{port}") as http:
        answer = await http.get("/metrics")
        assert answer.content_type == "text/plain"
        assert "leave_first_things_total 3.0" in await answer.text()


async def test_an_unexpected_error_is_a_problem_that_tells_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fail(request: web.Request) -> web.Response:
        raise KeyError(request.match_info["plate"])

    app = web.Application(middlewares=[problems_middleware])
    app.router.add_get("/fail/{plate}", fail)
    async with serve(app) as port, ClientSession(f"http://127.0.0.1:{port}") as http:
        answer = await http.get("/fail/secret")
        assert (answer.status, answer.content_type) == (500, "application/problem+json")
        assert await answer.json() == {"title": "Internal error", "status": 500, "outcome": "unknown"}
    assert "/fail/{plate}" in capsys.readouterr().out


async def test_a_request_under_way_is_answered_before_the_end() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        del request
        started.set()
        await go_on.wait()
        return web.Response(text="done")

    app = web.Application()
    app.router.add_get("/", slow)
    left = asyncio.Event()

    async def hold() -> None:
        async with serve(app) as port:
            ports.append(port)
            ready.set()
            await left.wait()

    ports: list[int] = []
    ready = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, ClientSession() as http:
        serving = tasks.create_task(hold())
        await ready.wait()
        asking = tasks.create_task(_text(http, ports[0]))
        await started.wait()
        left.set()
        await asyncio.sleep(0.05)
        assert not serving.done()
        go_on.set()
        assert await asking == "done"
    async with ClientSession() as http:
        with pytest.raises(ClientConnectionError):
            await _text(http, ports[0])


async def test_two_servers_share_a_port() -> None:
    async with (
        serve(health_app(CollectorRegistry(), dict), reuse_port=True) as port,
        serve(health_app(CollectorRegistry(), dict), port=port, reuse_port=True) as same,
    ):
        assert port == same


async def test_a_unix_socket_serves_too(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with (
        serve(health_app(CollectorRegistry(), dict), unix_path=path) as port,
        ClientSession(connector=UnixConnector(str(path))) as http,
    ):
        assert port == 0
        assert (await http.get("http://unix/livez")).status == 200


async def _text(http: ClientSession, port: int) -> str:
    async with http.get(f"http://127.0.0.1:{port}/") as answer:
        return await answer.text()


async def _sent(port: int, *requests: bytes) -> bytes:
    """What a server says to these requests on one connection until it closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(requests))
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    return said


async def test_a_ready_response_keeps_or_ends_its_connection_as_asked() -> None:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        del request
        return ReadyJson('{"plate":"浙A12345"}')

    body = '{"plate":"浙A12345"}'.encode()
    kept = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    async with serve(answer) as port:
        first, second, third, rest = (await _sent(port, kept, kept, last)).split(body)
        of_old = await _sent(port, b"GET / HTTP/1.0\r\n\r\n")
    assert rest == b""
    for number, head in enumerate((first, second, third)):
        status, _, fields = head.decode().partition("\r\n")
        headers = message_from_string(fields)
        assert status == "HTTP/1.1 200 OK"
        assert headers["Content-Length"] == str(len(body))
        assert headers.get_content_type() == "application/json"
        assert abs(parsedate_to_datetime(headers["Date"]) - SystemClock().now()) < timedelta(minutes=1)
        assert (headers["Connection"] == "close") is (number == 2)
    assert of_old.startswith(b"HTTP/1.0 200 OK")
    assert of_old.endswith(body)
