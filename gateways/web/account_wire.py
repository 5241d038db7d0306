"""What operators send and get about drivers' accounts."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum, unique
from typing import Annotated
from uuid import UUID

from pydantic import Field

from gateways.web.operator_wire import Fen, Label, Name, PlateIn, Wire
from parking.language import Language
from settlement.books.accounts import AccountState

__all__ = [
    "AccountChange",
    "AccountIn",
    "AccountLine",
    "AccountOut",
    "AccountsOut",
    "AgreementIn",
    "AgreementsIn",
    "LineResult",
]


class AgreementIn(Wire):
    """The holder's consent to be charged through a rail; lower ranks are used first."""

    rail: Name
    reference: Annotated[
        str,
        Field(min_length=1, max_length=128, pattern=r"^[!-~]+$", description="As the rail issued it: ASCII."),
    ]
    rank: Annotated[int, Field(ge=1, le=100)] = 1


class AgreementsIn(Wire):
    """All agreements that are to be in force, in the order in which they are used, whatever their ranks."""

    agreements: Annotated[tuple[AgreementIn, ...], Field(max_length=20)]


class AccountIn(Wire):
    """An account to open; repeat the request with the same account_id after an unknown outcome."""

    account_id: UUID | None = None
    holder: Label
    limit_fen: Annotated[Fen, Field(description="The most that one stay may leave unpaid.")]
    exposure_limit_fen: Annotated[Fen, Field(description="The most that all stays may leave unpaid.")]
    plates: Annotated[tuple[PlateIn, ...], Field(max_length=50)] = ()
    agreements: Annotated[tuple[AgreementIn, ...], Field(max_length=20)] = ()


class AccountOut(Wire):
    """An account with its plates; of its agreements, the rails.

    ``language`` is what its holder has chosen to be told in at exits; null: that of the lane.
    """

    account_id: UUID
    holder: str
    state: AccountState
    limit_fen: int
    exposure_limit_fen: int
    leave_first: bool
    language: Language | None
    opened_at: datetime
    plates: list[PlateIn]
    rails: list[str]


class AccountsOut(Wire):
    """Accounts that a plate number is bound to; the same number exists in several colours."""

    accounts: list[AccountOut]


class AccountChange(Wire):
    """What to change of an account."""

    limit_fen: Fen | None = None
    exposure_limit_fen: Fen | None = None
    state: AccountState | None = None
    leave_first: bool | None = None
    language: Language | None = None


@unique
class LineResult(StrEnum):
    """What became of one line of a batch."""

    OPENED = "opened"
    OPENED_BEFORE = "opened_before"
    EXISTS = "exists"
    PLATE_TAKEN = "plate_taken"
    INVALID = "invalid"


class AccountLine(Wire):
    """The result of one line, in the order of the lines."""

    line: int
    account_id: UUID | None
    result: LineResult
    detail: str | None = None
    fields: list[str] | None = None
