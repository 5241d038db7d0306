"""The ceiling of the gate benchmarks: aiohttp, uvloop and pydantic-checked bodies, and nothing else."""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop
from aiohttp import web

from gateways.gates.native.wire import EVENT, EVENTS, GateEventIn

__all__ = ()


def _text(event: GateEventIn) -> str:
    """An answer of the usual size."""
    body = {
        "event_id": event.event_id,
        "decision": "open",
        "reason": "entry",
        "session_id": "5c23a7d1-cb7e-5466-8a66-396b36ef9753",
        "amount_fen": 0,
        "limit_fen": 0,
        "display": [event.plate.number if event.plate else "", "欢迎光临"],
        "replayed": False,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def _one(request: web.Request) -> web.Response:
    event = EVENT.validate_json(await request.read())
    return web.Response(body=_text(event).encode(), content_type="application/json")


async def _many(request: web.Request) -> web.Response:
    events = EVENTS.validate_json(b"[" + (await request.read()).rstrip().replace(b"\n", b",") + b"]")
    body = "\n".join(map(_text, events)).encode()
    return web.Response(body=body, content_type="application/x-ndjson")


async def _serve(port: int) -> None:
    app = web.Application(client_max_size=1024 * 1024)
    app.router.add_post("/v1/gate-events", _one)
    app.router.add_post("/v1/gate-events/batch", _many)
    runner = web.AppRunner(app, access_log=None, handle_signals=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_port=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
