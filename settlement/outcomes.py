"""Books what rails answer, whoever heard it: the collector's call, its question, or a notice.

Each answer is decided by :func:`settlement.next_move.next_move` on the attempt as it was read, and all
decisions of a batch are posted at once. A decision is void when its charge has changed since it was read:
another answer was faster, or the bill was credited. Then the attempt is read again and the answer decided
anew. So the order of answers does not matter, the same one may come any number of times, and a batch whose
posting ended in an error is simply booked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from parking.errors import Busy
from settlement.charge import Contradiction, Known, Move
from settlement.next_move import next_move

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from settlement.charge import Attempt, ChargeId
    from settlement.rail import Answer
    from settlement.retry import Schedule

__all__ = ["Answered", "Decision", "OutcomeBooks", "book_answers"]

ROUNDS_MAX: Final = 10
"""Each round but the first means that somebody else moved the same charge within milliseconds."""

Decision: TypeAlias = Move | Known | Contradiction


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a rail said about an attempt."""

    attempt: Attempt
    answer: Answer


class OutcomeBooks(Protocol):
    """Where outcomes are booked."""

    async def post_moves(self, moves: Sequence[Move], now: datetime) -> Collection[ChargeId]:
        """Post at most one move per charge; the charges whose move counted."""
        ...

    async def attempts_by_key(self, attempt_keys: Collection[str]) -> Mapping[str, Attempt]:
        """Those attempts that exist, as they are now."""
        ...

    async def report_contradictions(self, contradictions: Sequence[Contradiction], now: datetime) -> None:
        """Put each before a person, once."""
        ...


async def book_answers(
    answers: Sequence[Answered], *, books: OutcomeBooks, schedule: Schedule, now: datetime
) -> list[Decision]:
    """Book all of them; the decisions that counted, in the order of ``answers``.

    Raises what the books raise, and ``Busy`` when a charge keeps changing; in both cases some may be
    booked, and all may be booked again.
    """
    decisions: dict[int, Decision] = {}
    waiting = dict(enumerate(answers))
    for _ in range(ROUNDS_MAX):
        decided = {
            place: next_move(one.attempt, one.answer, schedule, now)
            for place, one in _first_of_each_charge(waiting).items()
        }
        decisions |= await _posted(decided, books, now)
        waiting = {place: one for place, one in waiting.items() if place not in decisions}
        if not waiting:
            return [decisions[place] for place in range(len(answers))]
        waiting = await _read_again(waiting, books)
    raise Busy("a charge keeps changing while its outcome is booked")


async def _posted(decided: Mapping[int, Decision], books: OutcomeBooks, now: datetime) -> dict[int, Decision]:
    """The decisions that stand: moves that counted, and all that move nothing."""
    moves = [one for one in decided.values() if isinstance(one, Move)]
    counted = await books.post_moves(moves, now) if moves else ()
    against = [one for one in decided.values() if isinstance(one, Contradiction)]
    if against:
        await books.report_contradictions(against, now)
    return {
        place: one
        for place, one in decided.items()
        if not isinstance(one, Move) or one.attempt.charge.charge_id in counted
    }


def _first_of_each_charge(waiting: Mapping[int, Answered]) -> dict[int, Answered]:
    """Further answers about the same charge are decided on what the first has made of it."""
    firsts: dict[ChargeId, int] = {}
    for place, one in waiting.items():
        firsts.setdefault(one.attempt.charge.charge_id, place)
    return {place: waiting[place] for place in firsts.values()}


async def _read_again(waiting: Mapping[int, Answered], books: OutcomeBooks) -> dict[int, Answered]:
    current = await books.attempts_by_key({one.attempt.key for one in waiting.values()})
    return {
        place: Answered(attempt=current[one.attempt.key], answer=one.answer) for place, one in waiting.items()
    }
