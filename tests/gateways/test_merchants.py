"""The merchants' API on real stores: what a token opens, how coupons are given and used, who owes what."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import pytest_asyncio

from gateways.web.access import token_text
from parking.catalog import secret_digest
from parking.event import Kind
from parking.ids import GarageId
from settlement.books.benefit_sources import benefit_sources
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.coupon_life import TRANSITIONS
from settlement.giving import benefits_of
from settlement.merchant import Budget, Merchant, MerchantId, MerchantKey
from tests.books.operating import NOON, PARTITIONS
from tests.gateways.operator_desk import PLATE, Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.session import Session

SHOP = "/v1/garages/g1/merchants/shop"
COUPONS = "/v1/merchant/coupons"
KEY = MerchantKey(garage_id=GarageId("g1"), merchant_id=MerchantId("shop"))
BAKERY = MerchantKey(garage_id=GarageId("g1"), merchant_id=MerchantId("bakery"))
TILL, OTHER = (token_text(key.merchant_id, key.merchant_id) for key in (KEY, BAKERY))
FIVE: dict[str, Any] = {"name": "5 yuan", "kind": "amount", "amount_fen": 500}
GARAGE_FEE_FEN = 1_600
"""Two hours at g1: 15 minutes free, then 4 yuan a started half hour."""


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    """A shop with 20 yuan a month, and a bakery; the garage lets everybody leave first."""
    async with open_front(postgres_dsn, valkey_url) as opened:
        operator = opened.operator
        for key, budget in ((KEY, Budget(fen=2_000)), (BAKERY, Budget())):
            await operator.merchants.put(Merchant(key=key, name=key.merchant_id, budget=budget), NOON)
            secret = secret_digest(key.merchant_id)
            await operator.tokens.add_merchant(key.merchant_id, secret, key=key, label="till", now=NOON)
        garage = await opened.ask("GET", "/v1/garages/g1")
        del garage["garage_id"], garage["tariffs"]
        garage["policy"]["leave_first"] = "everyone"
        await opened.ask("PUT", "/v1/garages/g1", json=garage)
        await opened.ask("PUT", f"{SHOP}/templates/five", json=FIVE)
        yield opened


def coupon(coupon_id: str = "c1", plate: str = PLATE, **others: object) -> dict[str, object]:
    return {"coupon_id": coupon_id, "template_id": "five", "plate": plate} | others


async def test_a_merchants_token_opens_its_own_coupons_and_nothing_else(front: Front) -> None:
    assert (await front.ask("GET", "/v1/merchant", token=TILL))["name"] == "shop"
    for path in ("/v1/garages", "/v1/tokens", f"/v1/sessions?plate={PLATE}", SHOP, f"{SHOP}/coupons"):
        assert (await front.answer("GET", path, token=TILL)).status == 403
    assert (await front.answer("POST", f"{SHOP}/tokens", json={"label": "x"}, token=TILL)).status == 403
    for token in (front.full, front.reader):
        assert (await front.answer("GET", COUPONS, token=token)).status == 403


async def test_a_merchants_token_is_made_once_and_ended(front: Front) -> None:
    made = await front.ask("POST", f"{SHOP}/tokens", json={"label": "till 2"}, status=201)
    listed = {one["token_id"]: one for one in (await front.ask("GET", "/v1/tokens"))["tokens"]}
    one = listed[made["token_id"]]
    assert (one["kind"], one["merchant_id"], one["label"]) == ("merchant", "shop", "till 2")
    persons = await front.operator.tokens.persons()
    assert persons[made["token_id"]].merchant == KEY
    await front.ask("POST", f"/v1/tokens/{made['token_id']}/revoke", status=204)
    assert made["token_id"] not in await front.operator.tokens.persons()


async def test_a_merchant_sees_nothing_of_another(front: Front) -> None:
    await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    assert (await front.ask("GET", COUPONS, token=OTHER))["coupons"] == []
    assert (await front.answer("POST", f"{COUPONS}/c1/revoke", token=OTHER)).status == 404
    assert (await front.answer("POST", COUPONS, json=coupon("c2"), token=OTHER)).status == 404


async def test_a_coupon_is_given_once_and_used_at_the_exit(front: Front) -> None:
    await front.event(Kind.ENTRY)
    given = await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    assert (given["state"], given["replayed"], given["plate"]) == ("given", False, PLATE)
    assert (await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201))["replayed"] is True
    other = coupon(plate="浙B00001")
    assert (await front.answer("POST", COUPONS, json=other, token=TILL)).status == 409
    left = await front.event(Kind.EXIT, minutes=120)
    assert left.decision.amount_fen == GARAGE_FEE_FEN - 500
    assert (await front.answer("POST", f"{COUPONS}/c1/revoke", token=TILL)).status == 409
    await front.settle()
    (used,) = (await front.ask("GET", f"{COUPONS}?state=used", token=TILL))["coupons"]
    assert (used["coupon_id"], used["owed_fen"]) == ("c1", 500)
    file = await front.ask("GET", f"/v1/sessions/{left.session_id}")
    assert file["bills"][0]["funded"] == [
        {"merchant_id": "shop", "coupon_id": "c1", "worth_fen": 500, "owed_fen": 500}
    ]
    statement = await front.ask("GET", "/v1/merchant/statements/2026-03", token=TILL)
    assert (statement["given"], statement["used"], statement["closing_fen"]) == (1, 1, 500)


async def test_what_a_merchant_paid_is_booked_once(front: Front) -> None:
    body: dict[str, Any] = {"payment_id": "p1", "amount_fen": 300, "method": "transfer"}
    path = f"{SHOP}/payments"
    assert (await front.answer("POST", path, json=body, token=front.reader)).status == 403
    assert (await front.ask("POST", path, json=body, status=201))["replayed"] is False
    assert (await front.ask("POST", path, json=body, status=201))["replayed"] is True
    assert (await front.answer("POST", path, json={**body, "amount_fen": 301})).status == 409
    nobody = path.replace("shop", "nobody")
    assert (await front.answer("POST", nobody, json=body)).status == 404
    statement = await front.ask("GET", f"{SHOP}/statements/2026-03")
    assert (statement["paid_fen"], statement["closing_fen"]) == (300, -300)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", SHOP, {"name": "x", "zone": "Mars/Base"}, 422),
        ("PUT", SHOP, {"name": "x", "budget": {"fen": -1}}, 422),
        ("PUT", "/v1/garages/g9/merchants/shop", {"name": "x"}, 404),
        ("PUT", "/v1/garages/g1/merchants/a%20b", {"name": "x"}, 422),
        ("PUT", f"{SHOP}/templates/t", {"name": "x", "kind": "minutes"}, 422),
        ("PUT", f"{SHOP}/templates/t", {"name": "x", "kind": "window", "funded_max_fen": 1}, 422),
        ("PUT", f"{SHOP}/templates/t", {"name": "x", "kind": "free_stay"}, 409),
        ("PUT", "/v1/garages/g1/merchants/nobody/templates/t", FIVE, 404),
        ("GET", f"{SHOP}/statements/2026-13", None, 422),
        ("GET", "/v1/garages/g1/merchants/nobody/coupons", None, 404),
        ("POST", f"{SHOP}/coupons/c9/revoke", None, 404),
        ("POST", "/v1/garages/g1/merchants/nobody/tokens", {"label": "x"}, 404),
    ],
)
async def test_bad_input_is_refused(
    front: Front, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    before = await front.ask("GET", SHOP)
    assert (await front.answer(method, path, json=body)).status == status
    assert await front.ask("GET", SHOP) == before


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"coupon_id": "c1", "template_id": "five"}, 422),
        ({"coupon_id": "c1", "template_id": "five", "plate": "无"}, 422),
        ({"coupon_id": "c1", "template_id": "ten", "plate": PLATE}, 404),
        (
            {"coupon_id": "c1", "template_id": "five", "session_id": str(UUID(int=1))},
            404,
        ),
        ({"coupon_id": "../c", "template_id": "five", "plate": PLATE}, 422),
    ],
)
async def test_a_coupon_for_nothing_is_refused(front: Front, body: dict[str, Any], status: int) -> None:
    assert (await front.answer("POST", COUPONS, json=body, token=TILL)).status == status
    assert (await front.ask("GET", COUPONS, token=TILL))["coupons"] == []


async def test_a_coupon_for_a_stay_does_not_tell_its_plate(front: Front) -> None:
    session_id = str((await front.event(Kind.ENTRY)).session_id)
    await front.settle()
    body = {"coupon_id": "c1", "template_id": "five", "session_id": session_id}
    given = await front.ask("POST", COUPONS, json=body, token=TILL, status=201)
    assert (given["plate"], given["session_id"]) == (None, session_id)
    (seen,) = (await front.ask("GET", f"{SHOP}/coupons"))["coupons"]
    assert (seen["plate"], seen["held_by_session_id"]) == (PLATE, session_id)


async def test_givers_at_the_same_moment_stay_within_the_budget(front: Front) -> None:
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(
                front.answer("POST", COUPONS, json=coupon(f"c{number}", f"浙B{number:05}"), token=TILL)
            )
            for number in range(12)
        ]
    statuses = sorted(one.result().status for one in asked)
    assert statuses == [201] * 4 + [409] * 8
    assert (await front.ask("GET", "/v1/merchant", token=TILL))["counted_fen"] == 2_000


async def test_the_same_coupon_asked_for_at_the_same_moment_is_one(front: Front) -> None:
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201))
            for _ in range(6)
        ]
    assert sorted(one.result()["replayed"] for one in asked) == [False] + [True] * 5


async def test_an_exit_on_its_way_to_the_books_has_used_what_nobody_can_revoke_then(front: Front) -> None:
    await front.event(Kind.ENTRY)
    await front.settle()
    await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    await front.event(Kind.EXIT, minutes=120)
    refused = await front.answer("POST", f"{COUPONS}/c1/revoke", token=TILL)
    assert refused.status == 409
    await front.settle()
    assert await states(front) == {"c1": "used"}


async def test_of_a_revocation_and_an_exit_at_the_same_moment_exactly_one_counts(front: Front) -> None:
    for turn in range(4):
        number = f"浙B{turn:05}"
        await front.event(Kind.ENTRY, number, minutes=200 * turn)
        await front.ask("POST", COUPONS, json=coupon(f"c{turn}", number), token=TILL, status=201)
        async with asyncio.TaskGroup() as tasks:
            leaving = tasks.create_task(front.event(Kind.EXIT, number, minutes=200 * turn + 120))
            revoking = tasks.create_task(front.answer("POST", f"{COUPONS}/c{turn}/revoke", token=TILL))
        used = leaving.result().decision.amount_fen == GARAGE_FEE_FEN - 500
        assert revoking.result().status == (409 if used else 200)
        await front.settle()
        assert (await states(front))[f"c{turn}"] == ("used" if used else "revoked")


async def test_a_coupon_of_a_stay_that_is_not_booked_yet_is_not_taken_by_the_next_one(front: Front) -> None:
    first = await inside(front)
    await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    assert await had(front, first) == 1
    await front.event(Kind.EXIT, minutes=120)
    second = await inside(front, minutes=130)
    assert (await had(front, second), await had(front, first)) == (0, 1)
    await front.settle()
    assert (await had(front, second), await states(front)) == (0, {"c1": "used"})


async def test_a_coupon_that_the_next_stay_has_is_not_used_by_a_correction_of_the_one_before(
    front: Front,
) -> None:
    left = await leave_free(front)
    second = await inside(front, minutes=130)
    await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    assert await had(front, second) == 1
    made = await front.ask(
        "POST",
        f"/v1/sessions/{left}/corrections",
        json={"correction_id": "k1", "reason": "clock", "left_at": "2026-03-02T14:00:00+00:00"},
        status=201,
    )
    assert made["amount_fen"] == GARAGE_FEE_FEN
    assert (await front.event(Kind.EXIT, minutes=250)).decision.amount_fen == GARAGE_FEE_FEN - 500
    await front.settle()
    assert await states(front) == {"c1": "used"}


async def test_a_coupon_revoked_after_an_exit_that_is_undone_stays_revoked(
    front: Front,
) -> None:
    """The car left by it, turned back, and lost it, all before the first exit was booked."""
    await front.event(Kind.ENTRY)
    await front.settle()
    await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    await front.event(Kind.EXIT, minutes=120)
    await front.event(Kind.TURN_BACK, minutes=122)
    assert (await front.ask("POST", f"{COUPONS}/c1/revoke", token=TILL))["state"] == "revoked"
    assert (await front.event(Kind.EXIT, minutes=125)).decision.amount_fen == 2_000
    await front.settle()
    assert await states(front) == {"c1": "revoked"}
    found = await PostgresVerifiableBooks(front.pool).violations()
    assert [one for one in found if "coupon" in one.check or "merchant" in one.check] == []


async def test_the_books_allow_the_steps_of_the_table_and_no_others(front: Front) -> None:
    text = await front.pool.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'coupon_transition'"
    )
    rows = re.findall(
        r"previous_state = '(\w+)'::text.*?last_step = '(\w+)'::text.*?state = '(\w+)'::text", text
    )
    rows += re.findall(r"ROW\('(\w+)'::text, '(\w+)'::text, '(\w+)'::text\)", text)
    edges = {(was, step, state) for (was, step), states in TRANSITIONS.items() for state in states}
    assert set(rows) == edges


async def inside(front: Front, *, minutes: int = 0) -> Session:
    """A car that came in."""
    await front.event(Kind.ENTRY, minutes=minutes)
    session = (await front.operator.sessions.find(KEY.garage_id, PLATE)).session
    assert session is not None
    return session


async def leave_free(front: Front) -> str:
    """A stay within the free minutes that had a coupon, and did not use it."""
    await inside(front)
    await front.ask("POST", COUPONS, json=coupon(), token=TILL, status=201)
    left = await front.event(Kind.EXIT, minutes=10)
    await front.settle()
    assert await states(front) == {"c1": "given"}
    return str(left.session_id)


async def had(front: Front, session: Session) -> int:
    """How many coupons the stay is given."""
    sources = benefit_sources(front.pool, partition_count=PARTITIONS)
    (benefits,) = await benefits_of(sources, [session], front.clock.now())
    return len(benefits.coupons)


async def states(front: Front) -> dict[str, str]:
    rows = await front.pool.fetch("SELECT coupon_id, state FROM coupon")
    return {row["coupon_id"]: row["state"] for row in rows}
