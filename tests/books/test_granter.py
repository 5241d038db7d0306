"""Grants: who is looked up for which plate, and when a gate is told anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from json import JSONDecoder
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
import pytest_asyncio
from typing_extensions import override

from gateways.policy_file import POLICY_TEXTS
from parking.clock import Clock
from parking.decision import Reason
from parking.errors import Unavailable
from parking.grant import GrantReason
from parking.ids import AccountId
from parking.plate import Colour, Plate
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.granting import PostgresGrantBooks
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.granter import Granter, Grants
from settlement.observe import SilentObserver
from settlement.policy import STANDARD, policy_version_id_of
from tests.books.journals import MemoryJournal
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from parking.grant import Grant, Granted
    from parking.session import Session
    from settlement.books.pool import Pool

DRIVER, OTHER = AccountId(UUID(int=1)), AccountId(UUID(int=2))
LIMIT_FEN, EXPOSURE_FEN = 5_000, 6_000


class Noon(Clock):
    days = 0

    @override
    def now(self) -> datetime:
        return MORNING + timedelta(days=self.days, hours=4)


class RememberedGrants(Grants):
    def __init__(self) -> None:
        self.latest: dict[str, Grant] = {}
        self.withdrawn: list[str] = []
        self.away = 0

    @override
    async def push(self, grants: Sequence[Granted]) -> Sequence[bool]:
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        self.latest |= {one.session.plate.number: one.grant for one in grants}
        return [True for _ in grants]

    @override
    async def withdraw(self, sessions: Sequence[Session]) -> None:
        self.withdrawn += [session.plate.number for session in sessions]


class Lane:
    """Entries in, grants out."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.accounts = Accounts(pool)
        self.journal = MemoryJournal()
        self.clock = Noon()
        self.grants = RememberedGrants()
        self.granter = Granter(
            journal=self.journal,
            books=PostgresGrantBooks(pool, Policies(pool, POLICY_TEXTS), partition_count=64),
            grants=self.grants,
            clock=self.clock,
            observer=SilentObserver(),
        )

    async def register(self, account_id: AccountId, *plates: Plate) -> None:
        account = NewAccount(
            account_id=account_id,
            holder="driver",
            limit_fen=LIMIT_FEN,
            exposure_limit_fen=EXPOSURE_FEN,
            plates=plates,
            agreements=(Agreement(rail="sim", reference=account_id.hex),),
        )
        await self.accounts.open([account], MORNING)

    async def grant_of(self, car: Car) -> Grant:
        entry = car.enters()
        await PostgresRecordBooks(self.pool).post([entry], TARIFFS, MORNING)
        self.journal.new = [entry]
        await self.granter.step()
        assert self.journal.pending == {}
        return self.grants.latest[car.session.plate.number]


@pytest_asyncio.fixture
async def lane(postgres_dsn: str) -> AsyncIterator[Lane]:
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        yield Lane(pool)


async def test_a_stay_that_goes_on_is_granted_anew(lane: Lane) -> None:
    car = Car("a")
    first = car.session
    await lane.register(DRIVER, car.session.plate)
    records = [car.enters(), car.enters_again(timedelta(hours=1))]
    await PostgresRecordBooks(lane.pool).post(records, TARIFFS, MORNING)
    lane.journal.new = [car.never_came_in(first)]
    await lane.granter.step()
    assert lane.grants.latest[first.plate.number].allowed


async def test_a_registered_car_is_granted_up_to_its_limit(lane: Lane) -> None:
    car = Car("a")
    await lane.register(DRIVER, car.session.plate)
    grant = await lane.grant_of(car)
    assert (grant.allowed, grant.limit_fen, grant.account_id) == (True, LIMIT_FEN, DRIVER)
    assert grant.expires_at == Noon().now() + timedelta(days=30)


async def test_a_car_that_nobody_has_bound_is_told_so(lane: Lane) -> None:
    assert (await lane.grant_of(Car("a"))).reason is GrantReason.NOT_REGISTERED


