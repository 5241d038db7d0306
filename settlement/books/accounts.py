"""Drivers' accounts in the books: limits, plates, agreements with rails.

A plate, which is a number on a colour, belongs to one account at a time; a constraint holds that. Opening
is idempotent by the account's id, which the caller chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from parking.errors import Conflict, Defect, InvalidInput, NotFound, Unavailable
from parking.ids import AccountId
from parking.language import Language
from parking.plate import Colour, Plate
from settlement.books.pool import connection
from settlement.books.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

__all__ = ["Account", "AccountState", "Accounts", "Agreement", "NewAccount", "Opened", "bind", "unbind"]


@unique
class AccountState(StrEnum):
    """Whether an account vouches for its plates."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    """For ever."""


@unique
class Opened(StrEnum):
    """What became of an account that was to be opened."""

    OPENED = "opened"
    OPENED_BEFORE = "opened_before"
    """The same account, with the same content."""
    EXISTS = "exists"
    """An account with this id and other content."""
    PLATE_TAKEN = "plate_taken"
    """One of its plates belongs to another account, or two of the same call claim it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The holder's consent to be charged through ``rail``; lower ranks are used first."""

    rail: str
    reference: str
    rank: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to open.

    ``limit_fen`` is the most that one stay may leave unpaid at the barrier, ``exposure_limit_fen`` the
    most that all unpaid ones together may reach.
    """

    account_id: AccountId
    holder: str
    limit_fen: int
    exposure_limit_fen: int
    plates: tuple[Plate, ...] = ()
    agreements: tuple[Agreement, ...] = ()

    def __post_init__(self) -> None:
        if min(self.limit_fen, self.exposure_limit_fen) < 0:
            raise InvalidInput("a limit is not negative", ("limit_fen", "exposure_limit_fen"))
        if len(set(self.plates)) < len(self.plates):
            raise InvalidInput("a plate is named twice", ("plates",))
        if not all(plate.readable for plate in self.plates):
            raise InvalidInput("a plate that names no vehicle", ("plates",))
        if len({one.rank for one in self.agreements}) < len(self.agreements):
            raise InvalidInput("two agreements have the same rank", ("agreements",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as recorded, with the plates that it has now and the agreements in force."""

    account_id: AccountId
    holder: str
    state: AccountState
    limit_fen: int
    exposure_limit_fen: int
    leave_first: bool
    language: Language | None
    opened_at: datetime
    plates: tuple[Plate, ...]
    agreements: tuple[Agreement, ...]


