"""The operator API about sessions: seen, paid inside, matched by a person; on real stores."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from parking.errors import Conflict, Unavailable
from parking.event import Kind
from settlement.books.verifying import PostgresVerifiableBooks
from tests.books.operating import GARAGE
from tests.gateways.operator_desk import PLATE, Front, item_path, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        yield opened


async def test_sessions_come_in_pages_latest_first(front: Front) -> None:
    for number in range(5):
        await front.event(Kind.ENTRY, f"浙B0000{number}", minutes=number // 2)
    await front.settle()
    seen: list[str] = []
    path = "/v1/sessions?garage_id=g1&limit=2"
    page = await front.ask("GET", path)
    while page["sessions"]:
        seen += [one["plate"]["number"] for one in page["sessions"]]
        if page["next"] is None:
            break
        page = await front.ask("GET", f"{path}&cursor={page['next']}")
    assert len(seen) == len(set(seen)) == 5
    assert seen[0] == "浙B00004"
    assert (await front.ask("GET", f"{path}&state=closed"))["sessions"] == []
    assert (await front.answer("GET", "/v1/sessions")).status == 422
    assert (await front.answer("GET", f"{path}&cursor=abc")).status == 422
    assert (await front.answer("GET", "/v1/sessions?garage_id=g1&limit=201")).status == 422


async def test_a_car_that_came_in_just_now_is_found_at_the_gates(front: Front) -> None:
    entry = await front.event(Kind.ENTRY)
    (found,) = (await front.ask("GET", f"/v1/sessions?garage_id=g1&plate={PLATE}"))["sessions"]
    assert (found["session_id"], found["archived"]) == (str(entry.session_id), False)
    path = f"/v1/sessions/{entry.session_id}"
    assert (await front.answer("GET", path)).status == 404
    file = await front.ask("GET", f"{path}?garage_id=g1&plate={PLATE}")
    assert file["session"]["state"] == "inside"
    await front.settle()
    assert (await front.ask("GET", path))["session"]["archived"] is True


async def test_what_is_paid_inside_opens_the_barrier_and_is_booked_once(front: Front) -> None:
    entry = await front.event(Kind.ENTRY)
    assert (await front.event(Kind.EXIT, minutes=60)).decision.reason == "no_grant"
    path = f"/v1/sessions/{entry.session_id}/prepayments"
    body: dict[str, Any] = {"prepayment_id": "m1-1", "amount_fen": 800, "method": "cash"}
    assert (await front.answer("POST", path, json=body)).status == 404
    body |= {"garage_id": "g1", "plate": PLATE}
    paid = await front.ask("POST", path, json=body, status=201)
    assert (paid["total_fen"], paid["replayed"]) == (800, False)
    assert paid["leave_by"] == "2026-03-02T13:15:00Z"
    assert (await front.ask("POST", path, json=body, status=201))["replayed"] is True
    assert (await front.answer("POST", path, json={**body, "amount_fen": 1})).status == 409
    left = await front.event(Kind.EXIT, minutes=70)
    assert (left.decision.verdict, left.decision.reason) == ("open", "prepaid")
    await front.settle()
    file = await front.ask("GET", f"/v1/sessions/{entry.session_id}", token=front.reader)
    (bill,) = file["bills"]
    assert (bill["amount_fen"], bill["prepaid_fen"], bill["reason"]) == (800, 800, "prepaid")
    assert sum(line["amount_fen"] for line in bill["proof"]) == 800
    assert [one["taken_by"] for one in file["prepayments"]] == ["operator_full desk"]
    assert file["charges"] == []
    assert (await front.ask("POST", path, json=body, status=201))["leave_by"] is None
    assert (await front.ask("GET", "/v1/quarantine"))["items"] == []
    late = {**body, "prepayment_id": "m1-2"}
    assert (await front.answer("POST", path, json=late)).status == 409


async def test_a_second_payment_for_what_is_paid_is_needless_and_costs_nothing(front: Front) -> None:
    entry = await front.event(Kind.ENTRY)
    await front.settle()
    path = f"/v1/sessions/{entry.session_id}/prepayments"
    body = {"prepayment_id": "m1-1", "amount_fen": 400, "method": "cash"}
    front.clock.moment += timedelta(minutes=29)
    first = await front.ask("POST", path, json=body, status=201)
    front.clock.moment += timedelta(minutes=2)
    again = await front.ask("POST", path, json={**body, "prepayment_id": "m2-1"}, status=201)
    assert (again["total_fen"], again["leave_by"]) == (800, first["leave_by"])
    left = await front.event(Kind.EXIT, minutes=32)
    assert left.decision.amount_fen == 400
    await front.settle()
    refund = {"refund_id": "r1", "amount_fen": 400, "method": "cash"}
    front.clock.moment += timedelta(minutes=20)
    await front.ask("POST", f"/v1/sessions/{entry.session_id}/prepayment-refunds", json=refund, status=201)
    assert await PostgresVerifiableBooks(front.pool).violations() == []


async def test_what_a_stay_has_not_used_is_given_back_once_its_exit_stands(front: Front) -> None:
    entry = await front.event(Kind.ENTRY)
    await front.settle()
    path = f"/v1/sessions/{entry.session_id}"
    body = {"prepayment_id": "m1-1", "amount_fen": 3_000, "method": "cash"}
    await front.ask("POST", f"{path}/prepayments", json=body, status=201)
    refund = {"refund_id": "r1", "amount_fen": 2_200, "method": "cash"}
    refunds = f"{path}/prepayment-refunds"
    assert (await front.answer("POST", refunds, json=refund)).status == 409
    await front.event(Kind.EXIT, minutes=50)
    await front.settle()
    front.clock.moment += timedelta(minutes=10)
    assert (await front.answer("POST", refunds, json=refund)).status == 409
    front.clock.moment += timedelta(minutes=6)
    assert (await front.answer("POST", refunds, json=refund, token=front.reader)).status == 403
    assert (await front.answer("POST", refunds, json={**refund, "amount_fen": 2_201})).status == 409
    made = await front.ask("POST", refunds, json=refund, status=201)
    assert (made["refund_id"], made["replayed"]) == ("r1", False)
    assert (await front.ask("POST", refunds, json=refund, status=201))["replayed"] is True
    file = await front.ask("GET", path)
    assert [bill["prepaid_fen"] for bill in file["bills"]] == [800]
    assert [(one["amount_fen"], one["given_by"]) for one in file["prepayment_refunds"]] == [
        (2_200, "operator_full desk")
    ]
    nowhere = refunds.replace(str(entry.session_id), "00000000-0000-0000-0000-000000000001")
    assert (await front.answer("POST", nowhere, json=refund)).status == 404
    turned = await front.event(Kind.TURN_BACK, minutes=55)
    assert turned.session_id == entry.session_id
    inside = (await front.operator.sessions.find(GARAGE, PLATE)).session
    assert inside is not None
    assert inside.prepaid_fen == 800, "what was given back is not paid, whenever the turning back is told of"
    more = {"prepayment_id": "m1-2", "amount_fen": 100, "method": "cash"}
    assert (
        await front.answer("POST", f"{path}/prepayments", json={**more, "paid_before_fen": 3_000})
    ).status == 409
    paid = await front.ask("POST", f"{path}/prepayments", json={**more, "paid_before_fen": 800}, status=201)
    assert paid["total_fen"] == 900
    assert (await front.ask("POST", refunds, json=refund, status=201))["replayed"] is True
    inside = (await front.operator.sessions.find(GARAGE, PLATE)).session
    assert inside is not None
    assert inside.prepaid_fen == 900, "a refund that is repeated takes nothing from what was paid since"


async def test_a_payment_whose_telling_failed_is_not_lost_when_it_is_repeated_after_the_exit(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = await front.event(Kind.ENTRY)
    await front.settle()
    path = f"/v1/sessions/{entry.session_id}/prepayments"
    body = {"prepayment_id": "m1-1", "amount_fen": 800, "method": "cash"}

    async def away(*_: object, **__: object) -> bool:
        raise Unavailable("the gates are away")

    with monkeypatch.context() as patched:
        patched.setattr(type(front.operator.sessions), "prepay", away)
        assert (await front.answer("POST", path, json=body)).status == 503
    policy = await front.ask("GET", "/v1/garages/g1")
    del policy["garage_id"], policy["tariffs"]
    policy["policy"]["leave_first"] = "everyone"
    await front.ask("PUT", "/v1/garages/g1", json=policy)
    assert (await front.event(Kind.EXIT, minutes=50)).decision.verdict == "open"
    await front.settle()
    repeated = await front.ask("POST", path, json=body, status=201)
    assert (repeated["replayed"], repeated["leave_by"]) == (True, None)
    await front.ask("POST", path, json=body, status=201)
    (item,) = (await front.ask("GET", "/v1/quarantine"))["items"]
    assert (item["cause"], item["details"]["amount_fen"]) == ("prepaid_unused", 800)


async def test_payments_taken_at_the_same_time_all_reach_the_gates(front: Front) -> None:
    entry = await front.event(Kind.ENTRY)
    await front.settle()
    path = f"/v1/sessions/{entry.session_id}/prepayments"
    async with asyncio.TaskGroup() as tasks:
        for number in range(12):
            body = {"prepayment_id": f"m{number}", "amount_fen": 100, "method": "cash"}
            tasks.create_task(front.ask("POST", path, json=body, status=201))
    found = await front.operator.sessions.find(GARAGE, PLATE)
    assert found.session is not None
    assert found.session.prepaid_fen == 1200


async def test_an_exit_is_matched_with_its_car_and_billed_as_of_its_time(front: Front) -> None:
    entry = await front.event(Kind.ENTRY)
    assert (await front.event(Kind.EXIT, "浙A12346", minutes=70, confidence=0.4)).decision.verdict == "open"
    front.clock.moment += timedelta(days=20)
    await front.settle()
    (item,) = (await front.ask("GET", "/v1/quarantine?garage_id=g1&cause=low_confidence"))["items"]
    assert item["can_match"] is True
    path = item_path(item["item_id"])
    assert (await front.ask("GET", path, token=front.reader)) == item
    match = {"action": "match", "session_id": str(entry.session_id), "note": "seen on video"}
    unknown = {"action": "match", "plate": "浙C99999"}
    assert (await front.answer("POST", f"{path}/resolve", json=unknown)).status == 409
    resolved = await front.ask("POST", f"{path}/resolve", json=match)
    assert (resolved["resolution"], resolved["resolved_by"]) == ("match", "operator_full desk")
    assert (await front.answer("POST", f"{path}/resolve", json=match)).status == 409
    await front.settle()
    file = await front.ask("GET", f"/v1/sessions/{entry.session_id}")
    assert file["session"]["state"] == "closed"
    assert file["session"]["left_at"] == "2026-03-02T13:10:00Z"
    assert [(bill["amount_fen"], bill["reason"]) for bill in file["bills"]] == [(1200, "late")]
    assert [charge["state"] for charge in file["charges"]] == ["unassigned"]
    assert (await front.ask("GET", "/v1/quarantine"))["items"] == []


async def test_a_match_that_was_cut_off_is_finished_by_the_same_request(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    await front.event(Kind.ENTRY)
    await front.event(Kind.EXIT, "浙A12346", minutes=70, confidence=0.4)
    await front.settle()
    (item,) = (await front.ask("GET", "/v1/quarantine"))["items"]
    path, match = f"{item_path(item['item_id'])}/resolve", {"action": "match", "plate": PLATE}
    reviews = type(front.operator.reviews)

    async def cut_off(*_: object, **__: object) -> None:
        raise Conflict("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(reviews, "resolve", cut_off)
        assert (await front.answer("POST", path, json=match)).status == 409
    assert await front.operator.sessions.occupancy(GARAGE) == 0
    assert (await front.ask("POST", path, json=match))["resolution"] == "match"
    await front.settle()
    (session,) = (await front.ask("GET", f"/v1/sessions?plate={PLATE}"))["sessions"]
    assert (session["state"], session["version"]) == ("closed", 1)


async def test_only_an_exit_without_a_session_can_be_matched(front: Front) -> None:
    await front.event(Kind.ENTRY)
    await front.event(Kind.ENTRY, minutes=60)
    await front.settle()
    (item,) = (await front.ask("GET", "/v1/quarantine"))["items"]
    assert (item["cause"], item["can_match"]) == ("exit_missed", False)
    path = f"{item_path(item['item_id'])}/resolve"
    match = {"action": "match", "plate": PLATE}
    assert (await front.answer("POST", path, json=match)).status == 409
    dismissed = await front.ask("POST", path, json={"action": "dismiss", "note": "towed"})
    assert (dismissed["resolution"], dismissed["note"]) == ("dismiss", "towed")


async def test_the_summary_counts(front: Front) -> None:
    await front.event(Kind.ENTRY)
    await front.event(Kind.ENTRY, "浙B00001")
    await front.event(Kind.EXIT, "浙B00001", minutes=10)
    await front.event(Kind.EXIT, "浙C00001", minutes=11)
    await front.settle()
    summary = await front.ask("GET", "/v1/summary", token=front.reader)
    assert summary["events"] == {"applied": 3, "quarantined": 1}
    assert (summary["sessions_inside"], summary["bills"], summary["review_items"]) == (1, 1, 1)
    assert (summary["charges"], summary["oldest_in_doubt_since"]) == ([], None)
