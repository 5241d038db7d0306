"""An outage of a garage's uplink: what is reported afterwards, in any order, is booked as it was.

Cars come and go for a day. What happens within the outage is reported after it, shuffled, some of it twice,
while other cars are at the gates. Once the garage has nothing more to report, the bills that stand and the
cars inside are those of the day as it was.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from gateways.catalog_document import policy_from_json
from gateways.matching import reorderer_of
from gateways.settings import Settings
from parking.benefits import Benefits
from parking.coupon import Covered
from parking.decision import Decision, Reason, Verdict
from parking.desk import Desk
from parking.errors import Conflict
from parking.event import GateEvent, Kind
from parking.ids import EventId, LaneId
from parking.plate import Colour, parse_plate
from settlement.books.corrections import BilledStay
from settlement.books.late_visits import PostgresVisitBooks
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.correction import Correction
from settlement.observe import SilentObserver
from settlement.review import NOBODY, Resolution
from tests.books.operating import GARAGE, NOON, PARTITIONS, garage_record, new_account, tariff_version
from tests.gateways.operator_desk import open_front

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.garage import Garage
    from parking.visits import Passage
    from settlement.reorderer import Car, Reorderer
    from settlement.visit_repairs import Stay
    from tests.gateways.operator_desk import Front

PLATES = [f"浙A{number:05}" for number in range(8)]
MORNING = NOON - timedelta(hours=6)
CUT_OFF, CONNECTED = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
DELIVERED_IN = timedelta(minutes=30)
READ_AGAIN = 1 / 3
BLOCK_MINUTES, BLOCK_FEN, FREE_MINUTES = 30, 400, 15
BILLS = """
SELECT number, left_at, amount_fen
FROM bill
WHERE kind = 'bill' AND NOT EXISTS (SELECT FROM bill AS note WHERE note.credits_bill_id = bill.bill_id)
"""


@dataclass(frozen=True, slots=True)
class Stayed:
    """A visit as it was; ``left_at`` is ``None`` where the car is inside in the end."""

    plate: str
    entered_at: datetime
    left_at: datetime | None
    read_again_after: timedelta | None = None
    """How long after the entry its camera read the car once more."""

    @property
    def passages(self) -> list[tuple[Kind, datetime]]:
        """What its lanes saw."""
        seen = [(Kind.ENTRY, self.entered_at)]
        if self.read_again_after is not None:
            seen.append((Kind.ENTRY, self.entered_at + self.read_again_after))
        return seen if self.left_at is None else [*seen, (Kind.EXIT, self.left_at)]

    @property
    def bill(self) -> str:
        minutes = ((self.left_at or self.entered_at) - self.entered_at) // timedelta(minutes=1)
        blocks = -(-minutes // BLOCK_MINUTES) if minutes > FREE_MINUTES else 0
        return f"{self.plate} - {self.left_at}: {blocks * BLOCK_FEN}"


def a_day(chance: Random) -> list[Stayed]:
    """Visits of a few cars, each after the one before; the last one of some is not over."""
    day: list[Stayed] = []
    for plate in PLATES:
        at, end = MORNING + timedelta(minutes=chance.randrange(360)), NOON + timedelta(hours=4)
        while at < end:
            left_at = at + timedelta(minutes=chance.randrange(5, 150))
            again = timedelta(minutes=chance.randrange(1, 5)) if chance.random() < READ_AGAIN else None
            day.append(Stayed(plate, at, left_at if left_at < end else None, again))
            at = left_at + timedelta(minutes=chance.randrange(16, 90))
    return day


def events_of(day: list[Stayed]) -> list[GateEvent]:
    events = []
    for number, stay in enumerate(day):
        for place, (kind, at) in enumerate(stay.passages):
            event = GateEvent(
                event_id=EventId(f"{kind}-{number}-{place}"),
                garage_id=GARAGE,
                lane_id=LaneId("in-1" if kind is Kind.ENTRY else "out-1"),
                kind=kind,
                captured_at=at,
                plate=parse_plate(stay.plate, Colour.BLUE),
                confidence=0.97,
                offline=CUT_OFF <= at < CONNECTED,
            )
            events.append(event)
    return events


def as_reported(events: list[GateEvent], chance: Random) -> list[tuple[datetime, GateEvent]]:
    """When each event arrives: what happened in the outage at any moment after it, a third of it twice."""
    arrivals = []
    for event in events:
        if not event.offline:
            arrivals.append((event.captured_at, event))
            continue
        times = 1 + (chance.random() < 1 / 3)
        arrivals += [(CONNECTED + chance.random() * DELIVERED_IN, event) for _ in range(times)]
    return sorted(arrivals, key=lambda arrival: arrival[0])


@pytest.mark.parametrize("seed", range(12))
async def test_what_an_outage_has_kept_back_is_booked_as_it_was(
    postgres_dsn: str, valkey_url: str, seed: int
) -> None:
    chance = Random(seed)
    day = a_day(chance)
    async with open_front(postgres_dsn, valkey_url) as front:
        policy = policy_from_json(json.dumps({"no_entry": "open", "leave_first": "everyone"}))
        await front.operator.garages.put(garage_record(policy=policy), MORNING)
        await front.operator.accounts.open_one(new_account(1, *PLATES), MORNING)
        for at, event in as_reported(events_of(day), chance):
            await report(front, at, event)
        reorderer = reorderer_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())
        front.clock.moment = NOON + timedelta(hours=5)
        for _ in range(2):
            await reorderer.step()
            await front.settle()
        assert await reorderer.step() == 0, "what is in order stays so"
        bills = [
            f"{row['number']} - {row['left_at']}: {row['amount_fen']}"
            for row in await front.pool.fetch(BILLS)
        ]
        assert sorted(bills) == sorted(stay.bill for stay in day if stay.left_at)
        inside = [one async for page in front.operator.sessions.inside(GARAGE) for one in page]
        assert sorted(inside) == sorted(stay.plate for stay in day if not stay.left_at)
        assert await front.pool.fetch("SELECT item_id FROM quarantine WHERE state = 'open'") == []
        assert await PostgresVerifiableBooks(front.pool).violations() == []


@dataclass
class HurryingClock:
    """A minute passes between any two readings."""

    moment: datetime

    def now(self) -> datetime:
        self.moment += timedelta(minutes=1)
        return self.moment


async def test_each_correction_is_posted_as_of_its_own_moment(postgres_dsn: str, valkey_url: str) -> None:
    """A long round posts nothing as of its beginning, which the ledger's chain may hold by then."""
    async with open_front(postgres_dsn, valkey_url) as front:
        await front.operator.garages.put(garage_record(), MORNING)
        await front.operator.accounts.open_one(new_account(1, *PLATES), MORNING)
        late = CUT_OFF + timedelta(minutes=30)
        for plate in PLATES:
            for event in events_of([Stayed(plate, CUT_OFF, NOON), Stayed(plate, late, late)]):
                if event.event_id != "entry-1-0":
                    named = replace(event, event_id=EventId(f"{plate}-{event.event_id}"))
                    await report(front, CONNECTED, named)
        reorderer = reorderer_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())
        reorderer.clock = HurryingClock(NOON + timedelta(hours=5))
        assert await reorderer.step() == len(PLATES)
        posted = await front.pool.fetch(
            "SELECT DISTINCT posted_at FROM ledger_entry WHERE posted_at > $1", CONNECTED
        )
        assert len(posted) == len(PLATES)


