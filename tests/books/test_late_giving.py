"""After an exit that did not know what its stay is given, that is looked up once, whatever fails or races."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from parking.errors import Defect, Unavailable
from parking.event import Kind
from parking.ids import GarageId
from parking.plate import Colour, parse_plate
from settlement.books.benefit_sources import benefit_sources
from settlement.books.late_giving import PostgresLateBooks
from settlement.exemption import Exemption
from tests.scenarios.stage import MIDNIGHT, PARTITIONS, an_event
from tests.scenarios.town import Town, town

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from datetime import datetime

    from parking.ids import AccountId
    from settlement.correction import Correction
    from settlement.late_giving import Closing

HOUR = timedelta(hours=1)
EXEMPT, OTHER = "浙A12345", "浙B12345"


@pytest.fixture
async def on(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Town]:
    """A town whose granter was away while two registered cars were inside for two hours; one is exempt."""
    async with town(postgres_dsn, valkey_url) as found:
        await found.exemptions.add(
            Exemption(
                exemption_id="x1",
                garage_id=GarageId("east"),
                operator_id=None,
                plate=parse_plate(EXEMPT, Colour.BLUE),
                vehicle_class=None,
                cause="fire brigade",
                valid_from=MIDNIGHT,
                added_at=MIDNIGHT,
            ),
            by="Li",
        )
        found.granting = False
        for number in (EXEMPT, OTHER):
            await found.register(number)
            await passes(found, number, Kind.ENTRY, HOUR)
        for number in (EXEMPT, OTHER):
            await passes(found, number, Kind.EXIT, 3 * HOUR)
        found.granting = True
        await found.settle()
        found.clock.moment = MIDNIGHT + 4 * HOUR
        yield found
        assert await found.violations() == []


class DyingBooks(PostgresLateBooks):
    """The process dies once the bills are corrected."""

    @override
    async def known(self, closings: Sequence[Closing]) -> None:
        raise Unavailable("the books are away")


class FailingBooks(PostgresLateBooks):
    """No bill can be corrected."""

    @override
    async def correct(self, closing: Closing, correction: Correction, now: datetime) -> Iterable[AccountId]:
        raise Defect("nobody knows the tariff")


def books_of(on: Town, kind: type[PostgresLateBooks]) -> PostgresLateBooks:
    sources = benefit_sources(on.pool, partition_count=PARTITIONS)
    return kind(on.pool, sources=sources, corrections=on.corrections, garages=on.garages)


async def passes(on: Town, number: str, kind: Kind, after: timedelta) -> None:
    on.clock.moment = MIDNIGHT + after + timedelta(minutes=10)
    event = an_event(f"{kind}{number}", kind, at=MIDNIGHT + after, plate=number)
    await on.gate(replace(event, garage_id=GarageId("east"), offline=True))


async def standing(on: Town) -> list[int]:
    """The bills that stand, in fen."""
    rows = await on.pool.fetch(
        "SELECT amount_fen FROM bill WHERE kind = 'bill'"
        " AND NOT EXISTS (SELECT FROM bill AS note WHERE note.credits_bill_id = bill.bill_id) ORDER BY 1"
    )
    return [row["amount_fen"] for row in rows]


async def test_nobody_is_charged_before_and_the_right_one_after(on: Town) -> None:
    assert await on.ask_rail(paid=True) == 0
    assert await on.late_giver.step() == 2
    assert await standing(on) == [0, 1600]
    assert await on.ask_rail(paid=True) == 1


async def test_who_looks_at_once_corrects_once(on: Town) -> None:
    async with asyncio.TaskGroup() as tasks:
        looks = [tasks.create_task(on.late_giver.step()) for _ in range(4)]
    assert sum(look.result() for look in looks) >= 2
    assert await standing(on) == [0, 1600]
    assert await on.pool.fetchval("SELECT count(*) FROM bill WHERE kind = 'credit_note'") == 1
    assert await on.ask_rail(paid=True) == 1


async def test_a_process_that_dies_after_the_correction_only_notes_it(on: Town) -> None:
    dying = replace(on.late_giver, books=books_of(on, DyingBooks))
    with pytest.raises(Unavailable):
        await dying.step()
    assert await standing(on) == [0, 1600]
    assert await on.ask_rail(paid=True) == 0
    assert await on.late_giver.step() == 2
    assert await standing(on) == [0, 1600]


async def test_one_that_cannot_be_settled_holds_up_no_other(
    on: Town,
) -> None:
    failing = replace(on.late_giver, books=books_of(on, FailingBooks))
    assert await failing.step() == 1
    assert await failing.step() == 0
    assert await standing(on) == [1600, 1600]
    assert await on.ask_rail(paid=True) == 1
    assert await on.late_giver.step() == 1
    assert await standing(on) == [0, 1600]
