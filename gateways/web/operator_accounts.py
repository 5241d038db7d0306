"""Operators keep drivers' accounts: limits, state and plates.

After each change the cars of the account that are inside are granted anew. A request that is repeated
after an unknown outcome does that again, whatever the books say to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from gateways.web.access import Scope
from gateways.web.account_wire import (
    AccountChange,
    AccountIn,
    AccountLine,
    AccountOut,
    AccountsOut,
    AgreementsIn,
    LineResult,
)
from gateways.web.operator_wire import PlateColourQuery, PlateIn, PlateQuery
from gateways.web.routes import BodyForm, Nothing, Route
from parking.errors import InvalidInput, NotFound
from parking.ids import AccountId
from parking.plate import Colour, parse_plate
from settlement.books.accounts import Agreement, NewAccount, Opened

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateways.web.account_wire import AgreementIn
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.books.accounts import Account

__all__ = ["account_id_from", "account_routes"]

LINES_MAX: Final = 1_000
ID_BYTES: Final = 16
PATH: Final = "/v1/accounts/{account_id}"


def account_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    accounts = AccountDesk(operator)
    return [
        Route(
            method="POST", path="/v1/accounts", scope=Scope.FULL,
            summary="Open an account; repeated with the same account_id and content, it is opened once.",
            statuses={409: "A plate is bound already, or the account_id was used for another account."},
            body=AccountIn, answer=AccountOut, status=201, handle=accounts.open,
        ),
        Route(
            method="POST", path="/v1/accounts/batch", scope=Scope.FULL,
            summary="Open up to 1,000 accounts with account_id, one a line; a wrong line fails alone.",
            body_form=BodyForm.LINES, lines_max=LINES_MAX,
            body=AccountIn, answer=AccountLine, handle=accounts.open_batch,
        ),
        Route(
            method="GET", path="/v1/accounts", scope=Scope.READ,
            summary="The accounts that a plate is bound to.",
            query=PlateQuery, answer=AccountsOut, handle=accounts.of_plate,
        ),
        Route(
            method="GET", path=PATH, scope=Scope.READ, summary="One account.",
            answer=AccountOut, handle=accounts.one,
        ),
        Route(
            method="PATCH", path=PATH, scope=Scope.FULL,
            summary="Change limits, state or preferences; a closed account stays closed.",
            body=AccountChange, answer=AccountOut, handle=accounts.change,
        ),
        Route(
            method="PUT", path=f"{PATH}/agreements", scope=Scope.FULL,
            summary="Have these agreements in force, in this order, and no others.",
            body=AgreementsIn, answer=AccountOut, handle=accounts.agree,
        ),
        *_plate_routes(accounts),
    ]  # fmt: skip


def _plate_routes(accounts: AccountDesk) -> list[Route[Any, Any]]:
    return [
        Route(
            method="POST", path=f"{PATH}/plates", scope=Scope.FULL, summary="Bind a plate; again is fine.",
            statuses={409: "The plate is bound to another account."},
            body=PlateIn, answer=AccountOut, handle=accounts.bind,
        ),
        Route(
            method="DELETE", path=f"{PATH}/plates/{{number}}", scope=Scope.FULL, summary="Unbind a plate.",
            query=PlateColourQuery, answer=AccountOut, handle=accounts.unbind,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class AccountDesk:
    """The handlers."""

    operator: Operator

    async def one(self, call: Call[Nothing, Nothing]) -> AccountOut:
        return await self._found(account_id_from(call.path["account_id"]))

    async def of_plate(self, call: Call[Nothing, PlateQuery]) -> AccountsOut:
        number = parse_plate(call.query.plate, Colour.UNKNOWN).number
        found = await self.operator.accounts.of_plate(number)
        return AccountsOut(accounts=[await self._found(account_id) for account_id in set(found.values())])

    async def open(self, call: Call[AccountIn, Nothing]) -> AccountOut:
        operator, body = self.operator, call.body
        account_id = body.account_id or UUID(bytes=operator.draw_bytes(ID_BYTES), version=4)
        account = _new_account(body, AccountId(account_id), operator.rails)
        await operator.accounts.open_one(account, operator.clock.now())
        return await self._regranted(account.account_id)

    async def open_batch(self, call: Call[AccountIn, Nothing]) -> list[AccountLine]:
        accounts, lines = _checked(call.lines, self.operator.rails)
        results = await self.operator.accounts.open(list(accounts.values()), self.operator.clock.now())
        opened: list[AccountId] = []
        for (place, account), result in zip(accounts.items(), results, strict=True):
            lines[place] = AccountLine(
                line=place, account_id=account.account_id, result=LineResult(result.value)
            )
            if result in {Opened.OPENED, Opened.OPENED_BEFORE} and account.plates:
                opened.append(account.account_id)
        await self.operator.regrant(*opened)
        return [lines[place] for place in sorted(lines)]

    async def change(self, call: Call[AccountChange, Nothing]) -> AccountOut:
        account_id, body = account_id_from(call.path["account_id"]), call.body
        await self.operator.accounts.change(
            account_id,
            limit_fen=body.limit_fen,
            exposure_limit_fen=body.exposure_limit_fen,
            state=body.state,
            leave_first=body.leave_first,
            language=body.language,
        )
        return await self._regranted(account_id)

    async def agree(self, call: Call[AgreementsIn, Nothing]) -> AccountOut:
        operator, account_id = self.operator, account_id_from(call.path["account_id"])
        agreements = _agreements(call.body.agreements, operator.rails)
        if len({(one.rail, one.reference) for one in agreements}) < len(agreements):
            raise InvalidInput("an agreement is named twice", ("agreements",))
        await operator.accounts.agree(account_id, agreements, operator.clock.now())
        return await self._regranted(account_id)

    async def bind(self, call: Call[PlateIn, Nothing]) -> AccountOut:
        account_id, body = account_id_from(call.path["account_id"]), call.body
        plate = parse_plate(body.number, body.colour)
        await self.operator.accounts.bind(account_id, plate, self.operator.clock.now())
        return await self._regranted(account_id)

    async def unbind(self, call: Call[Nothing, PlateColourQuery]) -> AccountOut:
        account_id = account_id_from(call.path["account_id"])
        plate = parse_plate(call.path["number"], call.query.colour)
        try:
            await self.operator.accounts.unbind(account_id, plate, self.operator.clock.now())
        except NotFound:
            # It may have been unbound by a request that ended before the gates were told.
            await self.operator.regrant(account_id, unbound_numbers=[plate.number])
            raise
        await self.operator.regrant(account_id, unbound_numbers=[plate.number])
        return await self._found(account_id)

    async def _regranted(self, account_id: AccountId) -> AccountOut:
        await self.operator.regrant(account_id)
        return await self._found(account_id)

    async def _found(self, account_id: AccountId) -> AccountOut:
        return _account(await self.operator.accounts.one(account_id))


def account_id_from(text: str) -> AccountId:
    """The id in a path; :class:`NotFound` for a text that can be none."""
    try:
        return AccountId(UUID(text))
    except ValueError:
        raise NotFound("there is no such account") from None


def _agreements(given: Sequence[AgreementIn], rails: Collection[str]) -> tuple[Agreement, ...]:
    """Raises :class:`InvalidInput` for a rail that is not configured: nobody could be charged through it."""
    unknown = [place for place, one in enumerate(given) if one.rail not in rails]
    if unknown:
        places = tuple(f"agreements.{place}.rail" for place in unknown)
        raise InvalidInput("no rail of this name is configured here", places)
    return tuple(Agreement(rail=one.rail, reference=one.reference, rank=one.rank) for one in given)


def _new_account(body: AccountIn, account_id: AccountId, rails: Collection[str]) -> NewAccount:
    return NewAccount(
        account_id=account_id,
        holder=body.holder,
        limit_fen=body.limit_fen,
        exposure_limit_fen=body.exposure_limit_fen,
        plates=tuple(parse_plate(plate.number, plate.colour) for plate in body.plates),
        agreements=_agreements(body.agreements, rails),
    )


def _checked(
    lines: list[AccountIn | InvalidInput], rails: Collection[str]
) -> tuple[dict[int, NewAccount], dict[int, AccountLine]]:
    """The accounts to open, and the lines that have failed already, by line number from 1."""
    accounts: dict[int, NewAccount] = {}
    failed: dict[int, AccountLine] = {}
    seen: set[UUID] = set()
    for place, line in enumerate(lines, start=1):
        try:
            account = _account_of_line(line, seen, rails)
        except InvalidInput as error:
            failed[place] = AccountLine(
                line=place,
                account_id=None if isinstance(line, InvalidInput) else line.account_id,
                result=LineResult.INVALID,
                detail=str(error),
                fields=list(error.fields),
            )
        else:
            seen.add(account.account_id)
            accounts[place] = account
    return accounts, failed


def _account_of_line(line: AccountIn | InvalidInput, seen: set[UUID], rails: Collection[str]) -> NewAccount:
    if isinstance(line, InvalidInput):
        raise line
    if line.account_id is None:
        raise InvalidInput("needed in a batch, so that it can be repeated", ("account_id",))
    if line.account_id in seen:
        raise InvalidInput("an earlier line has this account_id", ("account_id",))
    return _new_account(line, AccountId(line.account_id), rails)


def _account(account: Account) -> AccountOut:
    return AccountOut(
        account_id=account.account_id,
        holder=account.holder,
        state=account.state,
        limit_fen=account.limit_fen,
        exposure_limit_fen=account.exposure_limit_fen,
        leave_first=account.leave_first,
        language=account.language,
        opened_at=account.opened_at,
        plates=[PlateIn(number=plate.number, colour=plate.colour) for plate in account.plates],
        rails=[agreement.rail for agreement in account.agreements],
    )