class Accounts:
    """Opens, changes and finds accounts."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def open(self, batch: Sequence[NewAccount], now: datetime) -> list[Opened]:
        """Open all that can be opened, in one statement; thousands at once. What became of each, in order."""
        if len({account.account_id for account in batch}) < len(batch):
            raise InvalidInput("an account is named twice", ("account_id",))
        plates = [(account.account_id, plate) for account in batch for plate in account.plates]
        agreements = [(account.account_id, agreed) for account in batch for agreed in account.agreements]
        async with connection(self._pool) as held:
            rows = await held.fetch(
                sql("accounts/open"),
                [account.account_id for account in batch],
                [account.holder for account in batch],
                [account.limit_fen for account in batch],
                [account.exposure_limit_fen for account in batch],
                [account_id for account_id, _ in plates],
                [plate.number for _, plate in plates],
                [plate.colour for _, plate in plates],
                [account_id for account_id, _ in agreements],
                [agreed.rail for _, agreed in agreements],
                [agreed.reference for _, agreed in agreements],
                [agreed.rank for _, agreed in agreements],
                now,
            )
        return [Opened(row["result"]) for row in rows]

    async def one(self, account_id: AccountId) -> Account:
        """One account; raises :class:`NotFound`."""
        async with (
            connection(self._pool) as held,
            held.transaction(isolation="repeatable_read", readonly=True),
        ):
            row = await held.fetchrow(sql("accounts/find"), account_id)
            plates = await held.fetch(sql("accounts/plates"), account_id)
            agreements = await held.fetch(sql("accounts/agreements"), account_id)
        if row is None:
            raise NotFound("there is no such account")
        return Account(
            account_id=AccountId(row["account_id"]),
            holder=row["holder"],
            state=AccountState(row["state"]),
            limit_fen=row["limit_fen"],
            exposure_limit_fen=row["exposure_limit_fen"],
            leave_first=row["leave_first"],
            language=None if row["language"] is None else Language(row["language"]),
            opened_at=row["opened_at"],
            plates=tuple(Plate(number=one["number"], colour=Colour(one["colour"])) for one in plates),
            agreements=tuple(
                Agreement(rail=one["rail"], reference=one["reference"], rank=one["rank"])
                for one in agreements
                if one["ended_at"] is None
            ),
        )

    async def of_plate(self, number: str) -> dict[Colour, AccountId]:
        """The accounts that a plate number is bound to, by colour."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("accounts/of_plate"), number)
        return {Colour(row["colour"]): AccountId(row["account_id"]) for row in rows}

    async def bind(self, account_id: AccountId, plate: Plate, now: datetime) -> None:
        """Give a plate to an account; again is fine. Raises :class:`NotFound` or :class:`Conflict`."""
        async with connection(self._pool) as held:
            await bind(held, account_id, plate, now, by="operator")

    async def unbind(self, account_id: AccountId, plate: Plate, now: datetime) -> None:
        """Take a plate from its account; raises :class:`NotFound` when it is not bound to it."""
        async with connection(self._pool) as held:
            await unbind(held, account_id, plate, now)

    async def agree(self, account_id: AccountId, agreements: Sequence[Agreement], now: datetime) -> None:
        """Have these agreements in force, in this order, and no others; raises as :meth:`bind` does."""
        async with connection(self._pool) as held, held.transaction():
            state = await held.fetchval(sql("accounts/lock"), account_id)
            _check_open(state)
            await held.execute(sql("accounts/end_agreements"), account_id, now)
            await held.execute(
                sql("accounts/put_agreements"),
                account_id,
                [one.rail for one in agreements],
                [one.reference for one in agreements],
                list(range(1, len(agreements) + 1)),
                now,
            )

    async def change(
        self,
        account_id: AccountId,
        *,
        limit_fen: int | None = None,
        exposure_limit_fen: int | None = None,
        state: AccountState | None = None,
        leave_first: bool | None = None,
        language: Language | None = None,
    ) -> None:
        """Change what is given; raises :class:`NotFound`, or :class:`Conflict` for a closed account."""
        if min(limit_fen or 0, exposure_limit_fen or 0) < 0:
            raise InvalidInput("a limit is not negative", ("limit_fen", "exposure_limit_fen"))
        async with connection(self._pool) as held:
            was = await held.fetchval(
                sql("accounts/change"),
                account_id,
                limit_fen,
                exposure_limit_fen,
                state,
                leave_first,
                language,
            )
        _check_open(was)

    async def open_one(self, account: NewAccount, now: datetime) -> None:
        """Open one account, or find it opened before; raises :class:`Conflict`."""
        (result,) = await self.open([account], now)
        match result:
            case Opened.OPENED | Opened.OPENED_BEFORE:
                return
            case Opened.EXISTS:
                raise Conflict("an account with this id and other content exists")
            case Opened.PLATE_TAKEN:
                raise Conflict("one of the plates is already bound to an account")
        raise Defect("an account was neither opened nor refused")


async def bind(
    held: asyncpg.pool.PoolConnectionProxy, account_id: AccountId, plate: Plate, now: datetime, *, by: str
) -> None:
    """Give a plate to an account on ``by``'s word; again is fine.

    Raises :class:`NotFound` or :class:`Conflict`.
    """
    if not plate.readable:
        raise InvalidInput("a plate that names no vehicle", ("number",))
    row = await held.fetchrow(sql("accounts/bind"), account_id, plate.number, plate.colour, now, by)
    _check_open(None if row is None else row["state"])
    if row is None or row["owner"] is None:
        raise Unavailable("somebody else binds this plate now")
    if row["owner"] != account_id:
        raise Conflict("this plate is already bound to an account")


async def unbind(
    held: asyncpg.pool.PoolConnectionProxy, account_id: AccountId, plate: Plate, now: datetime
) -> None:
    """Take a plate from its account; raises :class:`NotFound` when it is not bound to it."""
    if await held.fetchval(sql("accounts/unbind"), account_id, plate.number, plate.colour, now) is None:
        raise NotFound("this plate is not bound to this account")


def _check_open(state: str | None) -> None:
    if state is None:
        raise NotFound("there is no such account")
    if state == AccountState.CLOSED:
        raise Conflict("the account is closed")
