"""From a device's message to an answer: the one way for every maker's protocol.

Which event it is, which car, which lane, at what time; then the gatehouse answers as it answers a controller
of ours, with the same desk, spool and deadlines.

* **Identity.** Two messages of one record (re-sent, sent to a backup, live and again from the device's
  memory) have one event id, made of the maker's own mark and the device's time. They may differ in little
  things, so an id that is known gets the answer that it got, whatever else has changed.
* **History.** What a device kept while it was cut off, and what is older than a car would wait, opens
  nothing.
* **A car let through and read again** a moment later gets the first read's answer, and is no second car.
* **Clocks.** A device's time is put right by what its clock was measured to be wrong; beyond the bound the
  read is kept for a person and nobody is charged by it. That a message was late makes no clock slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, assert_never

from gateways.gates.openings import Openings
from gateways.gates.protocol import Answered, Heading, Heartbeat, Notice, Passage, Read, Signals
from gateways.gates.questions import Questions, nobody_gone
from gateways.gates.records import event_id_of, plate_of
from parking.decision import Verdict
from parking.device import Proof
from parking.errors import Conflict, InvalidInput, NotPermitted
from parking.event import GateEvent, Kind
from parking.garage import Direction

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.gates.attendants import Attendants
    from gateways.gates.device_clocks import DeviceClocks
    from gateways.gates.gatehouse import Gatehouse
    from gateways.gates.held_cars import HeldCars
    from gateways.gates.passages import Passages
    from gateways.gates.pictures import Pictures
    from gateways.gates.presence import Presence
    from gateways.gates.protocol import Message
    from gateways.metrics import GateMetrics
    from parking.catalog import Controller
    from parking.clock import Clock
    from parking.decision import Decision
    from parking.desk import Answer
    from parking.device import Channel, Device
    from parking.plate import Plate

    MakeSignals = Callable[[Plate, Decision, Device], Signals]

__all__ = ["DeviceIntake"]

OPPOSITE = {Direction.ENTRY: Direction.EXIT, Direction.EXIT: Direction.ENTRY}
KINDS = {Direction.ENTRY: Kind.ENTRY, Direction.EXIT: Kind.EXIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A read as an event; ``opening`` says whether a car can still stand there for it."""

    event: GateEvent
    opening: bool


