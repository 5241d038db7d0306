"""A charge: one bill's money on its way through a rail, or back.

Its life is a table of transitions, the same one that a constraint of the books holds. It becomes due,
is sent under an attempt key that was saved before, and moves on by what the rail answers. What the rail
did is the truth, also when it had said that it did nothing; what nobody knows is a state (``in_doubt``)
that only an answer of the rail, or a person, ends. An attempt whose outcome is open is never followed by
another one: it is asked about, and if the rail has not seen it, sent again under the same key.

Answers come more than once, late and in any order: from the call, from a question, from a notice. So a
decision knows the attempt that the answer is about, and there are three of them: a :class:`Move`,
:class:`Known` (nothing new) and :class:`Contradiction` (the rail says what cannot be; a person looks).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, NewType
from uuid import UUID, uuid5

from parking.errors import Defect

if TYPE_CHECKING:
    from datetime import datetime

    from parking.ids import AccountId, BillId, GarageId, Partition, SessionId

__all__ = [
    "TRANSITIONS",
    "Attempt",
    "Charge",
    "ChargeId",
    "Contradiction",
    "Direction",
    "Effect",
    "Known",
    "Move",
    "Outcome",
    "State",
    "Step",
    "charge_id_of",
]

ChargeId = NewType("ChargeId", UUID)


@unique
class Direction(StrEnum):
    """Which way the money goes."""

    COLLECT = "collect"
    REFUND = "refund"


@unique
class State(StrEnum):
    """Where a charge stands."""

    NONE = "none"
    UNASSIGNED = "unassigned"
    """No rail may be asked for it: the driver is unknown, has agreed to none, or a person must look first."""
    DUE = "due"
    SENT = "sent"
    """An attempt key is saved; the rail is being called, or was when a process died."""
    ACCEPTED = "accepted"
    """The rail will say later what became of it."""
    IN_DOUBT = "in_doubt"
    REVIEW = "review"
    """Asking did not help: a person finds out."""
    PAID = "paid"
    UNPAID = "unpaid"
    """Given up: a debt."""
    COLLECTED = "collected"
    """Paid by the driver himself at a garage, by no rail of ours."""
    VOIDED = "voided"


@unique
class Step(StrEnum):
    """What moves a charge from one state to the next."""

    RAISED = "raised"
    RAISED_UNASSIGNED = "raised_unassigned"
    ASSIGNED = "assigned"
    SET_ASIDE = "set_aside"
    """The car cannot have been there: a person looks before anybody is asked to pay."""
    SENT = "sent"
    PAID = "paid"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    GAVE_UP = "gave_up"
    LOST_SIGHT = "lost_sight"
    NOT_RECEIVED = "not_received"
    ESCALATED = "escalated"
    COLLECTED = "collected"
    REOPENED = "reopened"
    """Its driver wants to pay by the rail after all: once more, at once."""
    VOIDED = "voided"


TRANSITIONS: Final[dict[tuple[State, Step], State]] = {
    (State.NONE, Step.RAISED): State.DUE,
    (State.NONE, Step.RAISED_UNASSIGNED): State.UNASSIGNED,
    (State.UNASSIGNED, Step.ASSIGNED): State.DUE,
    (State.UNASSIGNED, Step.COLLECTED): State.COLLECTED,
    (State.UNASSIGNED, Step.VOIDED): State.VOIDED,
    (State.DUE, Step.SENT): State.SENT,
    (State.DUE, Step.PAID): State.PAID,
    (State.DUE, Step.COLLECTED): State.COLLECTED,
    (State.DUE, Step.SET_ASIDE): State.UNASSIGNED,
    (State.DUE, Step.VOIDED): State.VOIDED,
    (State.SENT, Step.PAID): State.PAID,
    (State.SENT, Step.ACCEPTED): State.ACCEPTED,
    (State.SENT, Step.DECLINED): State.DUE,
    (State.SENT, Step.GAVE_UP): State.UNPAID,
    (State.SENT, Step.LOST_SIGHT): State.IN_DOUBT,
    (State.SENT, Step.VOIDED): State.VOIDED,
    (State.ACCEPTED, Step.PAID): State.PAID,
    (State.ACCEPTED, Step.DECLINED): State.DUE,
    (State.ACCEPTED, Step.GAVE_UP): State.UNPAID,
    (State.ACCEPTED, Step.LOST_SIGHT): State.IN_DOUBT,
    (State.ACCEPTED, Step.VOIDED): State.VOIDED,
    (State.IN_DOUBT, Step.PAID): State.PAID,
    (State.IN_DOUBT, Step.ACCEPTED): State.ACCEPTED,
    (State.IN_DOUBT, Step.DECLINED): State.DUE,
    (State.IN_DOUBT, Step.GAVE_UP): State.UNPAID,
    (State.IN_DOUBT, Step.NOT_RECEIVED): State.DUE,
    (State.IN_DOUBT, Step.ESCALATED): State.REVIEW,
    (State.IN_DOUBT, Step.VOIDED): State.VOIDED,
    (State.REVIEW, Step.PAID): State.PAID,
    (State.REVIEW, Step.GAVE_UP): State.UNPAID,
    (State.REVIEW, Step.VOIDED): State.VOIDED,
    (State.UNPAID, Step.COLLECTED): State.COLLECTED,
    (State.UNPAID, Step.REOPENED): State.DUE,
    (State.UNPAID, Step.VOIDED): State.VOIDED,
    (State.VOIDED, Step.PAID): State.PAID,
}


@unique
class Outcome(StrEnum):
    """What is known of one attempt; only ``PAID`` and ``DECLINED`` are final."""

    PAID = "paid"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    NOT_RECEIVED = "not_received"


@unique
class Effect(StrEnum):
    """What a move does to the ledger."""

    NONE = "none"
    CHARGE_PAID = "charge_paid"
    CHARGE_PAID_AND_REFUND_OWED = "charge_paid_and_refund_owed"
    """The bill was credited while the money was on its way: it goes back, by a charge of its own."""
    REFUND_PAID = "refund_paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge as the books knew it when it was read.

    ``attempts`` counts the attempt keys used so far and so is the number of the current attempt; ``asked``
    counts the questions about it. ``void_requested``: its bill was credited while the outcome was open.
    """

    partition: Partition
    charge_id: ChargeId
    direction: Direction
    garage_id: GarageId
    bill_id: BillId
    session_id: SessionId
    account_id: AccountId | None = None
    rail: str | None
    agreement: str | None
    amount_fen: int
    state: State
    attempts: int = 0
    asked: int = 0
    void_requested: bool = False
    last_code: str | None = None
    raised_at: datetime
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to move the money of ``charge``; ``number`` counts from 1."""

    charge: Charge
    number: int
    key: str
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What becomes of the charge of ``attempt``, valid only while it is as it was read.

    Without a ``step`` it stays where it is and only ``next_at`` changes. An ``outcome`` of ``None`` leaves
    what is known of the attempt as it is.
    """

    attempt: Attempt
    step: Step | None
    state: State
    next_at: datetime | None = None
    same_attempt: bool = False
    outcome: Outcome | None
    code: str | None = None
    rail_reference: str | None = None
    effect: Effect = Effect.NONE

    def __post_init__(self) -> None:
        start = self.attempt.charge.state
        reached = start if self.step is None else TRANSITIONS.get((start, self.step))
        if reached is not self.state:
            raise Defect(f"no charge goes from {start} by {self.step or 'staying'} to {self.state}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The answer says nothing new about ``attempt``."""

    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """The rail says something about ``attempt`` that its own answers or our books exclude.

    Nothing moves; ``cause`` is one word for a list; the rest is what a person needs.
    """

    attempt: Attempt
    cause: str
    amount_fen: int | None = None
    rail_reference: str | None = None


def charge_id_of(bill_id: BillId, direction: Direction) -> ChargeId:
    """The one charge of a bill in a direction; for a refund, the bill is the one that was paid."""
    return ChargeId(uuid5(bill_id, direction))