async def test_a_stay_whose_missed_exit_is_known_by_now_does_not_go_on(
    postgres_dsn: str, valkey_url: str
) -> None:
    """The second entry is taken back as one whose gate stayed shut, after the first stay was closed."""
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await entered_twice(front)
        assert await reorderer.step() == 1
        assert await standing_bills(front) == [800]
        await take_entry_back(front)
        assert await front.operator.sessions.occupancy(GARAGE) == 0
        assert await standing_bills(front) == [800]
        assert await PostgresVerifiableBooks(front.pool).violations() == []


async def test_a_stay_that_went_on_meanwhile_is_closed_at_the_next_look(
    postgres_dsn: str, valkey_url: str
) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await entered_twice(front)
        car = await as_read_now(front, reorderer)
        await take_entry_back(front)
        read_before(front, reorderer, car)
        front.clock.moment += timedelta(minutes=2)
        assert await reorderer.step() == 0, "the car is inside for that stay after all"
        assert await front.operator.sessions.occupancy(GARAGE) == 1
        assert await reorderer.step() == 1
        assert await standing_bills(front) == [800]
        assert await front.operator.sessions.occupancy(GARAGE) == 0
        assert await PostgresVerifiableBooks(front.pool).violations() == []


async def test_a_stay_that_a_person_dismisses_meanwhile_is_not_billed(
    postgres_dsn: str, valkey_url: str
) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await entered_twice(front)
        car = await as_read_now(front, reorderer)
        (missed,) = await front.operator.reviews.open_items(garage_id=None, cause="exit_missed", limit=9)
        await front.operator.reviews.resolve(
            missed, Resolution.DISMISS, resolved_by="ann", note=None, now=front.clock.moment
        )
        read_before(front, reorderer, car)
        assert await reorderer.step() == 0
        assert await standing_bills(front) == []
        (left,) = await front.operator.reviews.open_items(garage_id=None, cause=None, limit=9)
        assert left.details["kind"] == "exit"
        assert await PostgresVerifiableBooks(front.pool).violations() == []