class DeviceIntake:
    """Takes the messages of authenticated devices; ``make_signals`` says what a driver is told."""

    def __init__(  # noqa: PLR0913 - what an answer takes
        self,
        gatehouse: Gatehouse,
        clocks: DeviceClocks,
        passages: Passages,
        clock: Clock,
        *,
        late_after: timedelta,
        make_signals: MakeSignals,
        openings: Openings,
        pictures: Pictures,
        held: HeldCars,
        attendants: Attendants,
        presence: Presence,
        metrics: GateMetrics,
    ) -> None:
        self._gatehouse = gatehouse
        self._clocks = clocks
        self._passages = passages
        self._clock = clock
        self._late_after = late_after
        self._make_signals = make_signals
        self._openings = openings
        self._pictures = pictures
        self._held = held
        self._attendants = attendants
        self._presence = presence
        self._metrics = metrics
        self._questions = Questions()

    async def take(
        self, message: Message, controller: Controller, device: Device, gone: Callable[[], bool] = nobody_gone
    ) -> Answered:
        """What becomes of a message, recorded; raises what :meth:`Gatehouse.answer` raises.

        A barrier that the device's answer cannot open is opened by a command, which nobody waits for. While a
        question is held open, ``gone`` says whether there is still somebody to be answered.
        """
        answered = await self._taken(message, controller, device, gone)
        self._openings.record(answered, controller, device)
        return answered

    def direction(self, read: Read, controller: Controller, device: Device) -> Direction | None:
        """Which way a car drives that was read; ``None`` where the lane runs both ways and nothing tells."""
        channel = _lane(read, device)
        direction = self._gatehouse.direction(controller, channel.lane_id)
        if direction is not Direction.BOTH:
            return direction
        if read.heading is Heading.UNKNOWN:
            return None
        return OPPOSITE[channel.forward] if read.heading is Heading.REVERSE else channel.forward

    async def _taken(
        self, message: Message, controller: Controller, device: Device, gone: Callable[[], bool]
    ) -> Answered:
        if device.serial and message.serial and message.serial != device.serial:
            raise NotPermitted("another device's serial number is configured here")
        self._presence.note(controller, heartbeat=isinstance(message, Heartbeat))
        match message:
            case Read():
                return await self._read(message, controller, device)
            case Heartbeat():
                self._measure(controller, device, message.device_time)
                return await self._asked(message, controller, device, gone)
            case Passage():
                return self._passage(message, controller, device)
            case Notice():
                return Answered(message=message)
            case _ as never:
                assert_never(never)

    def _passage(self, seen: Passage, controller: Controller, device: Device) -> Answered:
        lane_id, happened_at = _lane(seen, device).lane_id, None
        if seen.captured_at is not None:
            at, wrong = self._put_right(seen.captured_at, controller, device)
            happened_at = self._believed(at, device, wrong=wrong)
        return Answered(message=seen, lane_id=lane_id, happened_at=happened_at)

    async def _asked(
        self, beat: Heartbeat, controller: Controller, device: Device, gone: Callable[[], bool]
    ) -> Answered:
        """A heartbeat; a device that asks opens for an attendant, or for the held car that was paid for."""

        async def look() -> Answered | None:
            opened = await self._for_attendant(beat, controller)
            return opened or await self._for_payer(beat, controller, device)

        opened = await self._questions.held(controller.key, beat.hold_s, look, gone) if beat.asks else None
        return opened or Answered(message=beat)

    async def _for_attendant(self, beat: Heartbeat, controller: Controller) -> Answered | None:
        one = await self._attendants.asked(controller)
        if one is None:
            return None
        return Answered(
            message=beat, opens=True, event_id=one.opening_id, reason=one.reason, lane_id=one.lane_id
        )

    async def _for_payer(self, beat: Heartbeat, controller: Controller, device: Device) -> Answered | None:
        event = await self._held.released(controller.key)
        if event is None:
            return None
        answer = await self._answer(event, controller)
        decision = answer.decision
        self._held.note(controller.key, event, decision)
        opens = decision.verdict is Verdict.OPEN
        if opens:
            self._passages.note(event, decision.reason, (controller.controller_id, ""), self._clock.now())
        return Answered(
            message=beat,
            opens=opens,
            event_id=answer.event_id,
            reason=decision.reason,
            lane_id=event.lane_id,
            signals=self._make_signals(event.plate, decision, device),
        )

    async def _read(self, read: Read, controller: Controller, device: Device) -> Answered:
        if read.captured_at.tzinfo is None:
            raise InvalidInput("a device's time needs an offset", ("captured_at",))
        now = self._clock.now()
        await self._clocks.recall(controller.key, read.captured_at, now, ask=self._presence.skew_of)
        seen, camera = self._seen(read, controller, device), (controller.controller_id, read.channel)
        first = None
        if seen.opening:
            within = timedelta(seconds=device.repeat_within_s)
            first = await self._passages.repeated(
                seen.event, camera, within=within, paired=device.paired, now=now
            )
        answer = await self._answer(first or seen.event, controller)
        decision = answer.decision
        opens = seen.opening and decision.verdict is Verdict.OPEN
        if seen.event.kind is Kind.TURN_BACK:
            self._passages.forget(seen.event)
        elif opens and first is None:
            self._passages.note(seen.event, decision.reason, camera, now)
            undone = self._passages.taken_back(seen.event, decision.reason, now) if device.paired else None
            if undone is not None:
                await self._answer(undone, controller)
        if seen.opening or read.turned_back:
            self._held.note(controller.key, seen.event, decision)
        shown = seen.opening or read.turned_back
        signals = self._make_signals(seen.event.plate, decision, device) if shown else Signals()
        return Answered(
            message=read,
            opens=opens,
            event_id=answer.event_id,
            record_id=seen.event.event_id,
            reason=decision.reason,
            lane_id=seen.event.lane_id,
            happened_at=self._believed(seen.event.captured_at, device, wrong=seen.event.clock_wrong),
            signals=signals,
        )

    async def _answer(self, event: GateEvent, controller: Controller) -> Answer:
        try:
            return await self._gatehouse.answer(event, controller)
        except Conflict:
            return await self._gatehouse.answer_given(event)

    def _seen(self, read: Read, controller: Controller, device: Device) -> Seen:
        channel = _lane(read, device)
        now, told_at = self._clock.now(), read.captured_at.astimezone(UTC)
        live = read.history is False and (device.proof is not Proof.BROKER or told_at > now)
        if live:
            self._measure(controller, device, told_at)
        captured_at, wrong = self._put_right(told_at, controller, device)
        old = not wrong and now - captured_at > self._late_after
        # Either its clock is slow or it was kept somewhere: called live, and nothing tells.
        far = now - told_at > timedelta(seconds=device.skew_max_s)
        doubtful = live and far and self._clocks.skew(controller.key) is None
        event = GateEvent(
            event_id=event_id_of(read, controller, told_at),
            garage_id=controller.garage_id,
            lane_id=channel.lane_id,
            kind=self._kind(read, controller, device),
            captured_at=captured_at.replace(microsecond=captured_at.microsecond // 1000 * 1000),
            plate=plate_of(read),
            confidence=read.confidence,
            candidates=read.candidates,
            offline=read.history is True,
            clock_wrong=wrong or doubtful,
            image_reference=self._pictures.keep_soon(read.pictures),
        )
        return Seen(event=event, opening=not (read.history or old or read.turned_back))

    def _kind(self, read: Read, controller: Controller, device: Device) -> Kind:
        if read.turned_back:
            return Kind.TURN_BACK
        return KINDS[self.direction(read, controller, device) or _lane(read, device).forward]

    def _put_right(self, told_at: datetime, controller: Controller, device: Device) -> tuple[datetime, bool]:
        """A device's time by our clock; as it was told where its own is too wrong for that, which is said."""
        skew = self._clocks.skew(controller.key) or timedelta()
        wrong = abs(skew) > timedelta(seconds=device.skew_max_s)
        return told_at if wrong else told_at - skew, wrong

    def _believed(self, at: datetime, device: Device, *, wrong: bool) -> datetime | None:
        """The moment, unless its clock is too wrong for that, or it is yet to come."""
        ahead = at - self._clock.now() > timedelta(seconds=device.skew_max_s)
        return None if wrong or ahead else at

    def _measure(self, controller: Controller, device: Device, device_time: datetime | None) -> None:
        if device_time is not None:
            key = controller.key
            self._clocks.note(key, device_time, self._clock.now())
            skew = self._clocks.skew(key)
            if skew is not None:
                self._metrics.device_skew(controller, device.protocol, skew)
                self._presence.note(controller, skew=skew)


def _lane(message: Read | Passage, device: Device) -> Channel:
    channel = device.channel(message.channel)
    if channel is None:
        raise NotPermitted("this channel of the device has no lane")
    return channel
