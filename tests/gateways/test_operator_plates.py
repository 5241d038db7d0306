"""The operator API about plates, agreements, preferences, scores and block lists; on real stores."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
import pytest_asyncio

from tests.books.operating import NOON
from tests.gateways.operator_desk import PLATE, Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ONE, OTHER = UUID(int=1), UUID(int=2)
PLATE_BODY = {"number": PLATE, "colour": "blue"}
PLATES = f"/v1/accounts/{ONE}/plates"


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        for number, account_id in enumerate((ONE, OTHER)):
            body = account(account_id, reference=f"ref-{number}")
            await opened.ask("POST", "/v1/accounts", json=body, status=201)
        yield opened


def account(account_id: UUID, *, rail: str = "simulator", reference: str = "ref") -> dict[str, Any]:
    return {
        "account_id": str(account_id),
        "holder": "holder",
        "limit_fen": 5_000,
        "exposure_limit_fen": 20_000,
        "agreements": [{"rail": rail, "reference": reference}],
    }


def last_told(front: Front) -> object:
    return front.told.regranted[-1]


async def plates_of(front: Front, account_id: UUID) -> list[str]:
    found = await front.ask("GET", f"/v1/accounts/{account_id}")
    return [plate["number"] for plate in found["plates"]]


async def claim(front: Front, account_id: UUID = ONE) -> tuple[str, str]:
    path = f"/v1/accounts/{account_id}/plate-claims"
    made = await front.ask("POST", path, json=PLATE_BODY, status=201)
    return f"/v1/plate-claims/{made['claim_id']}/confirm", made["code"]


async def test_a_plate_is_bound_by_the_code_that_only_its_holder_gets(front: Front) -> None:
    path, code = await claim(front)
    assert len(code) == 6
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert (await front.answer("POST", path, json={"code": wrong})).status == 403
    assert await plates_of(front, ONE) == []
    await front.ask("POST", path, json={"code": code}, status=204)
    assert await plates_of(front, ONE) == [PLATE]
    assert front.told.regranted[-1] == ((ONE,), ())
    assert (await front.answer("POST", path, json={"code": code})).status == 404


async def test_a_code_is_over_after_five_wrong_tries(front: Front) -> None:
    path, code = await claim(front)
    for _ in range(5):
        assert (await front.answer("POST", path, json={"code": "x"})).status == 403
    assert (await front.answer("POST", path, json={"code": code})).status == 404


async def test_a_code_is_over_after_ten_minutes(front: Front) -> None:
    path, code = await claim(front)
    front.clock.moment = NOON + timedelta(minutes=10)
    assert (await front.answer("POST", path, json={"code": code})).status == 404


async def test_the_books_do_not_hold_the_code(front: Front) -> None:
    _, code = await claim(front)
    rows = await front.books._pool.fetch("SELECT plate_claim::text AS text FROM plate_claim")  # noqa: SLF001
    assert len(rows) == 1
    assert code not in rows[0]["text"]


async def test_a_plate_is_handed_on_and_its_history_is_kept(front: Front) -> None:
    await front.ask("POST", PLATES, json=PLATE_BODY)
    path = f"{PLATES}/{PLATE}/transfer?colour=blue"
    await front.ask("POST", path, json={"to_account_id": str(OTHER)}, status=204)
    assert (await plates_of(front, ONE), await plates_of(front, OTHER)) == ([], [PLATE])
    assert front.told.regranted[-1] == ((ONE, OTHER), (PLATE,))
    assert (await front.answer("POST", path, json={"to_account_id": str(OTHER)})).status == 404
    back = f"/v1/accounts/{OTHER}/plates/{PLATE}/transfer?colour=blue"
    assert (await front.answer("POST", back, json={"to_account_id": str(UUID(int=9))})).status == 404
    assert await plates_of(front, OTHER) == [PLATE], "both or neither"


@pytest.mark.parametrize(
    ("end", "owners"),
    [("kept", ([PLATE], [])), ("transferred", ([], [PLATE])), ("unbound", ([], []))],
)
async def test_a_disputed_binding_is_settled_by_a_person(
    front: Front, end: str, owners: tuple[list[str], list[str]]
) -> None:
    await front.ask("POST", PLATES, json=PLATE_BODY)
    path, code = await claim(front, OTHER)
    assert (await front.answer("POST", path, json={"code": code})).status == 409
    body = {"plate": PLATE_BODY, "claimant_id": str(OTHER), "note": "bought the car"}
    made = await front.ask("POST", "/v1/plate-disputes", json=body, status=201)
    assert (await front.answer("POST", "/v1/plate-disputes", json=body)).status == 409
    (waiting,) = (await front.ask("GET", "/v1/plate-disputes", token=front.reader))["disputes"]
    assert (waiting["dispute_id"], waiting["claimant_id"]) == (made["dispute_id"], str(OTHER))
    ending = f"/v1/plate-disputes/{made['dispute_id']}/end"
    await front.ask("POST", ending, json={"end": end}, status=204)
    assert (await plates_of(front, ONE), await plates_of(front, OTHER)) == owners
    assert front.told.regranted[-1] == ((ONE, OTHER), (PLATE,))
    assert (await front.answer("POST", ending, json={"end": end})).status == 404


@pytest.mark.parametrize(
    ("rail", "reference", "field"),
    [
        ("cash", "ref", "agreements.0.rail"),
        ("simulator", "协议", "agreements.0.reference"),
        ("simulator", "a b", "agreements.0.reference"),
        ("simulator", "", "agreements.0.reference"),
    ],
)
async def test_an_agreement_that_nobody_could_be_charged_by_is_refused(
    front: Front, rail: str, reference: str, field: str
) -> None:
    body = account(UUID(int=3), rail=rail, reference=reference)
    refused = await front.answer("POST", "/v1/accounts", json=body)
    assert (refused.status, refused.body["fields"]) == (422, [field])
    changed = await front.answer(
        "PUT", f"/v1/accounts/{ONE}/agreements", json={"agreements": body["agreements"]}
    )
    assert (changed.status, changed.body["fields"]) == (422, [field])


async def test_agreements_are_put_in_another_order_and_taken_back(front: Front) -> None:
    path = f"/v1/accounts/{ONE}/agreements"
    a, b = ({"rail": "simulator", "reference": name} for name in ("a", "b"))

    async def in_force() -> list[str]:
        account_id = (await front.operator.accounts.of_plate(PLATE)).popitem()[1]
        return [one.reference for one in (await front.operator.accounts.one(account_id)).agreements]

    await front.ask("POST", PLATES, json=PLATE_BODY)
    await front.ask("PUT", path, json={"agreements": [a, b]})
    assert await in_force() == ["a", "b"]
    await front.ask("PUT", path, json={"agreements": [b, a]})
    assert await in_force() == ["b", "a"]
    await front.ask("PUT", path, json={"agreements": []})
    assert await in_force() == []
    assert (await front.answer("PUT", path, json={"agreements": [a, a]})).status == 422


async def test_preferences_are_kept(front: Front) -> None:
    path = f"/v1/accounts/{ONE}"
    assert (await front.ask("GET", path))["language"] is None
    changed = await front.ask("PATCH", path, json={"leave_first": False, "language": "en"})
    assert (changed["leave_first"], changed["language"]) == (False, "en")
    assert (await front.ask("PATCH", path, json={"limit_fen": 1}))["leave_first"] is False
    assert (await front.answer("PATCH", path, json={"language": "fr"})).status == 422


async def test_scores_and_block_lists_bear_on_grants_at_once(front: Front) -> None:
    until = (NOON + timedelta(days=1)).isoformat()
    score = {"score": 640, "source": "city", "valid_until": until}
    await front.ask("PUT", f"/v1/accounts/{ONE}/score", json=score, status=204)
    assert last_told(front) == ((ONE,), ())
    assert (await front.answer("PUT", f"/v1/accounts/{UUID(int=9)}/score", json=score)).status == 404
    block = {"plate": PLATE_BODY, "scope": "all", "garage_id": "g1", "cause": "fraud", "valid_until": until}
    await front.ask("PUT", "/v1/blocks/b1", json=block, status=204)
    await front.ask("PUT", "/v1/blocks/b1", json=block, status=204)
    assert (await front.answer("PUT", "/v1/blocks/b1", json={**block, "cause": "x"})).status == 409
    assert (await front.answer("PUT", "/v1/blocks/b2", json={**block, "account_id": str(ONE)})).status == 422
    assert (await front.answer("PUT", "/v1/blocks/b3", json={**block, "garage_id": "g9"})).status == 404
    (listed,) = (await front.ask("GET", "/v1/blocks"))["blocks"]
    assert (listed["plate"], listed["cause"]) == (PLATE_BODY, "fraud")
    assert last_told(front) == ((), (PLATE,))
    await front.ask("DELETE", "/v1/blocks/b1", status=204)
    assert (await front.ask("GET", "/v1/blocks"))["blocks"] == []
    assert (await front.answer("DELETE", "/v1/blocks/b1")).status == 404


async def test_a_policy_is_put_in_force_and_never_replaced(front: Front) -> None:
    policy = {"policy_id": "strict", "name": "Strict", "pay_within": "2h", "suspend": {"scope": "all"}}
    body = {"operator_id": "kerry", "in_force_from": NOON.isoformat(), "policy": policy}
    made = await front.ask("POST", "/v1/policies", json=body, status=201)
    assert made["policy_version_id"].startswith("strict@")
    await front.ask("POST", "/v1/policies", json=body, status=201)
    other = {**body, "policy": {**policy, "pay_within": "3h"}}
    assert (await front.answer("POST", "/v1/policies", json=other)).status == 409
    rule = {"scope": "all", "from_fen": 100, "older_than": "1h", "entry": "pay"}
    wrong = await front.answer(
        "POST", "/v1/policies", json={**body, "policy": {**policy, "returning": [rule]}}
    )
    assert (wrong.status, wrong.body["fields"]) == (422, ["policy.returning.0.from_fen"])
    (listed,) = (await front.ask("GET", "/v1/policies", token=front.reader))["policies"]
    assert (listed["operator_id"], listed["name"]) == ("kerry", "Strict")
    assert (await front.answer("POST", "/v1/policies", json=body, token=front.reader)).status == 403