@pytest.mark.parametrize(
    ("bound", "seen", "found"),
    [
        ({Colour.BLUE: DRIVER}, Colour.BLUE, DRIVER),
        ({Colour.BLUE: DRIVER}, Colour.GREEN, None),
        ({Colour.BLUE: DRIVER}, Colour.UNKNOWN, DRIVER),
        ({Colour.BLUE: DRIVER, Colour.GREEN: OTHER}, Colour.UNKNOWN, None),
        ({Colour.BLUE: DRIVER, Colour.GREEN: OTHER}, Colour.GREEN, OTHER),
    ],
)
async def test_a_plate_belongs_to_whom_its_colour_says(
    lane: Lane, bound: dict[Colour, AccountId], seen: Colour, found: AccountId | None
) -> None:
    car = Car("a")
    for colour, account_id in bound.items():
        await lane.register(account_id, replace(car.session.plate, colour=colour))
    car.session = replace(car.session, plate=replace(car.session.plate, colour=seen))
    assert (await lane.grant_of(car)).account_id == found


async def test_what_nobody_has_confirmed_is_owed_by_nobody(lane: Lane) -> None:
    unsure, car = Car("a", account_id=DRIVER), Car("b")
    await lane.register(DRIVER, car.session.plate)
    left = unsure.leaves(reason=Reason.LOW_CONFIDENCE)
    await PostgresRecordBooks(lane.pool).post([unsure.enters(), left], TARIFFS, MORNING)
    assert (await lane.grant_of(car)).limit_fen == LIMIT_FEN


async def test_what_is_owed_already_lowers_what_may_be_left_unpaid(lane: Lane) -> None:
    earlier, car = Car("a", account_id=DRIVER), Car("b")
    await lane.register(DRIVER, car.session.plate)
    await PostgresRecordBooks(lane.pool).post([earlier.enters(), earlier.leaves()], TARIFFS, MORNING)
    assert (await lane.grant_of(car)).limit_fen == EXPOSURE_FEN - 1_600
    lane.clock.days = 1
    await lane.granter.regrant(DRIVER)
    assert lane.grants.latest[car.session.plate.number].reason is GrantReason.DEBT


async def test_a_decision_is_recorded_when_it_changes_with_its_policy_and_its_rules(lane: Lane) -> None:
    earlier, car = Car("a", account_id=DRIVER), Car("b")
    await lane.register(DRIVER, car.session.plate)
    await PostgresRecordBooks(lane.pool).post([earlier.enters(), earlier.leaves()], TARIFFS, MORNING)
    await lane.grant_of(car)
    await lane.granter.regrant(DRIVER)
    lane.clock.days = 1
    await lane.granter.regrant(DRIVER)
    rows = await lane.pool.fetch(
        "SELECT reason, limit_fen, policy_version_id, rules, debt FROM grant_decision ORDER BY decided_at"
    )
    assert [(row["reason"], row["limit_fen"]) for row in rows] == [("good_standing", 4_400), ("debt", 0)]
    assert {row["policy_version_id"] for row in rows} == {policy_version_id_of(STANDARD)}
    lowered, overdue = (JSONDecoder().decode(row["rules"]) for row in rows)
    assert [one["rule"] for one in lowered] == ["limit_lowered"]
    assert [(one["rule"], one["stops"]) for one in overdue] == [
        ("debt", True),
        ("limit_lowered", False),
        ("returning_debtor", False),
        ("returning_debtor", True),
    ]
    assert overdue[0]["figures"] == {"bills": 1, "owed_fen": 1_600, "oldest_h": 28, "scope": "operator"}
    assert JSONDecoder().decode(rows[1]["debt"])["owed_fen"] == 1_600


async def test_cars_inside_are_told_of_a_new_and_of_an_ended_binding(lane: Lane) -> None:
    car = Car("a")
    await lane.register(DRIVER)
    assert not (await lane.grant_of(car)).allowed
    plate = car.session.plate
    await lane.accounts.bind(DRIVER, plate, MORNING)
    await lane.granter.regrant(DRIVER)
    assert lane.grants.latest[plate.number].allowed
    await lane.accounts.unbind(DRIVER, plate, MORNING)
    await lane.granter.regrant(DRIVER, unbound_numbers=[plate.number])
    assert not lane.grants.latest[plate.number].allowed


async def test_a_car_that_has_left_gets_no_new_grant(lane: Lane) -> None:
    car = Car("a")
    await lane.register(DRIVER, car.session.plate)
    await lane.grant_of(car)
    await PostgresRecordBooks(lane.pool).post([car.leaves()], TARIFFS, MORNING)
    lane.grants.latest.clear()
    await lane.granter.regrant(DRIVER)
    assert lane.grants.latest == {}


async def test_gates_that_are_away_get_their_grants_later(lane: Lane) -> None:
    lane.grants.away = 2
    assert (await lane.grant_of(Car("a"))).reason is GrantReason.NOT_REGISTERED
