"""Calls to devices that ask for a password: Digest authentication, and never a second wrong try.

Whether a password is still tried, :mod:`gateways.gates.device_logins` says. No nonce is used twice: a stale
one would look like a wrong password. A device that refuses a call without asking for Digest was told no
password, and is called again.

Bodies are read within a limit; a device that does not answer in time or not at all is unreachable, which is
kept apart from one that refuses.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import aiohttp
from aiohttp import hdrs
from multidict import CIMultiDict
from typing_extensions import override
from yarl import URL

from gateways.gates.device_logins import REFUSED
from parking.errors import InvalidInput, NotAuthenticated, Unavailable
from parking.live.logins import LoginState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from gateways.gates.device_logins import DeviceLogins
    from parking.device import Device

__all__ = ["DeviceAnswer", "DeviceCalls"]

ANSWER_BYTES_MAX: Final = 64 * 1024
OK: Final = 200
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
SERVER_ERROR: Final = 500
ENDLESS: Final = aiohttp.ClientTimeout(total=None)
NOT_ASKED: Final = "the device does not ask for Digest authentication, so it was told no password"
DIGEST: Final = "digest "


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAnswer:
    """What a device answered; ``body`` up to 64 KiB of it."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What the library looks at of a response."""

    status: int
    url: URL
    headers: CIMultiDict[str]


class DigestAmongOthers(aiohttp.DigestAuthMiddleware):
    """Digest also where a device offers other ways before it: the library knows the first alone."""

    @override
    def _authenticate(self, response: aiohttp.ClientResponse) -> bool:
        offered = response.headers.getall(hdrs.WWW_AUTHENTICATE, [])
        wanted = CIMultiDict(
            (hdrs.WWW_AUTHENTICATE, one) for one in offered if one.lower().startswith(DIGEST)
        )
        challenge = Challenge(status=response.status, url=response.url, headers=wanted)
        return super()._authenticate(cast("aiohttp.ClientResponse", challenge))


class DeviceCalls:
    """Calls devices over one session."""

    def __init__(self, session: aiohttp.ClientSession, logins: DeviceLogins) -> None:
        self._session = session
        self._logins = logins

    async def call(  # noqa: PLR0913 - what a request takes
        self,
        device: Device,
        password: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_s: float,
    ) -> DeviceAnswer:
        """One request and its answer, whatever its status but 401.

        :class:`NotAuthenticated` for a refused password or another way to prove who we are,
        :class:`Unavailable` for a device not reached.
        """
        url = _url(device, path, query)
        try:
            async with (
                self._logins.attempt(device, timeout_s) as attempt,
                self._request(device, password, method, url, None, body) as response,
            ):
                attempt.shown = _shown(response)
                content = await response.content.read(ANSWER_BYTES_MAX)
        except TimeoutError:
            raise Unavailable("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"not reached: {type(error).__name__}") from error
        if response.status == UNAUTHORIZED:
            raise NotAuthenticated(REFUSED if attempt.shown is LoginState.REFUSED else NOT_ASKED)
        return DeviceAnswer(status=response.status, body=content)

    @asynccontextmanager
    async def stream(
        self, device: Device, password: str, path: str, *, opened_within_s: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer without an end, once it has begun.

        :class:`NotAuthenticated` for a refused password, :class:`Unavailable` for a device that is not
        reached, does not begin in time, or whose connection is lost while it is read.
        """
        url, started = _url(device, path, None), False
        try:
            async with AsyncExitStack() as stack:
                async with self._logins.attempt(device, opened_within_s) as attempt:
                    request = self._request(device, password, "GET", url, ENDLESS)
                    response = await stack.enter_async_context(request)
                    attempt.shown = _shown(response)
                if response.status == UNAUTHORIZED:
                    refused = attempt.shown is LoginState.REFUSED
                    raise NotAuthenticated(REFUSED) if refused else Unavailable(NOT_ASKED)
                if response.status != OK:
                    raise Unavailable(f"HTTP {response.status}")
                started = True
                yield response
        except TimeoutError:
            if started:
                raise
            raise Unavailable("no answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"not reached: {type(error).__name__}") from error

    def _request(
        self,
        device: Device,
        password: str,
        method: str,
        url: URL,
        timeout: aiohttp.ClientTimeout | None,
        body: bytes = b"",
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Ask for a challenge, answer it once; a device that wants no password is not given any."""
        user = device.username
        proof = (DigestAmongOthers(user, password, preemptive=False),) if user else ()
        return self._session.request(
            method,
            url,
            data=body or None,
            middlewares=proof,
            allow_redirects=False,
            timeout=timeout or self._session.timeout,
        )


def _shown(response: aiohttp.ClientResponse) -> LoginState | None:
    """Nothing where the device was told no password, or says no, as a locked one may, or cannot say."""
    if hdrs.AUTHORIZATION not in response.request_info.headers:
        return None
    if response.status == UNAUTHORIZED:
        return LoginState.REFUSED
    return LoginState.TAKEN if response.status < SERVER_ERROR and response.status != FORBIDDEN else None


def _url(device: Device, path: str, query: Mapping[str, str] | None) -> URL:
    try:
        url = URL(device.address).with_path(path).with_query(query)
    except ValueError:
        raise InvalidInput("not an address of a device", ("address",)) from None
    if not url.absolute:
        raise InvalidInput("no address of the device is configured", ("address",))
    return url