async def test_a_stay_that_is_being_billed_cannot_be_dismissed(postgres_dsn: str, valkey_url: str) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await entered_twice(front)
        (missed,) = await front.operator.reviews.open_items(garage_id=None, cause="exit_missed", limit=9)
        assert await reorderer.step() == 1
        with pytest.raises(Conflict, match="resolved already"):
            await front.operator.reviews.resolve(
                missed, Resolution.DISMISS, resolved_by="ann", note=None, now=front.clock.moment
            )
        assert await standing_bills(front) == [800]


class ReadBefore(PostgresVisitBooks):
    """What is booked about the cars was read before something else happened, once."""

    before: Sequence[Car] = ()

    @override
    async def cars(self, garage: Garage, numbers: Sequence[str], since: datetime) -> list[Car]:
        before, self.before = list(self.before), ()
        return before or await super().cars(garage, numbers, since)


async def as_read_now(front: Front, reorderer: Reorderer) -> Car:
    garage = (await front.operator.garages.one(GARAGE)).garage
    assert garage is not None
    (car,) = await reorderer.books.cars(garage, [PLATES[0]], MORNING)
    return car


def read_before(front: Front, reorderer: Reorderer, car: Car) -> None:
    operator = front.operator
    books = ReadBefore(front.pool, operator.corrections, operator.garages.tariffs, partition_count=PARTITIONS)
    books.before = [car]
    reorderer.books = books


def second_entry() -> GateEvent:
    (event,) = events_of([Stayed(PLATES[0], MORNING + timedelta(hours=2), None)])
    return replace(event, event_id=EventId("second"), offline=False)


async def entered_twice(front: Front) -> Reorderer:
    """A car comes in, leaves unseen, and comes in again; that it left is reported late."""
    await front.operator.garages.put(garage_record(), MORNING)
    await front.operator.accounts.open_one(new_account(1, *PLATES), MORNING)
    first, left = events_of([Stayed(PLATES[0], MORNING, MORNING + timedelta(hours=1))])
    await report(front, MORNING, replace(first, offline=False))
    await report(front, MORNING + timedelta(hours=2), second_entry())
    await report(front, MORNING + timedelta(hours=2, minutes=1), replace(left, offline=True))
    front.clock.moment = MORNING + timedelta(hours=2, minutes=10)
    return reorderer_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())


async def take_entry_back(front: Front) -> None:
    """The answer to the second entry was lost, and its gate had stayed shut."""
    await front.settle()
    garage = (await front.operator.garages.one(GARAGE)).garage
    assert garage is not None
    held = Decision(verdict=Verdict.HOLD, reason=Reason.OUTAGE_POLICY)
    desk = Desk(front.operator.sessions, front.clock)
    assert (await desk.answer(second_entry(), garage, given=held)).session_id is not None
    await front.settle()


MIXED_UP = (("entry", 0), ("exit", 180), ("entry", 120), ("exit", 60))
"""Two visits, as they are reported: kind, and minutes from the morning."""


async def mixed_up(front: Front) -> Reorderer:
    """The exit of the second visit has ended the first, and its own is known by now."""
    await front.operator.garages.put(garage_record(), MORNING)
    await front.operator.accounts.open_one(new_account(1, *PLATES), MORNING)
    for number, (kind, minutes) in enumerate(MIXED_UP):
        at = MORNING + timedelta(minutes=minutes)
        (event,) = events_of([Stayed(PLATES[0], at, None)])
        lane_id = LaneId("in-1" if kind == "entry" else "out-1")
        named = replace(event, event_id=EventId(f"e{number}"), kind=Kind(kind), lane_id=lane_id, offline=True)
        await report(front, NOON, named)
    front.clock.moment = NOON + timedelta(minutes=5)
    return reorderer_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())


class Forestalled(PostgresVisitBooks):
    """Between the reorderer's reading and its repair somebody is faster with corrections, one each time."""

    faster: Sequence[Correction] = ()

    @override
    async def retime(
        self, stay: Stay, began_at: datetime, left: Passage, *, exit_within: timedelta, now: datetime
    ) -> int:
        session = stay.session
        billed = BilledStay(
            garage_id=session.garage_id,
            entered_at=session.entered_at,
            session_id=session.session_id,
            exit_within=exit_within,
        )
        for correction in self.faster[:1]:
            await self._corrections.correct(billed, correction, await self._tariffs(), now)
        self.faster = self.faster[1:]
        return await super().retime(stay, began_at, left, exit_within=exit_within, now=now)


