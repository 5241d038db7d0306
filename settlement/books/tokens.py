"""Access tokens in the books, as digests: those of garage controllers, of operators and of merchants.

A token's secret is made and shown once by whoever adds it, and never stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.errors import Conflict, InvalidInput, NotFound
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.merchant import MerchantKey

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    import asyncpg

    from parking.ids import ControllerId, GarageId, LaneId

__all__ = ["PersonToken", "TokenKind", "TokenRecord", "Tokens"]


@unique
class TokenKind(StrEnum):
    """Whom a token belongs to, and what an operator may do with it."""

    CONTROLLER = "controller"
    MERCHANT = "merchant"
    """It gives and revokes the coupons of one merchant."""
    OPERATOR_READ = "operator_read"
    OPERATOR_FULL = "operator_full"


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonToken:
    """The token of an operator, or of a merchant, that is in force."""

    token_id: str
    kind: TokenKind
    label: str
    secret_sha256: bytes
    merchant: MerchantKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it is listed; controller and lanes, or the merchant, are whom it speaks for."""

    token_id: str
    kind: TokenKind
    label: str
    added_at: datetime
    revoked_at: datetime | None
    garage_id: str | None
    controller_id: str | None
    lane_ids: tuple[str, ...]
    merchant_id: str | None = None
    device_text: str | None = None
    """The JSON of its device, where it speaks a maker's protocol."""


class Tokens:
    """``token_id`` and secret are chance and come from the caller; the secret only as its digest."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add_controller(  # noqa: PLR0913 - the columns of a token
        self,
        token_id: str,
        secret_sha256: bytes,
        *,
        garage_id: GarageId,
        controller_id: ControllerId,
        lane_ids: Collection[LaneId],
        label: str,
        now: datetime,
        device_text: str | None = None,
    ) -> None:
        """Let a controller speak for some lanes of a garage.

        Raises :class:`NotFound`, :class:`InvalidInput`, and :class:`Conflict` for a device on a broker whose
        serial number another one has.

        ``device_text`` is the JSON of a device that speaks its maker's protocol.
        """
        lanes = sorted(lane_ids)
        async with connection(self._pool) as held:
            row = await held.fetchrow(
                sql("tokens/add_controller"),
                token_id,
                secret_sha256,
                garage_id,
                controller_id,
                lanes,
                label,
                now,
                device_text,
            )
        if row is None or not row["found"]:
            raise NotFound("there is no such garage")
        if row["taken"]:
            raise Conflict("another device on the broker has this serial number: end its token first")
        if not row["added"]:
            raise InvalidInput("the garage has no such lane", ("lane_ids",))

    async def add_operator(
        self, token_id: str, secret_sha256: bytes, *, kind: TokenKind, label: str, now: datetime
    ) -> None:
        """Let an operator read, or read and change."""
        if kind in {TokenKind.CONTROLLER, TokenKind.MERCHANT}:
            raise InvalidInput("such a token needs a garage", ("kind",))
        async with connection(self._pool) as held:
            await held.execute(sql("tokens/add_operator"), token_id, secret_sha256, kind, label, now)

    async def add_merchant(
        self, token_id: str, secret_sha256: bytes, *, key: MerchantKey, label: str, now: datetime
    ) -> None:
        """Let a merchant give its coupons; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            added = await held.fetchval(
                sql("tokens/add_merchant"),
                token_id,
                secret_sha256,
                key.garage_id,
                key.merchant_id,
                label,
                now,
            )
        if added is None:
            raise NotFound("there is no such merchant")

    async def revoke(self, token_id: str, now: datetime) -> datetime:
        """End a token; answers since when it is ended. Raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("tokens/revoke"), token_id, now)
        if row is None:
            raise NotFound("there is no such token")
        revoked_at: datetime = row["revoked_at"]
        return revoked_at

    async def all(self) -> list[TokenRecord]:
        """Every token, also revoked ones."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("tokens/all"))
        return [
            TokenRecord(
                token_id=row["token_id"],
                kind=TokenKind(row["kind"]),
                label=row["label"],
                added_at=row["added_at"],
                revoked_at=row["revoked_at"],
                garage_id=row["garage_id"],
                controller_id=row["controller_id"],
                lane_ids=tuple(row["lane_ids"] or ()),
                merchant_id=row["merchant_id"],
                device_text=row["device"],
            )
            for row in rows
        ]

    async def persons(self) -> dict[str, PersonToken]:
        """The tokens of operators and merchants in force, by token id."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("tokens/persons"))
        return {row["token_id"]: _person(row) for row in rows}


def _person(row: asyncpg.Record) -> PersonToken:
    kind = TokenKind(row["kind"])
    key = MerchantKey(garage_id=row["garage_id"], merchant_id=row["merchant_id"])
    return PersonToken(
        token_id=row["token_id"],
        kind=kind,
        label=row["label"],
        secret_sha256=row["secret_sha256"],
        merchant=key if kind is TokenKind.MERCHANT else None,
    )
