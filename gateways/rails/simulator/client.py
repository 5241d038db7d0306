"""The rail port, spoken to a simulator over HTTP.

Whatever leaves a doubt becomes :class:`Unknown`: no answer, a broken one, one about another attempt, a
status that says nothing about money. Only a well-formed 402 declines and only a well-formed 404 says
that a key was never received, so that a wrong address or a proxy's error page can do neither.

Waiting for a free connection counts towards the deadline: let no more callers run at once than
``connections_max``.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never
from urllib.parse import quote

import aiohttp
from pydantic import ValidationError
from typing_extensions import override
from yarl import URL

from gateways.rails.simulator.faults import Kind
from gateways.rails.simulator.wire import REPLY, AcceptedReply, DeclinedReply, NotReceivedReply, PaidReply
from settlement.rail import Accepted, Answer, Declined, NotReceived, Paid, Rail, Unknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from settlement.rail import Order

__all__ = ["RailAddress", "SimulatorRail", "open_rail_session", "open_simulator_rail"]

UNIX_PREFIX = "unix:"
DETAIL_MAX_BYTES = 200
STATES_BY_STATUS = {
    200: (PaidReply, AcceptedReply, DeclinedReply),
    402: (DeclinedReply,),
    404: (NotReceivedReply,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RailAddress:
    """Where a simulator is, and how long and how much of it is waited for."""

    address: str
    """``http://host:port`` or ``unix:/path``, as the simulator's process prints it."""
    secret: str
    timeout_s: float = 5.0
    connections_max: int = 64
    response_max_bytes: int = 64 * 1024

    @property
    def base(self) -> str:
        """The beginning of every URL."""
        return "http://rail" if self.address.startswith(UNIX_PREFIX) else self.address.rstrip("/")


@asynccontextmanager
async def open_rail_session(where: RailAddress) -> AsyncIterator[aiohttp.ClientSession]:
    """A bounded session that carries the secret, follows no redirect's cookie and unpacks nothing."""
    connector: aiohttp.BaseConnector
    if where.address.startswith(UNIX_PREFIX):
        path = where.address.removeprefix(UNIX_PREFIX)
        connector = aiohttp.UnixConnector(path, limit=where.connections_max)
    else:
        connector = aiohttp.TCPConnector(limit=where.connections_max)
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"Authorization": f"Bearer {where.secret}", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=where.timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:
        yield session


@asynccontextmanager
async def open_simulator_rail(where: RailAddress) -> AsyncIterator[SimulatorRail]:
    """A rail with a session of its own."""
    async with open_rail_session(where) as session:
        yield SimulatorRail(session, where)


class SimulatorRail(Rail):
    """A simulator as settlement sees it."""

    def __init__(self, session: aiohttp.ClientSession, where: RailAddress) -> None:
        self._session = session
        self._where = where

    @override
    async def charge(self, order: Order) -> Answer:
        return await self._send(Kind.CHARGE, order)

    @override
    async def charge_state(self, attempt_key: str) -> Answer:
        return await self._ask(Kind.CHARGE, attempt_key)

    @override
    async def refund(self, order: Order) -> Answer:
        return await self._send(Kind.REFUND, order)

    @override
    async def refund_state(self, attempt_key: str) -> Answer:
        return await self._ask(Kind.REFUND, attempt_key)

    async def _send(self, kind: Kind, order: Order) -> Answer:
        body: dict[str, str | int] = {
            "order_key": order.order_key,
            "attempt_key": order.attempt_key,
            "agreement": order.agreement,
            "amount_fen": order.amount_fen,
            "subject": order.subject,
        }
        answer = await self._call("POST", f"/v1/{kind}s", order.attempt_key, body)
        if isinstance(answer, NotReceived):
            return Unknown(detail="the rail answered a request as if it were a question")
        return answer

    async def _ask(self, kind: Kind, attempt_key: str) -> Answer:
        return await self._call("GET", f"/v1/{kind}s/{quote(attempt_key, safe='')}", attempt_key, None)

    async def _call(
        self, method: str, path: str, attempt_key: str, body: dict[str, str | int] | None
    ) -> Answer:
        try:
            async with self._session.request(
                method, URL(self._where.base + path, encoded=True), json=body, allow_redirects=False
            ) as response:
                content = await _read(response, self._where.response_max_bytes)
                return _answer(response.status, content, attempt_key)
        except aiohttp.ClientConnectorError as error:
            return Unknown(detail=f"not connected, so not sent: {error}")
        except TimeoutError:
            return Unknown(detail=f"no answer within {self._where.timeout_s} s")
        except (aiohttp.ClientError, OSError) as error:
            return Unknown(detail=f"the connection failed: {type(error).__name__} {error}")


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes | None:
    """The whole body, or nothing when it is longer than allowed."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > max_bytes:
            response.close()
            return None
    return bytes(content)


def _answer(status: int, content: bytes | None, attempt_key: str) -> Answer:
    if content is None:
        return Unknown(detail=f"status {status} with too long a body")
    try:
        reply = REPLY.validate_json(content)
    except ValidationError:
        return Unknown(detail=f"status {status}: {content[:DETAIL_MAX_BYTES].decode('utf-8', 'replace')}")
    if not isinstance(reply, STATES_BY_STATUS.get(status, ())) or reply.attempt_key != attempt_key:
        return Unknown(detail=f"status {status} with the state {reply.state} of {reply.attempt_key}")
    return _as_port(reply)


def _as_port(reply: PaidReply | AcceptedReply | DeclinedReply | NotReceivedReply) -> Answer:
    match reply:
        case PaidReply():
            return Paid(
                rail_reference=reply.rail_reference, amount_fen=reply.amount_fen, paid_at=reply.paid_at
            )
        case AcceptedReply():
            return Accepted(rail_reference=reply.rail_reference)
        case DeclinedReply():
            return Declined(code=reply.code, hard=reply.hard)
        case NotReceivedReply():
            return NotReceived()
        case _:
            assert_never(reply)
