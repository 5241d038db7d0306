"""The operator API over real HTTP, on a real Valkey and real books."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import pytest_asyncio

from gateways.web.access import Access, Scope, read_token, token_text
from parking.catalog import secret_digest
from parking.errors import NotAuthenticated
from parking.event import Kind
from settlement.books.tokens import PersonToken, TokenKind
from tests.gateways.operator_desk import PLATE, Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

TARIFF = {
    "in_force_from": "2026-05-01T00:00:00+08:00",
    "tariff_id": "mall",
    "name": "Mall",
    "then": {"block_minutes": 60, "block_price_fen": 500},
    "cap_fen": 6000,
    "free_minutes": 15,
}
TARIFF_TOML = b"""
in_force_from = 2026-05-01T00:00:00+08:00
tariff_id = "mall"
name = "Mall"
cap_fen = 6000
free_minutes = 15
then = { block_minutes = 60, block_price_fen = 500 }
"""
GARAGE_BODY = {"name": "East", "spaces": 10, "lanes": {"in-1": "entry", "out-1": "exit"}}
ACCOUNT = {
    "account_id": str(UUID(int=1)),
    "holder": "Li",
    "limit_fen": 5000,
    "exposure_limit_fen": 20000,
    "plates": [{"number": "浙a·12345", "colour": "blue"}],
    "agreements": [{"rail": "simulator", "reference": "secret-agreement"}],
}


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        yield opened


async def test_a_garage_is_put_priced_and_published(front: Front) -> None:
    path = "/v1/garages/g2"
    put = await front.ask("PUT", path, json={**GARAGE_BODY, "policy": {"turn_back_within_s": 60}})
    assert put["tariffs"] == []
    assert put["policy"]["turn_back_within_s"] == 60
    assert put["policy"]["outage"] == "open"
    added = await front.ask("POST", f"{path}/tariffs", json=TARIFF, status=201)
    same: dict[str, Any] = {"data": TARIFF_TOML, "content_type": "application/toml"}
    assert await front.ask("POST", f"{path}/tariffs", status=201, **same) == added
    other = {**TARIFF, "cap_fen": 7000}
    assert (await front.answer("POST", f"{path}/tariffs", json=other)).status == 409
    found = await front.ask("GET", path, token=front.reader)
    assert [one["tariff_version_id"] for one in found["tariffs"]] == [added["tariff_version_id"]]
    assert [one["garage_id"] for one in (await front.ask("GET", "/v1/garages"))["garages"]] == ["g1", "g2"]
    assert front.told.republished == 3


async def test_a_garage_that_is_put_again_stays_its_operators_and_where_it_is(front: Front) -> None:
    path, place = "/v1/garages/g2", {"latitude": 30.25, "longitude": 120.16}
    await front.ask("PUT", path, json={**GARAGE_BODY, "operator_id": "kerry", "position": place})
    again = await front.ask("PUT", path, json={**GARAGE_BODY, "spaces": 7})
    assert (again["operator_id"], again["position"], again["spaces"]) == ("kerry", place, 7)
    moved = await front.ask("PUT", path, json={**GARAGE_BODY, "operator_id": "main", "position": None})
    assert (moved["operator_id"], moved["position"]) == ("main", None)


async def test_occupancy_counts_cars_inside(front: Front) -> None:
    await front.event(Kind.ENTRY)
    await front.event(Kind.ENTRY, "浙B00001")
    assert await front.ask("GET", "/v1/garages/g1/occupancy") == {"inside": 2, "spaces": 100, "free": 98}


async def test_a_controllers_token_is_shown_once_and_revoked(front: Front) -> None:
    body = {"garage_id": "g1", "controller_id": "c1", "lane_ids": ["in-1"], "label": "camera"}
    made = await front.ask("POST", "/v1/tokens", json=body, status=201)
    token_id, secret = read_token(made["token"])
    catalog = await front.operator.garages.load_catalog()
    assert catalog.controllers[token_id].holds(secret)
    listed = await front.answer("GET", "/v1/tokens", token=front.reader)
    assert secret not in json.dumps(listed.body)
    assert {one["kind"] for one in listed.body["tokens"]} == {
        "controller",
        "operator_full",
        "operator_read",
    }
    await front.ask("POST", f"/v1/tokens/{token_id}/revoke", status=204)
    assert (await front.operator.garages.load_catalog()).controllers == {}
    assert front.told.republished == 2
    wrong = {**body, "lane_ids": ["roof"]}
    refused = await front.answer("POST", "/v1/tokens", json=wrong)
    assert (refused.status, refused.body["fields"]) == (422, ["lane_ids"])


async def test_an_account_is_opened_once_and_told_of_every_change(front: Front) -> None:
    opened = await front.ask("POST", "/v1/accounts", json=ACCOUNT, status=201)
    assert await front.ask("POST", "/v1/accounts", json=ACCOUNT, status=201) == opened
    assert opened["plates"] == [{"number": PLATE, "colour": "blue"}]
    assert "secret-agreement" not in json.dumps(opened)
    path = f"/v1/accounts/{opened['account_id']}"
    bound = await front.ask("POST", f"{path}/plates", json={"number": "浙B00001", "colour": "green"})
    assert len(bound["plates"]) == 2
    changed = await front.ask("PATCH", path, json={"limit_fen": 1, "state": "suspended"})
    assert (changed["limit_fen"], changed["exposure_limit_fen"], changed["state"]) == (1, 20000, "suspended")
    gone = f"{path}/plates/浙B00001?colour=green"
    assert len((await front.ask("DELETE", gone))["plates"]) == 1
    assert (await front.answer("DELETE", gone)).status == 404
    found = await front.ask("GET", "/v1/accounts?plate=浙A12345")
    assert [one["account_id"] for one in found["accounts"]] == [opened["account_id"]]
    assert [numbers for _, numbers in front.told.regranted] == [(), (), (), (), ("浙B00001",), ("浙B00001",)]


async def test_a_plate_is_never_given_to_two_accounts(front: Front) -> None:
    await front.ask("POST", "/v1/accounts", json=ACCOUNT, status=201)
    other = {**ACCOUNT, "account_id": str(UUID(int=2))}
    assert (await front.answer("POST", "/v1/accounts", json=other)).status == 409
    without = await front.ask("POST", "/v1/accounts", json={**other, "plates": []}, status=201)
    path = f"/v1/accounts/{without['account_id']}/plates"
    assert (await front.answer("POST", path, json={"number": PLATE, "colour": "blue"})).status == 409


async def test_a_thousand_accounts_in_one_batch_and_a_wrong_line_fails_alone(front: Front) -> None:
    lines = [
        json.dumps({**ACCOUNT, "account_id": str(UUID(int=n)), "plates": [{"number": f"浙A{n:05d}"}]})
        for n in range(1, 999)
    ]
    lines[6] = '{"holder": "x", "limit_fen": -1}'
    lines[7] = "no json"
    lines[8] = lines[0]
    lines[9] = json.dumps({**ACCOUNT, "account_id": None})
    data = "\n".join(lines).encode()
    sending: dict[str, Any] = {"data": data, "content_type": "application/x-ndjson"}
    results = await front.ask("POST", "/v1/accounts/batch", **sending)
    assert [one["line"] for one in results] == list(range(1, 999))
    assert [one["line"] for one in results if one["result"] != "opened"] == [7, 8, 9, 10]
    assert results[9]["fields"] == ["account_id"]
    again = await front.ask("POST", "/v1/accounts/batch", **sending)
    assert {one["result"] for one in again} == {"opened_before", "invalid"}
    too_many = {**sending, "data": b"{}\n" * 1001}
    assert (await front.answer("POST", "/v1/accounts/batch", **too_many)).status == 422


@pytest.mark.parametrize(
    ("given", "method", "path", "status"),
    [
        ("", "GET", "/v1/garages", 401),
        ("lf_operator-full", "GET", "/v1/garages", 401),
        ("lf_operator-full_wrong", "GET", "/v1/garages", 401),
        ("lf_nobody_secret", "GET", "/v1/garages", 401),
        ("reader", "PUT", "/v1/garages/g1", 403),
        ("reader", "POST", "/v1/accounts", 403),
        ("reader", "GET", "/v1/garages", 200),
    ],
)
async def test_who_may_do_what(front: Front, given: str, method: str, path: str, status: int) -> None:
    token = front.reader if given == "reader" else given
    answered = await front.answer(method, path, json=GARAGE_BODY if method != "GET" else None, token=token)
    assert answered.status == status
    if status >= 400:
        assert answered.content_type == "application/problem+json"
        assert answered.body["outcome"] == "definite"


async def test_a_revoked_operator_is_refused_within_two_seconds(front: Front) -> None:
    assert (await front.answer("GET", "/v1/garages", token=front.reader)).status == 200
    await front.ask("POST", "/v1/tokens/operator-read/revoke", status=204)
    async with asyncio.timeout(2):
        while (await front.answer("GET", "/v1/garages", token=front.reader)).status != 401:
            pass


BAD_INPUT: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "unknown path": ("GET", "/v1/nothing", {}, 404),
    "unknown method": ("DELETE", "/v1/garages", {}, 405),
    "not an account id": ("GET", "/v1/accounts/x", {}, 404),
    "not a session id": ("GET", "/v1/sessions/x", {}, 404),
    "no such item": ("GET", "/v1/quarantine/x", {}, 404),
    "no such garage": ("GET", "/v1/garages/none/occupancy", {}, 404),
    "a zero byte in a path": ("GET", "/v1/garages/a%00b", {}, 422),
    "an impossible garage id": ("PUT", "/v1/garages/%20", {"json": GARAGE_BODY}, 422),
    "an unknown query": ("GET", "/v1/sessions?garage_id=g1&frob=1", {}, 422),
    "a query given twice": ("GET", "/v1/sessions?garage_id=g1&garage_id=g2", {}, 422),
    "a time without offset": ("GET", "/v1/sessions?garage_id=g1&entered_from=2026-01-01T00:00", {}, 422),
    "another content type": ("POST", "/v1/accounts", {"data": b"{}", "content_type": "text/xml"}, 415),
    "no json": ("POST", "/v1/accounts", {"data": b"\xff{", "content_type": "application/json"}, 422),
    "deep json": ("POST", "/v1/accounts", {"data": b"[" * 99999, "content_type": "application/json"}, 422),
    "deep toml": (
        "POST",
        "/v1/garages/g1/tariffs",
        {"data": b"a = " + b"[" * 9999, "content_type": "application/toml"},
        422,
    ),
    "an unknown field": ("PUT", "/v1/garages/g1", {"json": {**GARAGE_BODY, "color": 1}}, 422),
    "a large body": (
        "POST",
        "/v1/accounts",
        {"data": b" " * 1_100_000, "content_type": "application/json"},
        413,
    ),
    "no price": ("POST", "/v1/garages/g1/tariffs", {"json": {**TARIFF, "cap_fen": 1}}, 422),
    "no year": (
        "POST",
        "/v1/garages/g1/tariffs",
        {"json": {**TARIFF, "calendar": {"region": "CN", "years": [10**20]}}},
        422,
    ),
    "no region": (
        "POST",
        "/v1/garages/g1/tariffs",
        {"json": {**TARIFF, "calendar": {"region": "__class__", "years": [2026]}}},
        422,
    ),
    "an unreadable plate": (
        "POST",
        "/v1/accounts",
        {"json": {**ACCOUNT, "plates": [{"number": "无牌"}]}},
        422,
    ),
    "too much money": ("POST", "/v1/accounts", {"json": {**ACCOUNT, "limit_fen": 10**30}}, 422),
    "a zero byte in a name": ("POST", "/v1/accounts", {"json": {**ACCOUNT, "holder": "a\0b"}}, 422),
}


async def test_bad_input_is_a_problem_that_changes_nothing(front: Front) -> None:
    before = await front.ask("GET", "/v1/garages")
    statuses = {}
    for name, (method, path, sent, _) in BAD_INPUT.items():
        answered = await front.answer(method, path, **sent)
        statuses[name] = answered.status
        assert answered.content_type == "application/problem+json", name
        assert answered.body["outcome"] == "definite", name
    assert statuses == {name: status for name, (_, _, _, status) in BAD_INPUT.items()}
    assert await front.ask("GET", "/v1/garages") == before
    assert (await front.ask("GET", f"/v1/accounts?plate={PLATE}"))["accounts"] == []


def test_a_token_is_read_as_it_is_written() -> None:
    assert read_token(token_text("abc", "de_f-g")) == ("abc", "de_f-g")
    for text in ("", "lf", "lf_", "lf_a", "lf_a_", "lf__b", "xx_a_b"):
        with pytest.raises(NotAuthenticated):
            read_token(text)


async def test_tokens_are_read_from_the_books_once_for_many_callers() -> None:
    loads = 0
    digest, kind = secret_digest("s"), TokenKind.OPERATOR_READ
    token = PersonToken(token_id="lf", kind=kind, label="x", secret_sha256=digest)  # noqa: S106 - its id

    async def load() -> Mapping[str, PersonToken]:
        nonlocal loads
        loads += 1
        await asyncio.sleep(0.01)
        return {token.token_id: token}

    access = Access(load)
    async with asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(access.caller("Bearer lf_lf_s", Scope.READ)) for _ in range(50)]
    assert {one.result() for one in asked} == {token}
    assert loads == 1
