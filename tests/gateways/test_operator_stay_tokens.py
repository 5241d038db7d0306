"""The operator API about cars without a plate: a driver's token, and one that is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from parking.event import Kind
from parking.stay_token import StayToken, read_token
from settlement.books.archive import BookArchive
from tests.books.operating import GARAGE, NOON, new_account
from tests.gateways.operator_desk import PLATE, Front, open_front
from tests.scenarios.tokens import token_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ACCOUNT = new_account(1)
TOKENS = f"/v1/accounts/{ACCOUNT.account_id}/stay-tokens"
AN_HOUR = timedelta(hours=1)
FIRST, SECOND = token_of("T1"), token_of("T2")


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    """Two tokens are issued to lanes; there are two accounts."""
    async with open_front(postgres_dsn, valkey_url) as opened:
        await opened.operator.accounts.open([ACCOUNT, new_account(2)], NOON)
        await opened.operator.sessions.issue_tokens(
            GARAGE, [FIRST, SECOND], now=NOON, until=NOON + timedelta(minutes=30)
        )
        yield opened


async def inside(front: Front, **query: str) -> list[dict[str, Any]]:
    wanted = {
        "garage_id": GARAGE,
        "entered_from": (NOON - AN_HOUR).isoformat(),
        "entered_until": (NOON + AN_HOUR).isoformat(),
        **query,
    }
    path = "/v1/token-stays?" + "&".join(
        f"{name}={value.replace('+', '%2B')}" for name, value in wanted.items()
    )
    stays: list[dict[str, Any]] = (await front.ask("GET", path, token=front.reader))["stays"]
    return stays


async def bound(front: Front) -> list[str]:
    return [plate.number for plate in (await front.operator.accounts.one(ACCOUNT.account_id)).plates]


async def test_a_driver_gets_a_token_of_his_account_and_comes_in_by_it(front: Front) -> None:
    made = await front.ask("POST", TOKENS, json={"garage_id": GARAGE, "valid_minutes": 10}, status=201)
    token = read_token(made["token"])
    assert (made["name"], made["expires_at"]) == (token.plate.number, "2026-03-02T12:10:00Z")
    assert front.told.regranted[-1] == ((ACCOUNT.account_id,), ())
    assert await bound(front) == [token.plate.number]
    assert (await front.event(Kind.ENTRY, minutes=5, token=token)).decision.reason == "entry"


async def test_a_token_of_the_lane_is_bound_to_who_has_seen_it_before_and_after_the_entry(
    front: Front,
) -> None:
    body = {"garage_id": GARAGE, "token": FIRST.text}
    made = await front.ask("POST", TOKENS, json=body, status=201)
    assert (made["token"], made["expires_at"]) == (FIRST.text, None)
    await front.event(Kind.ENTRY, token=FIRST)
    await front.event(Kind.ENTRY, token=SECOND)
    await front.ask("POST", TOKENS, json=body, status=201)
    await front.ask("POST", TOKENS, json={**body, "token": SECOND.text}, status=201)
    assert set(await bound(front)) == {FIRST.plate.number, SECOND.plate.number}
    other = TOKENS.replace(str(ACCOUNT.account_id), str(new_account(2).account_id))
    assert (await front.answer("POST", other, json=body)).status == 409


async def test_a_name_alone_binds_nothing(front: Front) -> None:
    guessed = StayToken(name=FIRST.name, secret="0" * 19 + "1")
    for token in (guessed, token_of("T3")):
        body = {"garage_id": GARAGE, "token": token.text}
        assert (await front.answer("POST", TOKENS, json=body)).status == 404
    await front.event(Kind.ENTRY, token=FIRST)
    assert (
        await front.answer("POST", TOKENS, json={"garage_id": GARAGE, "token": guessed.text})
    ).status == 404
    assert (await front.answer("POST", TOKENS, json={"garage_id": GARAGE, "token": PLATE})).status == 422
    assert (await front.answer("POST", TOKENS, json={"garage_id": "g9"})).status == 404
    assert (await front.answer("POST", TOKENS, json={"garage_id": GARAGE}, token=front.reader)).status == 403
    assert await bound(front) == []


async def test_a_lost_token_is_found_by_time_and_picture_and_replaced_with_a_reason(front: Front) -> None:
    came = await front.event(Kind.ENTRY, token=FIRST)
    await front.event(Kind.ENTRY, minutes=10, token=SECOND)
    await front.event(Kind.ENTRY, minutes=11)
    await front.settle()
    found = await inside(front, entered_until=(NOON + timedelta(minutes=5)).isoformat())
    assert [(one["name"], one["image_reference"], one["replaced"]) for one in found] == [
        (FIRST.plate.number, f"in-1/{came.event_id}.jpg", 0)
    ]
    path = f"/v1/sessions/{found[0]['session_id']}/stay-tokens"
    assert (await front.answer("POST", path, json={"reason": ""})).status == 422
    assert (await front.answer("POST", path, json={"reason": "x"}, token=front.reader)).status == 403
    made = await front.ask("POST", path, json={"reason": "white van, key shown"}, status=201)
    token = read_token(made["token"])
    assert (token.plate, made["session_id"]) == (FIRST.plate, found[0]["session_id"])
    assert [one["replaced"] for one in await inside(front)] == [1, 0]
    [kept] = await front.pool.fetch("SELECT replaced_by, reason, replaced_at FROM stay_token_replacement")
    assert tuple(kept) == ("operator_full desk", "white van, key shown", front.clock.now())
    assert (await front.event(Kind.EXIT, minutes=12, token=FIRST)).decision.reason == "token_refused"
    left = await front.event(Kind.EXIT, minutes=13, token=token)
    assert (left.decision.verdict, left.session_id) == ("open", came.session_id)
    await front.settle()
    assert [one["name"] for one in await inside(front)] == [SECOND.plate.number]
    assert (await front.answer("POST", path, json={"reason": "again"})).status == 409
    [item] = (await front.ask("GET", "/v1/quarantine?cause=token_refused"))["items"]
    assert item["details"]["number"] == FIRST.plate.number


async def test_a_car_with_a_plate_has_no_token_to_replace(front: Front) -> None:
    came = await front.event(Kind.ENTRY)
    await front.settle()
    path = f"/v1/sessions/{came.session_id}/stay-tokens"
    assert (await front.answer("POST", path, json={"reason": "lost"})).status == 409
    nowhere = path.replace(str(came.session_id), str(ACCOUNT.account_id))
    assert (await front.answer("POST", nowhere, json={"reason": "lost"})).status == 404
    query = {"entered_until": (NOON - 2 * AN_HOUR).isoformat()}
    assert (await front.answer("GET", f"/v1/token-stays?garage_id={GARAGE}")).status == 422
    wrong = f"/v1/token-stays?garage_id={GARAGE}&entered_from=2026-03-02T12:00:00Z&entered_until="
    assert (await front.answer("GET", f"{wrong}{query['entered_until'][:10]}T00:00:00Z")).status == 422


async def test_an_account_keeps_the_tokens_that_are_of_use(front: Front) -> None:
    await front.ask("POST", TOKENS, json={"garage_id": GARAGE, "token": FIRST.text}, status=201)
    await front.ask("POST", TOKENS, json={"garage_id": GARAGE, "token": SECOND.text}, status=201)
    await front.event(Kind.ENTRY, token=FIRST)
    await front.settle()
    front.clock.moment = NOON + timedelta(days=4)
    made = await front.ask("POST", TOKENS, json={"garage_id": GARAGE}, status=201)
    assert set(await bound(front)) == {FIRST.plate.number, made["name"]}
    [ended] = await front.pool.fetch("SELECT number, ended_at FROM account_plate_ended")
    assert tuple(ended) == (SECOND.plate.number, front.clock.now())


async def test_a_live_store_that_was_lost_knows_the_tokens_again(front: Front) -> None:
    for minutes, token in enumerate((FIRST, SECOND)):
        await front.event(Kind.ENTRY, minutes=minutes, token=token)
    await front.settle()
    first, second = await inside(front)
    made = await front.ask(
        "POST", f"/v1/sessions/{first['session_id']}/stay-tokens", json={"reason": "lost"}, status=201
    )
    archive = BookArchive(front.pool, prepaid_exit_within={})
    digests = {str(session.session_id): digest for session, digest in await archive.cars_inside()}
    assert digests == {
        first["session_id"]: read_token(made["token"]).digest,
        second["session_id"]: SECOND.digest,
    }
    [answer, _] = await archive.answers_since(NOON)
    assert answer.event.token_digest == FIRST.digest
