"""Health and metrics of one process, on a port of their own.

``/livez`` says that the process answers, ``/readyz`` whether it can do its work and else why not,
``/metrics`` what it counts, as Prometheus reads it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateways.web.problems import problems_middleware

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prometheus_client import CollectorRegistry

__all__ = ["health_app"]


def health_app(registry: CollectorRegistry, ready: Callable[[], Mapping[str, str]]) -> web.Application:
    """``ready`` names every check with what is wrong there, or an empty text."""

    async def live(request: web.Request) -> web.Response:
        del request
        return web.Response(text="ok\n")

    async def readiness(request: web.Request) -> web.Response:
        del request
        checks = {name: wrong or "ok" for name, wrong in ready().items()}
        is_ready = all(state == "ok" for state in checks.values())
        body = json.dumps({"ready": is_ready, "checks": checks}, ensure_ascii=False)
        return web.Response(text=body, status=200 if is_ready else 503, content_type="application/json")

    async def metrics(request: web.Request) -> web.Response:
        del request
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application(client_max_size=1024, middlewares=[problems_middleware])
    app.add_routes([web.get("/livez", live), web.get("/readyz", readiness), web.get("/metrics", metrics)])
    return app
