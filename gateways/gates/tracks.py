"""One car that a camera follows, and what it was read as: the best read counts, not the first.

The camera says a number as soon as it has one and may change its mind a moment later; that it has lost sight
of the car it says some ten seconds after the car has gone, much too late to open a barrier.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateways.gates.protocol import Heading
from parking.event import Candidate

if TYPE_CHECKING:
    from gateways.gates.protocol import Read

__all__ = ["Track"]

OTHERS_MAX: Final = 8


class Track:
    """``began_s`` and ``heard_s`` are times of the loop.

    ``agreed`` says that two reads had the same number; one that is sent twice is one. ``decided`` is the read
    that was decided on, ``opened`` whether the car was let through by it, and ``settled`` that nothing more
    is done about it. Pictures are kept until it is decided on, of the best read alone.
    """

    def __init__(self, read: Read, now_s: float) -> None:
        self.best = read
        self.began_s = self.heard_s = now_s
        self.agreed = self.opened = self.busy = self.settled = False
        self.decided: Read | None = None
        self._others: dict[str, float] = {}
        self._seen = {read.number: read.captured_at}

    def add(self, read: Read, now_s: float) -> None:
        """One more read; of equally sure ones the later counts, and one without a number never does."""
        self.heard_s = now_s
        first_at = self._seen.get(read.number, read.captured_at)
        self.agreed = self.agreed or (bool(read.number) and read.captured_at != first_at)
        if len(self._seen) < OTHERS_MAX:
            self._seen.setdefault(read.number, read.captured_at)
        heading = self.best.heading if read.heading is Heading.UNKNOWN else read.heading
        kept, other = (read, self.best) if _is_better(read, self.best) else (self.best, read)
        if other.number and other.number != kept.number and len(self._others) < OTHERS_MAX:
            self._others[other.number] = max(other.confidence, self._others.get(other.number, 0.0))
        self._others.pop(kept.number, None)
        pictures = () if self.decided is not None else kept.pictures or other.pictures
        self.best = replace(kept, heading=heading, pictures=pictures)

    def decide(self) -> Read:
        """The best read, with what else the car was read as; it is decided on from now."""
        others = tuple(
            Candidate(number=number, confidence=confidence) for number, confidence in self._others.items()
        )
        read = replace(self.best, candidates=(*self.best.candidates, *others), track="", ends_track=False)
        self.decided, self.opened = replace(read, pictures=()), False
        self.best = replace(self.best, pictures=())
        return read

    @property
    def held_as_another(self) -> bool:
        """Whether the car was held for a number that is not its best any more."""
        return self.decided is not None and not self.opened and self.best.number != self.decided.number

    @property
    def read_better(self) -> bool:
        """Whether the car was surely read as another than the one that was let through for it."""
        return (
            self.opened
            and self.decided is not None
            and bool(self.best.number)
            and self.best.number != self.decided.number
            and self.best.confidence > self.decided.confidence
        )


def _is_better(read: Read, than: Read) -> bool:
    if bool(read.number) != bool(than.number):
        return bool(read.number)
    return read.confidence >= than.confidence
