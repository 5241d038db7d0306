"""Many events of one garage, answered with few calls.

Every event is at some step of its answer; all that are ready travel together, and what comes back lets each
take the next. Events of one plate, or of one id, are answered one after the other, in the order in which they
came; others do not wait for each other.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from parking.errors import Defect, DependencyError, LeaveFirstError
from parking.live.sessions import STEPS_PER_CALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from parking.desk import Answer, Answering, Desk
    from parking.event import GateEvent
    from parking.garage import Garage
    from parking.live.steps import LiveStep

__all__ = ["Failure", "answer_backlog"]

Failure = LeaveFirstError | TimeoutError


class Ready(NamedTuple):
    """An event whose next step is to be taken; ``chain`` are the events that come after it."""

    place: int
    answering: Answering
    step: LiveStep
    chain: deque[int]


async def answer_backlog(
    desk: Desk,
    events: Sequence[GateEvent],
    garage: Garage,
    *,
    deadline: Callable[[], AbstractContextManager[object]],
) -> list[Answer | Failure]:
    """An answer for each event, or why there is none; ``deadline`` bounds each call to the live store.

    When a call fails, nothing further is asked: every event without an answer gets the same failure, and
    may be sent again.
    """
    work = Work(desk, events, garage)
    ready = work.first()
    while ready:
        together, later = ready[:STEPS_PER_CALL], ready[STEPS_PER_CALL:]
        try:
            with deadline():
                replies = await desk.sessions.take_many([one.step for one in together])
        except (DependencyError, Defect, TimeoutError) as failure:
            return [answer or failure for answer in work.answers]
        ready = later + [
            further
            for one, reply in zip(together, replies, strict=True)
            for further in work.go_on(one, reply)
        ]
    return [answer or Defect("an event was passed over") for answer in work.answers]


class Work:
    """Who has an answer, and who is next."""

    def __init__(self, desk: Desk, events: Sequence[GateEvent], garage: Garage) -> None:
        self._desk = desk
        self._events = events
        self._garage = garage
        self.answers: list[Answer | Failure | None] = [None] * len(events)

    def first(self) -> list[Ready]:
        """The first event of every chain."""
        return [ready for chain in _chains(self._events) for ready in self._next_of(chain)]

    def go_on(self, one: Ready, reply: object) -> Iterator[Ready]:
        """Let an event have its reply: it has a further step, or the next of its chain begins."""
        try:
            step = one.answering.send(one.step.read(reply))
        except StopIteration as end:
            self.answers[one.place] = end.value
        except LeaveFirstError as error:
            self.answers[one.place] = error
        else:
            yield Ready(one.place, one.answering, step, one.chain)
            return
        yield from self._next_of(one.chain)

    def _next_of(self, chain: deque[int]) -> Iterator[Ready]:
        while chain:
            place = chain.popleft()
            try:
                answering = self._desk.answering(self._events[place], self._garage)
                yield Ready(place, answering, next(answering), chain)
            except LeaveFirstError as error:
                self.answers[place] = error
            else:
                return


def _chains(events: Sequence[GateEvent]) -> list[deque[int]]:
    """The places of events, together where they have a plate or an id in common, each in order."""
    chain_of: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        names = [f"id {event.event_id}"]
        if event.plate.readable:
            names.append(f"plate {event.plate.number}")
        first, *others = [chain_of[name] for name in names if name in chain_of] or [[]]
        for other in others:
            if other is not first:
                first += other
                chain_of |= {name: first for name, chain in chain_of.items() if chain is other}
        first.append(place)
        chain_of |= dict.fromkeys(names, first)
    return [deque(sorted(chain)) for chain in {id(chain): chain for chain in chain_of.values()}.values()]
