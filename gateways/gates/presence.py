"""Which controllers a gate process hears, told to the operators a moment later and never waited for.

What was told of a clock is there for the process that comes next, which knows none.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Never

import structlog

from gateways.gates.at_once import at_once
from parking.errors import LeaveFirstError, Unavailable
from parking.live.heard import Heard, heard_of, note_heard

if TYPE_CHECKING:
    from parking.catalog import Controller
    from parking.clock import Clock
    from parking.ids import ControllerId, GarageId
    from parking.live.batching import BatchingConnection

    Key = tuple[GarageId, ControllerId]

__all__ = ["Presence"]

log = structlog.get_logger()
TELL_EVERY_S: Final = 2.0
BATCH: Final = 1_000
NOTHING: Final = Heard()


class Presence:
    """Bounded by the controllers that there are."""

    def __init__(self, live: BatchingConnection, clock: Clock) -> None:
        self._live = live
        self._clock = clock
        self._news: dict[Key, Heard] = {}

    def note(self, controller: Controller, *, heartbeat: bool = False, skew: timedelta | None = None) -> None:
        """A controller was heard of; returns at once."""
        key, now = controller.key, self._clock.now()
        news = replace(self._news.get(key, NOTHING), at=now)
        if heartbeat:
            news = replace(news, heartbeat_at=now)
        if skew is not None:
            news = replace(news, skew_s=round(skew.total_seconds()))
        self._news[key] = news

    def note_status(self, key: Key, *, online: bool) -> None:
        """A controller has come or gone, as it says itself or by its last will."""
        news, now = self._news.get(key, NOTHING), self._clock.now()
        self._news[key] = replace(news, at=now) if online else replace(news, gone_at=now)

    async def skew_of(self, key: Key) -> timedelta | None:
        """What any process has told of a clock; raises :class:`Unavailable` where nobody says so at once."""
        found = await at_once(heard_of(self._live, [key]))
        if found is None:
            raise Unavailable("the live store did not answer in time")
        skew_s = found[key].skew_s
        return None if skew_s is None else timedelta(seconds=skew_s)

    async def run(self) -> Never:
        """Tell what is new, for ever; while the live store is away it waits."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            told = dict(list(self._news.items())[:BATCH])
            try:
                await note_heard(self._live, told)
            except LeaveFirstError as error:
                log.debug("presence_not_told", error=str(error))
                continue
            for key, news in told.items():
                if self._news.get(key) is news:
                    del self._news[key]
