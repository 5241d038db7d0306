"""How what a camera sends gets to a server: a request, or a message to a broker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
from typing_extensions import override

from gateways.devices.maker import Reply

if TYPE_CHECKING:
    from gateways.devices.maker import Push

__all__ = ["HttpWay", "Way"]

ANSWER_S: Final = 10.0


class Way(Protocol):
    """Sends once."""

    async def send(self, server: str, push: Push) -> Reply | None:
        """What came back; None where nobody was reached."""
        ...


class HttpWay(Way):
    """By POST; ``session`` must leave answers packed as they come."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @override
    async def send(self, server: str, push: Push) -> Reply | None:
        try:
            async with self._session.post(
                f"{server}{push.path}",
                data=push.body,
                headers={"Content-Type": push.content_type},
                timeout=aiohttp.ClientTimeout(total=ANSWER_S),
                allow_redirects=False,
            ) as response:
                return Reply(
                    status=response.status,
                    reason=response.reason or "",
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=await response.read(),
                )
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
