"""The way up: one HTTP POST a message, and what the platform answers.

An answer counts only when it is JSON with a ``resultCode`` and came with status 200. Everything else leaves a
doubt, which is an :class:`OutcomeUnknown`; only a connection that was never made is :class:`Unavailable`.
"""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import aiohttp
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import override
from yarl import URL

from gateways.hangzhou.envelope import Envelope, seal, unseal
from parking.errors import CallerError, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateways.hangzhou.connection import Connection
    from gateways.hangzhou.messages import Operation

__all__ = ["OK", "CityClient", "Reply", "open_client"]

OK: Final = 200
"""``resultCode`` of what was taken."""
CONNECTIONS_MAX: Final = 64
REPLY_MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the platform answered; ``data`` is JSON, ``sealed`` says that it bore the platform's signature."""

    code: int
    message: str
    data: bytes | None
    sealed: bool

    @property
    def taken(self) -> bool:
        """Whether it took the message."""
        return self.code == OK

    @override
    def __str__(self) -> str:
        return f"the city answered {self.code} {self.message[:80]}"


class ReplyWire(BaseModel):
    """The reply's JSON; with ``cipher`` and ``sign``, its data is sealed."""

    result_code: Annotated[int, Field(alias="resultCode")]
    msg: str | None = None
    data: Any = None
    cipher: str | None = None
    sign: str | None = None


class CityClient:
    """Speaks for one ``accessID``; let no more callers run at once than connections."""

    def __init__(self, session: aiohttp.ClientSession, connection: Connection) -> None:
        self._session = session
        self._connection = connection

    async def call(self, operation: Operation, wire: bytes, picture: bytes | None = None) -> Reply:
        """Send a message as it is sealed; raises :class:`Unavailable` and :class:`OutcomeUnknown`.

        A picture goes beside it, neither sealed nor signed.
        """
        connection = self._connection
        envelope = seal(wire, connection.private_key)
        form = {"accessID": connection.access_id, "cipher": envelope.cipher, "sign": envelope.sign}
        if picture is not None:
            form["file"] = base64.b64encode(picture).decode()
        try:
            async with self._session.post(
                URL(connection.url + operation, encoded=True), data=form, allow_redirects=False
            ) as response:
                content = await response.content.read(REPLY_MAX_BYTES + 1)
                while len(content) <= REPLY_MAX_BYTES and (
                    more := await response.content.read(REPLY_MAX_BYTES)
                ):
                    content += more
                return self._reply(response.status, content)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"the city cannot be reached: {error}") from error
        except TimeoutError as error:
            raise OutcomeUnknown(f"no answer of the city within {connection.timeout_s} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknown(f"the connection to the city failed: {type(error).__name__}") from error

    def _reply(self, status: int, content: bytes) -> Reply:
        if status != OK or len(content) > REPLY_MAX_BYTES:
            raise OutcomeUnknown(f"the city's answer has status {status} and {len(content)} bytes")
        try:
            wire = ReplyWire.model_validate_json(content)
            sealed = wire.cipher is not None and wire.sign is not None
            data = _data(wire) if not sealed else self._unsealed(wire)
        except (ValidationError, CallerError) as error:
            raise OutcomeUnknown(f"the city's answer is not one: {type(error).__name__}") from None
        return Reply(code=wire.result_code, message=wire.msg or "", data=data, sealed=sealed)

    def _unsealed(self, wire: ReplyWire) -> bytes:
        envelope = Envelope(cipher=wire.cipher or "", sign=wire.sign or "")
        return unseal(envelope, self._connection.platform_key)


def _data(wire: ReplyWire) -> bytes | None:
    return None if wire.data is None else json.dumps(wire.data).encode()


@asynccontextmanager
async def open_client(connection: Connection) -> AsyncIterator[CityClient]:
    """A client with connections of its own."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
        timeout=aiohttp.ClientTimeout(total=connection.timeout_s),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield CityClient(session, connection)
