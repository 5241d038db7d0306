"""A stay goes on when its car is soon back, and is split where its price list says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from parking.errors import InvalidInput
from parking.event import Kind
from parking.fee import price_of, stay_of
from parking.garage import LeaveFirst, Policy
from parking.ids import TariffVersionId
from parking.price_facts import (
    PriceChange,
    changes_text,
    earlier_text,
    parse_changes,
    parse_earlier,
)
from parking.pricing import Visit
from parking.session import Step
from parking.tariff import Rate, TariffSchedule, TariffVersion, WhenReplaced, version_id_of
from tests.scenarios.stage import MIDNIGHT, TARIFF, an_event, garage_of, stage

if TYPE_CHECKING:
    from datetime import datetime

    from parking.desk import Answer
    from parking.garage import Garage
    from parking.journal import Record
    from parking.tariff import Tariff
    from tests.scenarios.stage import Stage

EVERYONE = Policy(
    leave_first=LeaveFirst.EVERYONE, everyone_limit_fen=100_000, duplicate_entry_within=timedelta(minutes=1)
)
GOES_ON = replace(TARIFF, reentry_minutes=10)


def priced_by(*tariffs: tuple[int, Tariff]) -> Garage:
    """A garage with these versions, each from an hour of the day on; the first since long before."""
    versions = [
        TariffVersion(
            in_force_from=MIDNIGHT + timedelta(hours=hour) if hour else MIDNIGHT - timedelta(days=300),
            tariff=tariff,
        )
        for hour, tariff in tariffs
    ]
    return replace(garage_of(EVERYONE), tariffs=TariffSchedule(versions=tuple(versions)))


class Driver:
    """Drives one car; minutes are counted from midnight."""

    def __init__(self, on: Stage, garage: Garage) -> None:
        self.on = on
        self.garage = garage
        self.events = 0

    async def drives(self, kind: Kind, minute: float, *, offline: bool = False) -> Answer:
        self.events += 1
        at = MIDNIGHT + timedelta(minutes=minute)
        self.on.clock.moment = max(self.on.clock.moment, at)
        lane = "out-1" if kind is Kind.EXIT else "in-1"
        event = replace(an_event(f"e{self.events}", kind, at=at, lane=lane), offline=offline)
        return await self.on.desk.answer(event, self.garage)

    async def stays(self, entered: float, left: float) -> int:
        """What it is asked for at the exit, in fen."""
        await self.drives(Kind.ENTRY, entered)
        return (await self.drives(Kind.EXIT, left)).decision.amount_fen


def at(minute: float) -> datetime:
    return MIDNIGHT + timedelta(minutes=minute)


def priced_again(record: Record, *tariffs: Tariff) -> int:
    """As the books price it, from the record alone."""
    session = record.session
    assert session is not None
    assert session.left_at is not None
    known = {version_id_of(one): one for one in tariffs}
    return price_of(
        stay_of(session, session.left_at), session.tariff_version_id, session.changes, known
    ).amount_fen


async def test_a_car_that_is_soon_back_goes_on_with_its_stay(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        car = Driver(on, priced_by((0, GOES_ON)))
        assert await car.stays(0, 14) == 0
        assert await car.stays(20, 34) == 800, "34 minutes in all, not twice a free quarter of an hour"
        assert await car.stays(40, 80) == 400
        records = await on.journal()
        visits = (
            Visit(entered_at=at(0), left_at=at(14), amount_fen=0),
            Visit(entered_at=at(20), left_at=at(34), amount_fen=800),
        )
        for record in records[-2:]:
            assert record.session is not None
            assert record.session.earlier == visits
        left = [record for record in records if record.step is Step.LEFT]
        assert [priced_again(one, GOES_ON) for one in left] == [0, 800, 400]


@pytest.mark.parametrize(("away", "fee_fen"), [(10, 800), (10.1, 0)])
async def test_after_the_minutes_of_the_price_list_it_is_a_new_stay(
    valkey_url: str, away: float, fee_fen: int
) -> None:
    async with stage(valkey_url) as on:
        car = Driver(on, priced_by((0, GOES_ON)))
        await car.stays(0, 14)
        assert await car.stays(14 + away, 28 + away) == fee_fen


async def test_without_such_minutes_every_entry_is_a_stay(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        car = Driver(on, priced_by((0, TARIFF)))
        await car.stays(0, 14)
        assert await car.stays(20, 34) == 0
        assert all(record.session is None or not record.session.earlier for record in await on.journal())


async def test_an_entry_that_was_undone_leaves_the_earlier_visit_to_the_next_one(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        car = Driver(on, priced_by((0, GOES_ON)))
        await car.stays(0, 14)
        await car.drives(Kind.ENTRY, 16)
        await car.drives(Kind.TURN_BACK, 17)
        assert await car.stays(20, 34) == 800


async def test_a_stay_goes_on_over_a_bounded_number_of_visits(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        car = Driver(on, priced_by((0, GOES_ON)))
        for visit in range(10):
            await car.stays(20 * visit, 20 * visit + 12)
        counts = [
            len(record.session.earlier)
            for record in await on.journal()
            if record.step is Step.LEFT and record.session
        ]
        assert counts == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0]


async def test_a_stay_is_split_where_another_version_comes_into_force(valkey_url: str) -> None:
    old = replace(TARIFF, free_minutes=0, when_replaced=WhenReplaced.SPLIT)
    new = replace(
        TARIFF, free_minutes=0, first=None, cap_fen=None, then=Rate(block_minutes=60, block_price_fen=1_000)
    )
    later = replace(new, then=Rate(block_minutes=60, block_price_fen=9_000))
    garage = priced_by((0, old), (2, new), (9, later))
    async with stage(valkey_url) as on:
        car = Driver(on, garage)
        assert await car.stays(60, 180) == 800 + 1_000
        (left,) = [record for record in await on.journal() if record.step is Step.LEFT]
        assert left.session is not None
        assert left.session.changes == (PriceChange(at=at(120), tariff_version_id=version_id_of(new)),)
        assert priced_again(left, old, new) == 1_800
        back = replace(an_event("back", Kind.TURN_BACK, at=at(181), lane="out-1"))
        on.clock.moment = at(181)
        await on.desk.answer(back, garage)
        assert (await car.drives(Kind.EXIT, 190)).decision.amount_fen == 800 + 2_000
        assert priced_again((await on.journal())[-1], old, new) == 2_800


def test_texts_are_read_back() -> None:
    visits = (
        Visit(entered_at=at(0), left_at=at(14), amount_fen=0),
        Visit(entered_at=at(20), left_at=at(34), amount_fen=800),
    )
    changes = (PriceChange(at=at(3), tariff_version_id=TariffVersionId('a@"1')),)
    assert parse_earlier(earlier_text(visits)) == visits
    assert parse_changes(changes_text(changes)) == changes
    assert (earlier_text(()), changes_text(()), parse_earlier(""), parse_changes("")) == ("", "", (), ())


@pytest.mark.parametrize("text", ["x", "[1]", "[1,2,3.5]", '["a",1,2]', "[1,2,3],[", "1"])
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_earlier(text)
    with pytest.raises(InvalidInput):
        parse_changes(text)
