"""A device's own server: Digest authentication (RFC 7616, with MD5, as devices have it), and a lock.

After two wrong passwords the account is locked and every command is refused, the right password too. A
request without any proof is not counted: that is how a caller gets its challenge.
"""

from __future__ import annotations

import hmac
import secrets
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import md5
from typing import TYPE_CHECKING, Final
from urllib.request import parse_http_list, parse_keqv_list

from aiohttp import web
from multidict import CIMultiDict

from gateways.devices.maker import Command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateways.devices.maker import Commanded

__all__ = ["DeviceServer", "obeying", "serving"]

WRONG_MAX: Final = 2
NONCES_MAX: Final = 16
DIGEST: Final = "digest"
REALM: Final = "device"
BODY_BYTES_MAX: Final = 64 * 1024


@dataclass(slots=True, kw_only=True)
class DeviceServer:
    """Answers whoever knows the password; ``wrong`` counts tries with another.

    It ``offers`` ways to prove who calls, in this order; only Digest is taken.
    """

    username: str
    password: str = field(repr=False)
    answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
    offers: tuple[str, ...] = (DIGEST,)
    wrong: int = 0
    _nonces: deque[str] = field(default_factory=lambda: deque(maxlen=NONCES_MAX))
    """Challenges that are not answered yet; each is good for one request."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, of any method and path."""
        if self.wrong >= WRONG_MAX:
            return web.Response(status=403, text="locked")
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != DIGEST:
            return self._challenge()
        if not self._proven(request, given):
            self.wrong += 1
            return self._challenge()
        return await self.answer(request)

    def _proven(self, request: web.BaseRequest, given: str) -> bool:
        try:
            fields = parse_keqv_list(parse_http_list(given))
            nonce, uri = fields["nonce"], fields["uri"]
            middle = f"{nonce}:{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
            response = fields["response"].encode()
        except (ValueError, IndexError, KeyError):
            return False
        fresh = nonce in self._nonces
        if fresh:
            self._nonces.remove(nonce)
        ha1 = _md5(f"{self.username}:{REALM}:{self.password}")
        expected = _md5(f"{ha1}:{middle}:{_md5(f'{request.method}:{uri}')}").encode()
        return hmac.compare_digest(expected, response) and fresh and uri == request.raw_path

    def _challenge(self) -> web.Response:
        nonce = secrets.token_hex(16)
        self._nonces.append(nonce)
        more = {DIGEST: f', qop="auth", nonce="{nonce}"'}
        wanted = [f'{one.title()} realm="{REALM}"{more.get(one, "")}' for one in self.offers]
        return web.Response(status=401, headers=CIMultiDict(("WWW-Authenticate", one) for one in wanted))


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def obeying(
    command: Callable[[Command], Commanded],
) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """Answers of a device that does what it is told."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        done = command(
            Command(method=request.method, path=request.path, query=request.query, body=await request.read())
        )
        return web.Response(status=done.status, body=done.body)

    return answer


@asynccontextmanager
async def serving(server: DeviceServer, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve it there, on any free port with 0; its address."""
    runner = web.AppRunner(_app(server), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _app(server: DeviceServer) -> web.Application:
    app = web.Application(client_max_size=BODY_BYTES_MAX)
    app.router.add_route("*", "/{rest:.*}", server.handle)
    return app
