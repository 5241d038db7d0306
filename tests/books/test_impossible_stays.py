"""A car that cannot have been there is charged only when a person says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from parking.ids import GarageId
from parking.plate import Colour, Plate
from settlement.books.charges import Charges
from settlement.books.corrections import BilledStay, Corrections
from settlement.books.granting import known_of
from settlement.books.migrate import owner_connection
from settlement.books.pool import open_pool
from settlement.books.review import Reviews
from settlement.correction import Correction
from settlement.plausible import Position
from settlement.review import Resolution
from tests.books.billing import RAIL, Office, account_of, open_office
from tests.books.operating import garage_record, garages_of
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from settlement.review import ReviewItem

WEST, EAST = GarageId("west"), GarageId("east")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest_asyncio.fixture
async def office(postgres_dsn: str) -> AsyncIterator[Office]:
    async with open_office(postgres_dsn) as opened:
        await opened.register(1, "浙A0000A")
        yield opened


def car_at(garage_id: GarageId, after: timedelta, *, name: str = "a") -> Car:
    return Car(name, garage_id=garage_id, account_id=account_of(1), entered_at=MORNING + after)


async def items(office: Office) -> list[ReviewItem]:
    return await Reviews(office.pool).open_items(garage_id=None, cause="impossible_stay", limit=9)


async def states(office: Office) -> dict[str, str]:
    rows = await office.pool.fetch("SELECT garage_id, state FROM charge")
    return {row["garage_id"]: row["state"] for row in rows}


async def owed(office: Office) -> set[str]:
    (known,) = await known_of(office.pool, [Plate(number="浙A0000A", colour=Colour.BLUE)], office.now)
    assert known.standing is not None
    return {bill.origin.garage_id for bill in known.standing.bills}


async def test_a_car_in_two_garages_at_once_is_charged_for_neither(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), east.enters(), west.leaves(2 * HOUR), east.leaves(2 * HOUR))
    await office.collect()
    assert await states(office) == {WEST: "unassigned", EAST: "unassigned"}
    found = {item.garage_id: item.details for item in await items(office)}
    assert found[WEST]["session_id"] == found[EAST]["other_session_id"] == str(west.session.session_id)
    assert found[EAST]["session_id"] == found[WEST]["other_session_id"] == str(east.session.session_id)
    assert await office.taken_fen() == 0
    assert await office.violations() == ()


async def test_what_waits_for_a_person_is_no_debt(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), east.enters(), west.leaves(2 * HOUR), east.leaves(2 * HOUR))
    assert await owed(office) == {WEST, EAST}
    await office.collect()
    assert await owed(office) == set()
    west_item = next(item for item in await items(office) if item.garage_id == WEST)
    await Reviews(office.pool).resolve(
        west_item, Resolution.CONFIRM, resolved_by="me", note=None, now=office.now
    )
    assert await owed(office) == {WEST}


@pytest.mark.parametrize("first", [WEST, EAST])
async def test_it_is_seen_whichever_stay_is_reported_last(office: Office, first: GarageId) -> None:
    cars = [car_at(WEST, timedelta()), car_at(EAST, HOUR)]
    for car in sorted(cars, key=lambda one: one.garage_id != first):
        await office.post(car.enters(), car.leaves(2 * HOUR))
    await office.collect()
    assert await states(office) == {WEST: "unassigned", EAST: "unassigned"}


async def test_a_stay_that_is_reported_after_the_other_was_paid_is_doubted_alone(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), west.leaves(2 * HOUR))
    await office.collect()
    await office.post(east.enters(), east.leaves(2 * HOUR))
    await office.collect()
    assert await states(office) == {WEST: "paid", EAST: "unassigned"}


async def test_a_car_that_is_still_inside_elsewhere_is_not_charged(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), east.enters(), east.leaves(2 * HOUR))
    await office.collect()
    assert await states(office) == {EAST: "unassigned"}
    (item,) = await items(office)
    assert item.details["other_left_at"] is None


async def test_who_was_not_seen_leaving_long_ago_is_charged(office: Office) -> None:
    lost, east = car_at(WEST, timedelta(days=-8)), car_at(EAST, timedelta())
    await office.post(lost.enters(), east.enters(), east.leaves())
    await office.collect()
    assert await states(office) == {EAST: "paid"}


@pytest.mark.parametrize(
    ("colour", "state"),
    [(Colour.BLUE, "unassigned"), (Colour.UNKNOWN, "unassigned"), (Colour.GREEN, "paid")],
)
async def test_the_same_number_on_another_ground_is_another_car(
    office: Office, colour: Colour, state: str
) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), west.leaves())
    await office.post(east.enters())
    async with owner_connection(office.dsn) as owner:
        await owner.execute("UPDATE session SET colour = $1 WHERE garage_id = $2", colour, EAST)
    await office.collect()
    assert (await states(office))[WEST] == state


async def put_garages(office: Office, *, degrees: int) -> None:
    """Two garages, the second so many hundredths of a degree to the east, at 30° north: each is 963 m."""
    garages = garages_of(office.pool)
    for garage_id, east in ((WEST, 0), (EAST, degrees)):
        record = garage_record(
            garage_id,
            position=Position(
                latitude_microdegrees=30_000_000, longitude_microdegrees=120_000_000 + 10_000 * east
            ),
        )
        await garages.put(record, MORNING)


@pytest.mark.parametrize(
    ("degrees", "between", "charged"),
    [
        (1, timedelta(seconds=30), True),  # a kilometre apart, by clocks that may differ
        (100, 20 * MINUTE, False),  # 96 km: 29 minutes at 200 km/h, less 4 for the clocks
        (100, 26 * MINUTE, True),
        (500, 2 * HOUR, False),
        (500, 3 * HOUR, True),
    ],
)
async def test_nobody_drives_faster_than_a_road_allows(
    office: Office, degrees: int, between: timedelta, *, charged: bool
) -> None:
    await put_garages(office, degrees=degrees)
    west, east = car_at(WEST, timedelta()), car_at(EAST, 2 * HOUR + between)
    await office.post(west.enters(), west.leaves(2 * HOUR), east.enters(), east.leaves(HOUR))
    await office.collect()
    assert set((await states(office)).values()) == {"paid" if charged else "unassigned"}


async def test_garages_whose_place_nobody_knows_are_next_to_each_other(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, 2 * HOUR)
    await office.post(west.enters(), west.leaves(2 * HOUR), east.enters(), east.leaves())
    await office.collect()
    assert await states(office) == {WEST: "paid", EAST: "paid"}


async def test_a_turned_back_entry_is_no_stay(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), west.turns_back(5 * MINUTE), east.enters(), east.leaves())
    await office.collect()
    assert await states(office) == {EAST: "paid"}


async def test_a_person_confirms_one_and_dismisses_the_other(office: Office) -> None:
    west, east = car_at(WEST, timedelta()), car_at(EAST, HOUR)
    await office.post(west.enters(), east.enters(), west.leaves(2 * HOUR), east.leaves(2 * HOUR))
    await office.collect()
    for item in await items(office):
        resolution = Resolution.CONFIRM if item.garage_id == WEST else Resolution.DISMISS
        await Reviews(office.pool).resolve(item, resolution, resolved_by="ann", note=None, now=office.now)
    await office.collect()
    assert await states(office) == {WEST: "paid", EAST: "voided"}
    assert await office.taken_fen() == 1_600
    assert await office.balances() == {"rail_clearing": 1_600, "garage_payable": -1_600}
    assert await office.violations() == ()


async def test_a_corrected_stay_is_held_against_the_plate_that_it_was_of(office: Office) -> None:
    await office.register(2, "浙A0000B")
    west, east, third = (
        car_at(WEST, timedelta()),
        car_at(EAST, HOUR),
        car_at(GarageId("north"), HOUR, name="b"),
    )
    await office.post(west.enters(), east.enters(), east.leaves(), west.leaves())
    correction = Correction(
        correction_id="k1",
        plate=Plate(number="浙A0000B", colour=Colour.BLUE),
        reason="the camera took B for A",
        corrected_by="ann",
    )
    stay = BilledStay(
        garage_id=WEST, entered_at=MORNING, session_id=west.session.session_id, exit_within=15 * MINUTE
    )
    await Corrections(office.pool, partition_count=64).correct(stay, correction, TARIFFS, office.now)
    await office.post(third.enters(), third.leaves())
    await office.collect()
    paid = await office.pool.fetch("SELECT garage_id FROM charge WHERE state = 'paid'")
    assert [row["garage_id"] for row in paid] == [EAST]
    assert {item.garage_id for item in await items(office)} == {WEST, "north"}
    assert await office.violations() == ()


async def test_an_ordinary_car_costs_no_further_statement(office: Office) -> None:
    for number in range(50):
        await office.post(
            *(
                record
                for car in [car_at(WEST, HOUR, name=f"o{number}")]
                for record in (car.enters(), car.leaves())
            )
        )
    asked: list[str] = []
    async with open_pool(office.dsn, size=1, application_name="test") as pool:
        async with pool.acquire() as held:
            held.add_query_logger(lambda query: asked.append(query.query))
        found = await Charges(pool).claim(RAIL, now=office.now, claimed_max=100, lease=HOUR)
    assert len(found) == 50
    assert sum("charge_attempt" in query for query in asked) == 1
    assert [query for query in asked if "charge_attempt" not in query and "session" in query.lower()] == []
