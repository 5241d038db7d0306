"""The operator API about money in doubt: a person confirms a plate, or says what a rail has done."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import pytest_asyncio
from typing_extensions import override

from parking.benefits import NO_BENEFITS
from parking.decision import Reason
from parking.event import Kind
from parking.grant import Grant, Granted, GrantReason
from parking.ids import AccountId, Partition
from parking.live.keys import journal_key
from parking.plate import Colour, parse_plate
from settlement.biller import Biller, BillerSettings
from settlement.books.accounts import Agreement, NewAccount
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.observe import SilentObserver
from settlement.outcomes import Answered, book_answers
from settlement.rail import Paid, Unknown
from settlement.record_books import Tariffs
from settlement.retry import Schedule
from tests.books.operating import GARAGE, NOON
from tests.books.records import MORNING, TARIFFS, Car
from tests.gateways.operator_desk import PLATE, Front, item_path, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from parking.ids import TariffVersionId
    from parking.tariff import Tariff
    from settlement.charge import Attempt

DRIVER = AccountId(UUID(int=1))
RAIL = "sim"
LEASE = timedelta(minutes=2)
ONE_QUESTION = Schedule(retries=(), questions=(timedelta(seconds=1),))


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        await opened.operator.accounts.open([_driver()], NOON)
        yield opened


def _driver() -> NewAccount:
    return NewAccount(
        account_id=DRIVER,
        holder="d",
        limit_fen=10_000,
        exposure_limit_fen=10_000,
        plates=(parse_plate(PLATE, Colour.BLUE),),
        agreements=(Agreement(rail=RAIL, reference="r"),),
    )


async def resolve(front: Front, item: Any, action: str) -> int:  # noqa: ANN401 - JSON
    path = f"{item_path(item['item_id'])}/resolve"
    return (await front.answer("POST", path, json={"action": action})).status


async def items(front: Front, cause: str) -> list[Any]:
    found: list[Any] = (await front.ask("GET", f"/v1/quarantine?cause={cause}"))["items"]
    return found


async def states(front: Front, session_id: object) -> list[str]:
    file = await front.ask("GET", f"/v1/sessions/{session_id}")
    return [charge["state"] for charge in file["charges"]]


async def leaves(front: Front) -> object:
    """The driver's car stays an hour, and its bill is booked; its session."""
    session_id = await drives_out(front)
    await front.settle()
    return session_id


async def drives_out(front: Front) -> object:
    """The driver's car stays an hour; its session."""
    entry = await front.event(Kind.ENTRY)
    found = await front.operator.sessions.find(GARAGE, PLATE)
    assert found.session is not None
    grant = Grant(
        allowed=True,
        limit_fen=10_000,
        reason=GrantReason.GOOD_STANDING,
        expires_at=NOON + timedelta(days=1),
        account_id=DRIVER,
    )
    await front.grants.push([Granted(session=found.session, grant=grant, benefits=NO_BENEFITS)])
    assert (await front.event(Kind.EXIT, minutes=60)).decision.verdict == "open"
    return entry.session_id


async def test_a_confirmed_plate_is_charged_and_its_driver_granted_anew(front: Front) -> None:
    car = Car("a", account_id=DRIVER)
    session_id = car.session.session_id
    records = [car.enters(), car.leaves(reason=Reason.LOW_CONFIDENCE)]
    await front.books.post(records, TARIFFS, MORNING + timedelta(hours=12))
    assert await states(front, session_id) == ["unassigned"]
    (item,) = await items(front, "unconfirmed_plate")
    assert await resolve(front, item, "paid") == 409
    assert await resolve(front, item, "confirm") == 200
    assert await states(front, session_id) == ["due"]
    assert front.told.regranted[-1] == ((DRIVER,), ())
    assert await resolve(front, item, "dismiss") == 409


class NoLists(Tariffs):
    """Price lists have not come yet."""

    @override
    async def of(self, version_ids: set[TariffVersionId]) -> Mapping[TariffVersionId, Tariff]:
        return {}


