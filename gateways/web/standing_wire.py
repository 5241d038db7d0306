"""What operators send and get about standing: why a car was stopped, policies, scores and block lists."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from gateways.policy_file import PolicyTable
from gateways.web.operator_wire import Label, Name, PlateIn, PlateNumber, Wire
from settlement.policy import Scope

__all__ = [
    "BlockIn",
    "BlockOut",
    "BlocksOut",
    "PassageOut",
    "PassageWhyOut",
    "PassageWhyQuery",
    "PoliciesOut",
    "PolicyUseIn",
    "PolicyUseOut",
    "RuleOut",
    "ScoreIn",
    "ToldOut",
    "WhyOut",
]


class RuleOut(Wire):
    """A rule that fired, with the figures that made it, and in words."""

    rule: str
    stops: bool
    figures: dict[str, Any]
    words: str


class ToldOut(Wire):
    """What the gates were told of the car from a moment on."""

    decided_at: datetime
    allowed: bool
    limit_fen: int
    reason: str
    account_id: UUID | None
    expires_at: datetime
    policy_version_id: str
    policy: str
    rules: list[RuleOut]
    debt: dict[str, Any] | None
    words: str


class PassageOut(Wire):
    """What a gate was asked and answered; ``told_at`` names the decision that it went by."""

    captured_at: datetime
    lane_id: str
    kind: str
    offline: bool
    verdict: str
    reason: str
    amount_fen: int
    prepaid_fen: int
    limit_fen: int
    told_at: datetime | None
    words: str


class WhyOut(Wire):
    """Why the car of a session was stopped, or could leave: a sentence, then all it rests on."""

    session_id: UUID
    garage_id: str
    plate: PlateIn
    entered_at: datetime
    left_at: datetime | None
    answer: str
    told: list[ToldOut]
    passages: list[PassageOut]


class PassageWhyQuery(Wire):
    """Which passage: the last of an event or a plate, or of both, in the week before ``at``, or now."""

    event_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    plate: PlateNumber | None = None
    at: AwareDatetime | None = None


class PassageWhyOut(Wire):
    """Why a car was stopped, or could pass, where nobody knows its session, as at an entry.

    Of a debtor, what was owed, the reference to pay it by, and the rules of the policy that held the car. Of
    a passage that belongs to a session, ``session`` tells the rest.
    """

    garage_id: str
    plate: PlateIn
    answer: str
    event_id: str
    passage: PassageOut
    owed_fen: int
    reference: str | None
    policy_version_id: str | None
    policy: str | None
    rules: list[RuleOut]
    session: WhyOut | None


class PolicyUseIn(Wire):
    """A policy, and from when it decides: at one operator's garages, or where none of their own does."""

    operator_id: Name | None = None
    in_force_from: AwareDatetime
    policy: PolicyTable


class PolicyUseOut(Wire):
    """A policy in force; ``operator_id`` is null for the one of all who have none of their own."""

    operator_id: str | None
    in_force_from: datetime
    policy_version_id: str
    name: str


class PoliciesOut(Wire):
    """All policies that are, were or will be in force, latest first."""

    policies: list[PolicyUseOut]


class ScoreIn(Wire):
    """A credit score from outside, as long as it is valid."""

    score: Annotated[int, Field(ge=0, le=100_000)]
    source: Name
    valid_until: AwareDatetime


class BlockIn(Wire):
    """An entry of a block list: an account or a plate, as far as ``scope`` reaches from the garage."""

    account_id: UUID | None = None
    plate: PlateIn | None = None
    scope: Scope
    garage_id: Name
    cause: Label
    valid_until: AwareDatetime


class BlockOut(Wire):
    """An entry in force."""

    block_id: str
    account_id: UUID | None
    plate: PlateIn | None
    scope: Scope
    garage_id: str
    cause: str
    added_by: str
    added_at: datetime
    valid_until: datetime


class BlocksOut(Wire):
    """The entries in force, latest first."""

    blocks: list[BlockOut]
