"""The sessions of all garages in the live store: their steps are taken here, alone or many at once.

A step alone is one function call. Many steps of one garage are cut into calls of :data:`STEPS_PER_CALL`,
each of them atomic and on disk before its reply, and short enough that a car at another lane does not
notice it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.errors import Busy, Defect
from parking.live.codec import answer_from
from parking.live.grant_codec import debt_from
from parking.live.keys import Keys, journal_key
from parking.live.outcomes import Inside, Issued, Remembered
from parking.live.steps import Steps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    from parking.debt import DebtNotice
    from parking.ids import EventId, GarageId, Partition, SessionId
    from parking.live.batching import BatchingConnection
    from parking.live.outcomes import Outcome
    from parking.live.steps import LiveStep
    from parking.live.wire import Reply
    from parking.plate import Plate
    from parking.session import Session
    from parking.stay_token import StayToken

__all__ = ["STEPS_PER_CALL", "Kept", "Sessions"]

STEPS_PER_CALL = 100
"""Two to three milliseconds of the live store's time."""
INSIDE_PER_CALL = 1_000
ISSUED_MAX = 1_000
"""Tokens of a garage that nobody has used yet, about 150 bytes each."""
LATE_MAX = timedelta(hours=48)
"""How long after it expired a token is kept for an entry that was in time and is reported late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How long answers are remembered; longer than any event may be late, or a repeat acts twice."""

    answers: timedelta = timedelta(hours=72)


class Sessions:
    """Takes steps, and reads; ``partition_count`` is that of the installation."""

    def __init__(self, live: BatchingConnection, *, partition_count: int, kept: Kept | None = None) -> None:
        self._live = live
        self._keys = Keys(partition_count)
        self.steps = Steps(self._keys, answers_kept=(kept or Kept()).answers)

    async def take(self, step: LiveStep) -> Outcome:
        """Take one step.

        Raises :class:`Conflict`, :class:`Busy`, :class:`Unavailable`, :class:`OutcomeUnknown` or
        :class:`Defect`; the step may be taken again after each of them.
        """
        function, keys, arguments, read = step
        return read(await self._live.call("FCALL", function, len(keys), *keys, *arguments))

    def take_many(self, steps: Sequence[LiveStep]) -> Reply:
        """Take up to :data:`STEPS_PER_CALL` steps of one garage in order; the reply is a reply for each."""
        keys = [key for step in steps for key in step.keys]
        arguments: list[str | int] = []
        for step in steps:
            arguments += (step.function, len(step.keys), len(step.arguments))
            arguments += step.arguments
        return self._live.call("FCALL", "lf1_many", len(keys), *keys, *arguments)

    async def find(self, garage_id: GarageId, number: str) -> Inside:
        """The car inside with this plate number."""
        found = await self.take(self.steps.find(garage_id, number))
        if not isinstance(found, Inside):
            raise Defect("a car was sought and something else found")
        return found

    async def remembered(self, garage_id: GarageId, event_id: EventId) -> Remembered | None:
        """The answer to an event, if it is remembered."""
        text: bytes | None = await self._live.call("GET", self._keys.of(garage_id).event(event_id))
        if text is None:
            return None
        decision, session_id = answer_from(text.decode().partition(";")[2])
        return Remembered(decision=decision, session_id=session_id)

    async def debt(self, garage_id: GarageId, plate: Plate) -> DebtNotice | None:
        """What the entries know of a driver who owes."""
        found = await self._live.call(
            "HGET", self._keys.of(garage_id).debtors, f"{plate.number};{plate.colour}"
        )
        return debt_from(found.decode()) if found is not None else None

    async def prepay(self, session: Session, *, total_fen: int, paid_at: datetime, until: datetime) -> bool:
        """Tell the gates what was paid inside, in total; ``False`` when the car is not inside any more."""
        keys = self._keys.of(session.garage_id)
        done = await self._live.call(
            "FCALL", "lf1_prepay", 2, keys.car(session.plate.number), keys.changes,
            str(session.session_id), total_fen, to_ms(paid_at), to_ms(until),
        )  # fmt: skip
        return bool(done)

    async def give_back(
        self, garage_id: GarageId, number: str, session_id: SessionId, *, total_fen: int
    ) -> None:
        """Tell the gates what is left of what was paid inside, should the car's exit still be undone."""
        keys = self._keys.of(garage_id)
        await self._live.call(
            "FCALL", "lf1_give_back", 2, keys.car(number), keys.left(number), str(session_id), total_fen
        )

    async def issue_tokens(
        self, garage_id: GarageId, tokens: Sequence[StayToken], *, now: datetime, until: datetime
    ) -> None:
        """Have each of these tokens let one car in until a moment.

        Raises :class:`Busy` when the garage has too many that nobody has used.
        """
        records = [word for one in tokens for word in (one.plate.number, f"{one.digest};{to_ms(until)}")]
        done = await self._live.call(
            "FCALL", "lf1_issue", 1, self._keys.of(garage_id).issued,
            ISSUED_MAX, to_ms(now - LATE_MAX), *records,
        )  # fmt: skip
        if not done:
            raise Busy("too many tokens of this garage are issued and not used")

    async def issued(self, garage_id: GarageId, number: str) -> Issued:
        """The token that was issued under a name and has let nobody in yet."""
        record = await self._live.call("HGET", self._keys.of(garage_id).issued, number)
        return Issued(record.decode() if record else "")

    async def replace_token(self, session: Session, token: StayToken) -> bool:
        """Have the car leave by another token; ``False`` when it is not inside any more."""
        car = self._keys.of(session.garage_id).car(session.plate.number)
        return bool(
            await self._live.call("FCALL", "lf1_replace_token", 1, car, str(session.session_id), token.digest)
        )

    async def journal(self, partition: Partition, fields: Mapping[str, str]) -> None:
        """Hand settlement a record once more, behind all others of its partition."""
        words = [word for field in fields.items() for word in field]
        await self._live.call("XADD", journal_key(partition), "*", *words)

    async def occupancy(self, garage_id: GarageId) -> int:
        """Cars inside."""
        return int(await self._live.call("ZCARD", self._keys.of(garage_id).inside))

    async def inside(self, garage_id: GarageId) -> AsyncIterator[list[str]]:
        """Plate numbers of cars inside, about :data:`INSIDE_PER_CALL` at a time, in no order.

        Who is inside all the while is named, perhaps twice, whoever comes and goes in between.
        """
        key, cursor = self._keys.of(garage_id).inside, b"0"
        while True:
            cursor, found = await self._live.call("ZSCAN", key, cursor, "COUNT", INSIDE_PER_CALL)
            yield [number.decode() for number in found[::2]]
            if cursor == b"0":
                return
