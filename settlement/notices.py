"""Takes in what a rail reports by itself.

A notice is an answer that nobody asked for: it may overtake the call's own answer, come again, or come
days late, and it is booked as any other answer. Whoever calls this has verified that the rail sent it. A
notice about an attempt that is not ours (another installation's, a restored backup's) is reported as such
and moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, assert_never

from settlement.charge import Contradiction, Known, Move
from settlement.outcomes import Answered, book_answers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from settlement.charge import Attempt, Direction
    from settlement.outcomes import Decision, OutcomeBooks
    from settlement.rail import Declined, Paid
    from settlement.retry import Schedule

__all__ = ["Notice", "Receipt", "take_notices"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The outcome of one attempt, as its rail reports it."""

    rail: str
    direction: Direction
    attempt_key: str
    answer: Paid | Declined


@unique
class Receipt(StrEnum):
    """What became of a notice; only an error of the books is worth sending it again."""

    BOOKED = "booked"
    KNOWN = "known"
    CONTRADICTED = "contradicted"
    """A person looks at it."""
    NOT_OURS = "not_ours"


async def take_notices(
    notices: Sequence[Notice], *, books: OutcomeBooks, schedule: Schedule, now: datetime
) -> list[Receipt]:
    """Book them; a receipt each, in their order. Raises what the books raise: then send them again."""
    attempts = await books.attempts_by_key({notice.attempt_key for notice in notices})
    ours = {
        place: Answered(attempt=attempts[notice.attempt_key], answer=notice.answer)
        for place, notice in enumerate(notices)
        if _is_about(notice, attempts.get(notice.attempt_key))
    }
    decisions = await book_answers(list(ours.values()), books=books, schedule=schedule, now=now)
    receipts = dict(zip(ours, map(_receipt, decisions), strict=True))
    return [receipts.get(place, Receipt.NOT_OURS) for place in range(len(notices))]


def _is_about(notice: Notice, attempt: Attempt | None) -> bool:
    """One rail cannot speak for another's attempts."""
    return attempt is not None and (attempt.charge.rail, attempt.charge.direction) == (
        notice.rail,
        notice.direction,
    )


def _receipt(decision: Decision) -> Receipt:
    match decision:
        case Move():
            return Receipt.BOOKED
        case Known():
            return Receipt.KNOWN
        case Contradiction():
            return Receipt.CONTRADICTED
        case _ as never:
            assert_never(never)
