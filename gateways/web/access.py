"""Who asks: tokens of operators and merchants, checked in memory.

A token reads ``lf_<token id>_<secret>``. The books hold the digest of its secret; a copy of all these tokens
that are in force is kept here and read anew when it is older than a second, so that a revoked token is
refused that soon, without a restart.
"""

from __future__ import annotations

import asyncio
import hmac
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from parking.catalog import secret_digest
from parking.errors import NotAuthenticated, NotPermitted
from settlement.books.tokens import TokenKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from settlement.books.tokens import PersonToken

__all__ = ["Access", "Scope", "bearer", "is_token", "read_token", "token_text"]

PREFIX: Final = "lf"
REFRESH_S: Final = 1.0
NOBODY: Final = bytes(32)
"""Compared with where there is no such token, so that the answer takes as long."""


@unique
class Scope(StrEnum):
    """Who may use a route."""

    PUBLIC = "public"
    CONTROLLER = "controller"
    """A garage's controller; the gate protocol checks it by itself."""
    MERCHANT = "merchant"
    """A merchant, about its own coupons and nothing else."""
    READ = "read"
    FULL = "full"


def token_text(token_id: str, secret: str) -> str:
    """The token as its owner keeps it; ``token_id`` has no underscore."""
    return f"{PREFIX}_{token_id}_{secret}"


def is_token(text: str) -> bool:
    """Whether a text is written as a token is, whosever it may be."""
    return text.startswith(f"{PREFIX}_")


def read_token(text: str) -> tuple[str, str]:
    """Token id and secret; raises :class:`NotAuthenticated` for what is no token."""
    prefix, _, rest = text.partition("_")
    token_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not token_id or not secret or not text.isascii():
        raise NotAuthenticated("this is not a token")
    return token_id, secret


def bearer(authorization: str | None) -> tuple[str, str]:
    """Token id and secret of an ``Authorization`` header; raises :class:`NotAuthenticated`."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated("a bearer token is needed")
    return read_token(text.strip())


class Access:
    """Knows operators and merchants; ``load`` reads their tokens in force from the books."""

    def __init__(
        self, load: Callable[[], Awaitable[Mapping[str, PersonToken]]], *, refresh_s: float = REFRESH_S
    ) -> None:
        self._load = load
        self._refresh_s = refresh_s
        self._tokens: Mapping[str, PersonToken] = {}
        self._loaded_at: float | None = None
        self._loading = asyncio.Lock()

    async def caller(self, authorization: str | None, scope: Scope) -> PersonToken:
        """Who asks; raises :class:`NotAuthenticated` or :class:`NotPermitted`."""
        token_id, secret = bearer(authorization)
        token = (await self._current()).get(token_id)
        known = token.secret_sha256 if token is not None else NOBODY
        if not hmac.compare_digest(secret_digest(secret), known) or token is None:
            raise NotAuthenticated("this token is not known, or revoked")
        if (token.kind is TokenKind.MERCHANT) is not (scope is Scope.MERCHANT):
            raise NotPermitted("this token is for something else")
        if scope is Scope.FULL and token.kind is not TokenKind.OPERATOR_FULL:
            raise NotPermitted("this token may only read")
        return token

    async def _current(self) -> Mapping[str, PersonToken]:
        if self._stale():
            async with self._loading:
                if self._stale():
                    loading_since = asyncio.get_running_loop().time()
                    self._tokens = await self._load()
                    self._loaded_at = loading_since
        return self._tokens

    def _stale(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._loaded_at is None or now - self._loaded_at >= self._refresh_s
