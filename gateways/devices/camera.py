"""A camera at work: it sends what it sees until it hears the right word, and never forgets it before.

A live read goes to the first server that takes it: each is tried a few times, then the next. What nobody took
is kept, up to 9,000 records, of which the oldest gives way. A heartbeat that gets through says that the line
is back; then the memory is sent, oldest first, one record after another. A live read comes before it: the
kept record that was under way just then is sent once more.

The barrier opens by what the answer says, by a command to the camera's own server, or by the answer to its
question whether there is anything to do. A camera that gets no answer opens for the cars on its own list, and
for no others: that is for whoever looks after the lane.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from time import perf_counter
from typing import TYPE_CHECKING, Final, Never

from gateways.devices.barrier import Barrier
from gateways.devices.maker import Commanded, Record
from gateways.devices.white_list import WhiteList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateways.devices.maker import Command, Heard, Maker, Push, Reply
    from gateways.devices.ways import Way
    from parking.clock import Clock
    from parking.event import GateEvent

__all__ = ["Camera", "Habits", "Line", "Seen"]

OK: Final = 200
HEARD_AGAIN_S: Final = 0.1
ASKS_AGAIN_S: Final = 0.05
"""After an answer, which the server has held back for a while."""
MARKS_MAX: Final = 20_000
"""Records whose number is remembered, in case one is sent again."""


@dataclass(slots=True)
class Line:
    """What connects cameras with their servers; ``up`` is false while it is cut."""

    up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How patient a camera is; seconds."""

    resends: int = 4
    resend_pause_s: float = 1.0
    heartbeat_s: float = 30.0
    heartbeat_kept_s: float = 5.0
    """While there is something in its memory."""
    heartbeat_lost_s: float = 1.0
    """While no server answers."""
    kept_max: int = 9_000
    fan_out: bool = False
    """Whether every server gets every read, so that each arrives as often as there are servers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of a read: ``heard`` is None when it went to the memory; ``seconds`` to the answer."""

    heard: Heard | None
    seconds: float