def forestalled(front: Front, reorderer: Reorderer, *faster: Correction) -> None:
    operator = front.operator
    books = Forestalled(
        front.pool, operator.corrections, operator.garages.tariffs, partition_count=PARTITIONS
    )
    books.faster = faster
    reorderer.books = books


async def standing_bills(front: Front) -> list[int]:
    await front.settle()
    return sorted(row["amount_fen"] for row in await front.pool.fetch(BILLS))


async def test_what_a_person_corrects_meanwhile_stands_and_nothing_is_billed_on_top(
    postgres_dsn: str, valkey_url: str
) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await mixed_up(front)
        found = Correction(
            correction_id="c1",
            left_at=MORNING + timedelta(minutes=70),
            reason="the driver has the receipt of a shop",
            corrected_by="a person",
        )
        forestalled(front, reorderer, found)
        assert await reorderer.step() == 0
        assert await standing_bills(front) == [1_200]
        assert await reorderer.step() == 0
        assert await standing_bills(front) == [1_200]


async def test_a_visit_that_settlement_corrects_meanwhile_is_put_in_order_at_the_next_look(
    postgres_dsn: str, valkey_url: str
) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await mixed_up(front)
        covered = Covered(since=MORNING, until=MORNING + timedelta(minutes=30), name="monthly 17")
        given = Correction(
            correction_id="b1",
            benefits=Benefits(covered=(covered,)),
            reason="not known at the exit",
            corrected_by=NOBODY,
        )
        forestalled(front, reorderer, given)
        assert await reorderer.step() == 0
        assert await standing_bills(front) == [2_000]
        assert await reorderer.step() == 2
        assert await standing_bills(front) == [400, 800]
        assert await reorderer.step() == 0


async def test_a_bill_may_return_to_an_exit_that_it_had_before(postgres_dsn: str, valkey_url: str) -> None:
    async with open_front(postgres_dsn, valkey_url) as front:
        reorderer = await mixed_up(front)
        garage = (await front.operator.garages.one(GARAGE)).garage
        assert garage is not None
        for event_id, minutes, fen in (("e3", 60, 800), ("e1", 180, 2_400), ("e3", 60, 800)):
            (car,) = await reorderer.books.cars(garage, [PLATES[0]], MORNING)
            first = next(one for one in car.stays.values() if one.session.entered_at == MORNING)
            (left,) = [one for one in car.passages if one.event_id == event_id]
            assert left.at == MORNING + timedelta(minutes=minutes)
            await reorderer.books.retime(
                first, first.billed_from, left, exit_within=timedelta(0), now=front.clock.now()
            )
            assert fen in await standing_bills(front)
            assert len(await standing_bills(front)) == 1


@pytest.mark.parametrize(("back_after", "bills"), [(10, [800, 800]), (31, [400, 800])])
async def test_a_visit_that_is_written_down_late_goes_on_with_the_stay_before(
    postgres_dsn: str, valkey_url: str, back_after: int, bills: list[int]
) -> None:
    """Within the half hour outside that the price list gives, and after it."""
    then = tariff_version(days=364)
    tariff = replace(then, tariff=replace(then.tariff, reentry_minutes=30))
    async with open_front(postgres_dsn, valkey_url) as front:
        await front.operator.garages.put(garage_record(tariffs=(tariff,)), MORNING)
        await front.operator.accounts.open_one(new_account(1, *PLATES), MORNING)
        back = MORNING + timedelta(minutes=60 + back_after)
        day = [
            Stayed(PLATES[0], MORNING, MORNING + timedelta(minutes=60)),
            Stayed(PLATES[0], back, back + timedelta(minutes=30)),
            Stayed(PLATES[0], MORNING + timedelta(hours=4), None),
        ]
        first_in, first_out, late_in, late_out, last_in = events_of(day)
        for event in (first_in, first_out, last_in, late_in, late_out):
            await report(front, NOON, replace(event, offline=True))
        front.clock.moment = NOON + timedelta(minutes=5)
        reorderer = reorderer_of(Settings(), front.operator, front.pool, front.journal, SilentObserver())
        assert await reorderer.step() == 1
        assert await standing_bills(front) == bills
        assert await PostgresVerifiableBooks(front.pool).violations() == []
        assert await reorderer.step() == 0


async def report(front: Front, at: datetime, event: GateEvent) -> None:
    """A gate reports an event, and it is booked; no barrier opens for the past."""
    front.clock.moment = at
    garage = (await front.operator.garages.one(GARAGE)).garage
    assert garage is not None
    answer = await Desk(front.operator.sessions, front.clock).answer(event, garage)
    assert not event.offline or answer.decision.verdict == "hold"
    await front.settle()
