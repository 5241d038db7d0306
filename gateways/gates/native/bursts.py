"""Bursts: what a connection has sent since its last answers, answered together.

A burst takes the way of a backlog, a few calls to the live store for all of it, within the lane's deadline
from when its first message arrived: drivers may wait at each of its lanes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gateways.gates.native.messages import (
    EventMessage,
    GrantsMessage,
    answered,
    id_in,
    problem_told,
    read_all,
)
from gateways.gates.native.wire import event_of
from parking.errors import InvalidInput, LeaveFirstError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.native.waiting import Listener, Waiting
    from gateways.metrics import GateMetrics
    from parking.catalog import Controller
    from parking.desk import Answer
    from parking.event import GateEvent

__all__ = ["Arrived", "Asked", "Burst", "Bursts"]


class Arrived(NamedTuple):
    """A message as it came, and when by the loop's time."""

    text: bytes
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What is told: a text for each message in order, ``None`` where nothing is said for now.

    ``refused`` counts those that were none; ``grants`` is the last place from which grants are wanted.
    """

    texts: list[str | None]
    refused: int
    grants: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a burst asks for: events by their places, and texts that say what was none."""

    arrived: Sequence[Arrived]
    events: dict[int, tuple[str, GateEvent]]
    texts: list[str | None]
    refused: int
    grants: str | None

    @property
    def names(self) -> frozenset[str]:
        """Plates and event ids: what another burst must not overtake."""
        events = [event for _, event in self.events.values()]
        return frozenset([one.plate.number for one in events] + [one.event_id for one in events])


class Bursts:
    """Answers bursts, and remembers whom it held at which lane."""

    def __init__(self, gatehouse: Gatehouse, waiting: Waiting, metrics: GateMetrics) -> None:
        self._gatehouse = gatehouse
        self._waiting = waiting
        self._metrics = metrics
        self._time = asyncio.get_running_loop().time

    def read(self, arrived: Sequence[Arrived]) -> Asked:
        """What at least one message asks for."""
        texts: list[str | None] = [None] * len(arrived)
        events: dict[int, tuple[str, GateEvent]] = {}
        refused, grants = 0, None
        for place, message in enumerate(read_all([one.text for one in arrived])):
            match message:
                case EventMessage():
                    try:
                        events[place] = (message.id, event_of(message))
                    except InvalidInput as error:
                        texts[place], refused = self._refusal(message.id, error), refused + 1
                case GrantsMessage():
                    grants = message.since
                case InvalidInput():
                    texts[place], refused = self._refusal(id_in(arrived[place].text), message), refused + 1
        return Asked(arrived=arrived, events=events, texts=texts, refused=refused, grants=grants)

    async def answer(self, asked: Asked, controller: Controller, listener: Listener) -> Burst:
        """Answer a controller, who hears through ``listener`` what changes later."""
        arrived, events, texts = asked.arrived, asked.events, asked.texts
        if events:
            answers = await self._gatehouse.answer_many(
                [event for _, event in events.values()], controller, arrived_at=arrived[0].at
            )
            now = self._time()
            for place, answer in zip(events, answers, strict=True):
                texts[place] = self._told(*events[place], answer, listener, now - arrived[place].at)
        return Burst(texts=texts, refused=asked.refused, grants=asked.grants)

    def forget(self, listener: Listener) -> None:
        """It hears nothing any more."""
        self._waiting.forget(listener)

    def _told(
        self,
        message_id: str,
        event: GateEvent,
        answer: Answer | LeaveFirstError,
        listener: Listener,
        seconds: float,
    ) -> str:
        if isinstance(answer, LeaveFirstError):
            return self._refusal(message_id, answer)
        self._metrics.answered(answer.decision, replayed=answer.replayed, seconds=seconds)
        self._waiting.note(event, answer.decision, listener)
        return answered(message_id, event, answer)

    def _refusal(self, message_id: str | None, error: LeaveFirstError) -> str:
        self._metrics.refused()
        return problem_told(message_id, error)