class Camera:
    """One camera of a maker; ``servers`` are the addresses that were typed into it, the first one first."""

    def __init__(  # noqa: PLR0913 - what a camera is made of
        self,
        maker: Maker,
        serial: str,
        servers: Sequence[str],
        way: Way,
        clock: Clock,
        *,
        line: Line,
        barriers: Mapping[int, Barrier] | None = None,
        habits: Habits | None = None,
        white_list: WhiteList | None = None,
    ) -> None:
        self.maker = maker
        self.serial = serial
        self.barriers = barriers or {1: Barrier()}
        """By channel."""
        self.lost = 0
        """Kept records that had to give way."""
        self._servers = list(servers)
        self._way = way
        self._clock = clock
        self._line = line
        self._habits = habits or Habits()
        self._white_list = white_list or WhiteList()
        self._numbers = count(1)
        self._marks: OrderedDict[str, int] = OrderedDict()
        self._memory: deque[Record] = deque()
        self._turn = asyncio.Lock()
        """For one request at a time; a live read waits for no more than the one under way."""
        self._draining = asyncio.Lock()
        self._kept_more = asyncio.Event()
        self._live = 0

    @property
    def kept(self) -> int:
        """Records in its memory."""
        return len(self._memory)

    @property
    def openings(self) -> int:
        """How often its barriers have moved."""
        return sum(barrier.openings for barrier in self.barriers.values())

    def connect(self, *servers: str) -> None:
        """Type in other addresses."""
        self._servers = list(servers)

    async def see(self, event: GateEvent, channel: int = 1) -> Seen:
        """Report a read; the barrier moves if the answer says so. The same event again is the same record."""
        record = self._record(event, channel)
        started = perf_counter()
        self._live += 1
        try:
            async with self._turn:
                heard = await self._sent(record, tries=self._habits.resends + 1)
        finally:
            self._live -= 1
        if heard is None:
            self._keep(self._let_pass(record))
        elif heard.opens:
            self.barriers[channel].open()
        return Seen(heard=heard, seconds=perf_counter() - started)

    def keep(self, event: GateEvent, channel: int = 1) -> None:
        """See something while the line is cut, and the lane stands open."""
        self._keep(self._record(event, channel))

    async def until_heard(self) -> None:
        """Say that it is there until a server answers."""
        while True:
            if await self._beat():
                return
            await asyncio.sleep(HEARD_AGAIN_S)

    async def run(self) -> Never:
        """Say that it is there, and send what it has kept; for ever."""
        habits = self._habits
        while True:
            self._kept_more.clear()
            if not await self._beat() or not await self._drained():
                await asyncio.sleep(habits.heartbeat_lost_s)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(habits.heartbeat_kept_s if self._memory else habits.heartbeat_s):
                    await self._kept_more.wait()

    async def poll(self, opened: Callable[[int], None]) -> Never:
        """Ask whether there is anything to do, and again as soon as it is answered; for ever.

        ``opened`` hears which channel's barrier was opened by that.
        """
        while True:
            reply = await self._asked()
            channel = None if reply is None else self.maker.bidden(reply)
            if channel is not None and channel in self.barriers:
                self.barriers[channel].open()
                opened(channel)
            await asyncio.sleep(self._habits.heartbeat_lost_s if reply is None else ASKS_AGAIN_S)

    async def deliver(self) -> None:
        """Send what it has kept until all of it is taken, without a pause while it is."""
        while self._memory:
            if not await self._beat() or not await self._drained():
                await asyncio.sleep(self._habits.heartbeat_lost_s)

    def commanded(self, command: Command) -> Commanded:
        """A command to its own server, of somebody who knows the password."""
        done = self.maker.commanded(command, is_open=any(one.is_open for one in self.barriers.values()))
        if done.opens is not None:
            barrier = self.barriers.get(done.opens)
            if barrier is None:
                return Commanded(status=404)
            barrier.open()
        return done

    def _record(self, event: GateEvent, channel: int) -> Record:
        mark = self._marks.get(event.event_id)
        if mark is None:
            mark = self._marks[event.event_id] = next(self._numbers)
            if len(self._marks) > MARKS_MAX:
                self._marks.popitem(last=False)
        return Record(serial=self.serial, mark=mark, channel=channel, event=event, kept=event.offline)

    def _let_pass(self, record: Record) -> Record:
        """Open for a car that nobody answered for, if it is on the camera's own list."""
        event = record.event
        if not self._white_list.opens_for(event.plate.number, event.captured_at):
            return record
        self.barriers[record.channel].open()
        return replace(record, opened=True)

    def _keep(self, record: Record) -> None:
        self._memory.append(replace(record, kept=True))
        self._kept_more.set()
        if len(self._memory) > self._habits.kept_max:
            self._memory.popleft()
            self.lost += 1

    async def _beat(self) -> bool:
        """One heartbeat; whether a server has answered it."""
        push = self.maker.heartbeat(self.serial, self._clock.now())
        replies = [await self._posted(server, push) for server in self._servers]
        return any(reply is not None and reply.status == OK for reply in replies)

    async def _asked(self) -> Reply | None:
        """What the first server says that answers a question; none does while the line is cut."""
        push = self.maker.question(self.serial)
        if push is None:
            return None
        for server in self._servers:
            reply = await self._posted(server, push)
            if reply is not None and reply.status == OK:
                return reply
        return None

    async def _drained(self) -> bool:
        """Send kept records, as long as they are taken and the next is asked for."""
        async with self._draining:
            while self._memory:
                async with self._turn:
                    record = self._memory[0]
                    heard = await self._sent(record, tries=1)
                if heard is None:
                    return False
                if heard.opens:
                    self.barriers[record.channel].open()
                if self._live or self._memory[0] is not record:
                    continue
                self._memory.popleft()
                if not heard.goes_on:
                    break
        return True

    async def _sent(self, record: Record, *, tries: int) -> Heard | None:
        """What the first server says that takes a record; None if none does."""
        push, taken = self.maker.push(record), None
        for server in self._servers:
            for again in range(tries):
                if again:
                    await asyncio.sleep(self._habits.resend_pause_s)
                reply = await self._posted(server, push)
                heard = None if reply is None else self.maker.heard(record, reply)
                if heard is not None and heard.taken:
                    taken = taken or heard
                    break
            if taken is not None and not self._habits.fan_out:
                break
        return taken

    async def _posted(self, server: str, push: Push) -> Reply | None:
        return await self._way.send(server, push) if self._line.up else None
