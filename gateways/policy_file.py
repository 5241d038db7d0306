"""Policies on credit as TOML files, and as the JSON in which the books keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, TypeAdapter

from gateways.toml_file import Table, Wait, reading
from parking.debt import Measure
from parking.errors import InvalidInput
from settlement.books.policies import PolicyTexts
from settlement.policy import ReturnRule, Scope, StandingPolicy

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["POLICY_TEXTS", "PolicyTable", "load_policy", "policy_of"]

POLICY: Final = TypeAdapter(StandingPolicy)
POLICY_TEXTS: Final = PolicyTexts(
    text=lambda policy: POLICY.dump_json(policy).decode(), read=POLICY.validate_json
)
Count = Annotated[int, Field(strict=True)]


class ReturnTable(Table):
    """``[[returning]]``."""

    scope: Scope
    from_fen: Count
    older_than: Wait
    entry: Measure = Measure.IGNORE
    exit: Measure = Measure.IGNORE


class SuspendTable(Table):
    """``[suspend]``: when leave-first ends for a while."""

    scope: Scope
    from_bills: Count = 1
    from_fen: Count = 1


class PolicyTable(Table):
    """The whole file."""

    policy_id: str
    name: str
    pay_within: Wait
    declined_is_overdue: Annotated[bool, Field(strict=True)] = False
    open_bills_max: Count | None = None
    score_min: Count | None = None
    entry_refused_from_fen: Count = 20_000
    suspend: SuspendTable
    returning: tuple[ReturnTable, ...] = ()


def load_policy(path: Path) -> StandingPolicy:
    """The policy in a file; :class:`InvalidInput` names file, place and reason."""
    with reading(path) as content:
        return policy_of(PolicyTable.model_validate(content))


def policy_of(table: PolicyTable) -> StandingPolicy:
    """The policy of a table; raises :class:`InvalidInput`, whose fields are places in the table."""
    try:
        return StandingPolicy(
            policy_id=table.policy_id,
            name=table.name,
            pay_within=table.pay_within,
            declined_is_overdue=table.declined_is_overdue,
            suspend_scope=table.suspend.scope,
            suspend_from_bills=table.suspend.from_bills,
            suspend_from_fen=table.suspend.from_fen,
            open_bills_max=table.open_bills_max,
            score_min=table.score_min,
            entry_refused_from_fen=table.entry_refused_from_fen,
            returning=tuple(_rule(place, one) for place, one in enumerate(table.returning)),
        )
    except InvalidInput as error:
        fields = tuple(one.replace("suspend_", "suspend.", 1) for one in error.fields)
        raise InvalidInput(str(error), fields) from None


def _rule(place: int, one: ReturnTable) -> ReturnRule:
    try:
        return ReturnRule(**dict(one))
    except InvalidInput as error:
        raise InvalidInput(str(error), tuple(f"returning.{place}.{name}" for name in error.fields)) from None