def impatient_biller(front: Front) -> Biller:
    """One that has no price lists, and puts aside at once what it cannot book."""
    return Biller(
        journal=front.journal,
        books=front.books,
        tariffs=NoLists(),
        clock=front.clock,
        observer=SilentObserver(),
        settings=BillerSettings(poison_after=1, block=timedelta(milliseconds=1)),
    )


async def test_a_record_that_the_books_refused_is_booked_once_the_cause_is_mended(front: Front) -> None:
    session_id = await drives_out(front)
    await impatient_biller(front).step()
    (item,) = await items(front, "unbookable")
    assert item["garage_id"] == GARAGE
    assert await states(front, session_id) == []
    assert await resolve(front, item, "confirm") == 409
    assert await resolve(front, item, "retry") == 200
    await front.settle()
    assert await states(front, session_id) == ["due"]
    assert await items(front, "unbookable") == []
    assert await resolve(front, item, "retry") == 409
    assert await front.pool.fetchval("SELECT count(*) FROM quarantine WHERE message IS NOT NULL") == 0
    assert await PostgresVerifiableBooks(front.pool).violations() == []


async def test_what_is_refused_again_waits_again(front: Front) -> None:
    await front.live.call("XADD", journal_key(Partition(3)), "*", "e", "{}")
    biller = impatient_biller(front)
    await biller.step()
    (item,) = await items(front, "unbookable")
    assert await resolve(front, item, "retry") == 200
    await biller.step()
    (again,) = await items(front, "unbookable")
    assert again["item_id"] != item["item_id"]
    assert again["details"] == item["details"]
    assert await resolve(front, again, "dismiss") == 200
    assert await front.pool.fetchval("SELECT count(*) FROM quarantine WHERE message IS NOT NULL") == 0


async def test_what_was_not_refused_is_not_sent_again(front: Front) -> None:
    await front.event(Kind.EXIT)
    await front.settle()
    (item,) = await items(front, "no_entry")
    assert await resolve(front, item, "retry") == 409


async def in_review(front: Front) -> Attempt:
    """A charge that its rail was asked about in vain."""
    charges, now = front.operator.charges, NOON + timedelta(hours=3)
    (attempt,) = await charges.claim(RAIL, now=now, claimed_max=9, lease=LEASE)
    for _ in range(2):
        lost = Answered(attempt=attempt, answer=Unknown(detail="cut"))
        await book_answers([lost], books=charges, schedule=ONE_QUESTION, now=now)
        now += timedelta(minutes=5)
        asked = await charges.claim_questions(
            RAIL, now=now, claimed_max=9, lease=LEASE, with_sent=True, in_hand=()
        )
        attempt = asked[0] if asked else attempt
    return attempt


@pytest.mark.parametrize(
    ("action", "other", "state"), [("paid", "declined", "paid"), ("declined", "paid", "unpaid")]
)
async def test_a_person_says_what_became_of_a_charge(
    front: Front, action: str, other: str, state: str
) -> None:
    session_id = await leaves(front)
    await in_review(front)
    assert await states(front, session_id) == ["review"]
    (item,) = await items(front, "charge_review")
    assert (item["details"]["amount_fen"], item["details"]["session_id"]) == (800, str(session_id))
    assert await resolve(front, item, "dismiss") == 409
    assert await resolve(front, item, "confirm") == 409
    assert await resolve(front, item, action) == 200
    assert await states(front, session_id) == [state]
    assert await resolve(front, item, other) == 409
    assert await items(front, "charge_review") == []


async def test_what_the_rail_said_meanwhile_is_not_contradicted_by_a_person(front: Front) -> None:
    session_id = await leaves(front)
    attempt = await in_review(front)
    (current,) = (await front.operator.charges.attempts_by_key([attempt.key])).values()
    paid = Answered(attempt=current, answer=Paid(rail_reference="r", amount_fen=800, paid_at=NOON))
    await book_answers([paid], books=front.operator.charges, schedule=ONE_QUESTION, now=NOON)
    (item,) = await items(front, "charge_review")
    assert await resolve(front, item, "declined") == 409
    assert await resolve(front, item, "paid") == 200
    assert await states(front, session_id) == ["paid"]
    assert await items(front, "rail_contradiction") == []
