"""The operator API about debts: what an entry is told, paid by its reference, disputed, and why it was so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest_asyncio

from parking.event import Kind
from tests.books.operating import GARAGE, garage_record, new_account, tariff_version
from tests.gateways.operator_desk import PLATE, Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LATER = 3 * 24 * 60
"""Minutes after the first visit: its bill is overdue."""


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    """A car of nobody owes 8 yuan, and comes back."""
    async with open_front(postgres_dsn, valkey_url) as opened:
        garage = await opened.ask("GET", "/v1/garages/g1")
        del garage["garage_id"], garage["tariffs"]
        garage["policy"]["leave_first"] = "everyone"
        await opened.ask("PUT", "/v1/garages/g1", json=garage)
        await opened.event(Kind.ENTRY)
        assert (await opened.event(Kind.EXIT, minutes=50)).decision.reason == "everyone"
        await opened.settle()
        await opened.operator.garages.put(
            garage_record("g2", tariffs=(tariff_version(),)), opened.clock.now()
        )
        yield opened


async def come_back(front: Front) -> str:
    """The reference that the entry shows."""
    await front.event(Kind.ENTRY, "浙B00001", minutes=LATER)
    await front.debtors.step(front.told.regrant)
    decision = (await front.event(Kind.ENTRY, minutes=LATER)).decision
    assert (decision.verdict, decision.owed_fen) == ("open", 800)
    return decision.reference


async def test_a_debt_is_paid_once_at_any_garage_by_what_the_lane_shows(front: Front) -> None:
    reference = await come_back(front)
    debt = await front.ask("GET", f"/v1/debts/{reference}", token=front.reader)
    assert (debt["owed_fen"], debt["plate"]["number"]) == (800, PLATE)
    assert [(bill["garage_id"], bill["payable"]) for bill in debt["bills"]] == [(GARAGE, True)]
    path = f"/v1/debts/{reference}/payments"
    body: dict[str, Any] = {"payment_id": "m1", "garage_id": "g2", "amount_fen": 800, "method": "cash"}
    assert (await front.answer("POST", path, json={**body, "amount_fen": 799})).status == 409
    assert (await front.answer("POST", path, json={**body, "garage_id": "g9"})).status == 404
    assert (await front.answer("POST", path, json=body, token=front.reader)).status == 403
    paid = await front.ask("POST", path, json=body, status=201)
    assert (paid["replayed"], paid["debt"]["owed_fen"]) == (False, 0)
    assert front.told.regranted[-1] == ((), (PLATE,))
    assert (await front.ask("POST", path, json=body, status=201))["replayed"] is True
    assert (await front.answer("POST", path, json={**body, "method": "scan"})).status == 409
    assert (await front.answer("POST", path, json={**body, "payment_id": "m2"})).status == 409
    assert (await front.answer("GET", "/v1/debts/D0")).status == 404


async def test_a_debt_of_nobody_is_paid_by_no_account(front: Front) -> None:
    reference = await come_back(front)
    path, body = f"/v1/debts/{reference}/collection", {"account_id": str(UUID(int=1))}
    assert (await front.answer("POST", path, json=body)).status == 409
    assert (await front.answer("POST", path, json=body, token=front.reader)).status == 403
    assert (await front.answer("POST", path, json={})).status == 422
    assert (await front.answer("POST", "/v1/debts/D0/collection", json=body)).status == 404


async def test_a_debt_of_an_account_goes_to_its_rail_at_once(front: Front) -> None:
    account = new_account(1, "浙C00001")
    await front.operator.accounts.open_one(account, front.clock.now())
    await front.event(Kind.ENTRY, "浙C00001")
    await front.event(Kind.EXIT, "浙C00001", minutes=50)
    await front.settle()
    front.clock.moment += timedelta(minutes=LATER)
    await front.debtors.step(front.told.regrant)
    decision = (await front.event(Kind.ENTRY, "浙C00001", minutes=LATER)).decision
    path, body = f"/v1/debts/{decision.reference}/collection", {"account_id": str(account.account_id)}
    debt = await front.ask("POST", path, json=body, status=202)
    assert (debt["owed_fen"], [bill["state"] for bill in debt["bills"]]) == (800, ["due"])


async def test_a_disputed_bill_cannot_be_paid_until_that_is_ended(front: Front) -> None:
    reference = await come_back(front)
    debt = await front.ask("GET", f"/v1/debts/{reference}")
    path = f"/v1/bills/{debt['bills'][0]['bill_id']}/dispute"
    await front.ask("POST", path, json={"note": "not my car"}, status=201)
    assert (await front.answer("POST", path, json={"note": "again"})).status == 409
    assert (await front.ask("GET", f"/v1/debts/{reference}"))["owed_fen"] == 0
    ended = await front.ask("POST", f"{path}/end", json={"end": "upheld"})
    assert ended["state"] == "upheld"
    assert (await front.answer("POST", f"{path}/end", json={"end": "rejected"})).status == 409
    (bill,) = (await front.ask("GET", f"/v1/debts/{reference}"))["bills"]
    assert bill["state"] == "voided"


async def test_an_attendant_lets_a_debtor_pass(front: Front) -> None:
    body = {"plate": {"number": PLATE, "colour": "blue"}, "garage_id": "g1", "note": "regular", "minutes": 15}
    assert (await front.ask("POST", "/v1/debt-waivers", json=body, status=201))[
        "until"
    ] == "2026-03-02T13:05:00Z"
    assert front.told.regranted[-1] == ((), (PLATE,))
    assert (await front.answer("POST", "/v1/debt-waivers", json={**body, "garage_id": "g9"})).status == 404


async def test_why_a_car_could_leave_is_told_from_the_record(front: Front) -> None:
    (session,) = (await front.ask("GET", f"/v1/sessions?plate={PLATE}"))["sessions"]
    why = await front.ask("GET", f"/v1/sessions/{session['session_id']}/why", token=front.reader)
    assert why["answer"] == (
        "The car left first, to pay 8.00 yuan later: this garage lets everybody, up to 100.00 yuan."
    )
    assert [passage["reason"] for passage in why["passages"]] == ["entry", "everyone"]
    assert why["told"] == []
    assert (await front.answer("GET", f"/v1/sessions/{front.clock.now()}/why")).status == 404
    by_plate = await front.ask("GET", f"/v1/garages/{GARAGE}/why?plate={PLATE}", token=front.reader)
    assert (by_plate["session"], by_plate["answer"]) == (why, why["answer"])


async def test_why_a_car_without_a_session_was_stopped_is_told_by_its_event(front: Front) -> None:
    answer = await front.event(Kind.EXIT, "浙A99999", minutes=70)
    await front.settle()
    path = f"/v1/garages/{GARAGE}/why"
    why = await front.ask("GET", f"{path}?event_id={answer.event_id}", token=front.reader)
    assert why["answer"] == "The car was stopped: it was never seen coming in."
    assert (why["session"], why["reference"], why["rules"]) == (None, None, [])
    await front.ask("GET", path, status=422)
    await front.ask("GET", f"{path}?event_id=unheard", status=404)
    await front.ask("GET", f"{path}?plate=浙A99999&at=2026-03-02T13:09:59Z", status=404)


async def test_a_read_by_a_wrong_clock_is_not_told_as_one_from_the_future(front: Front) -> None:
    answer = await front.event(Kind.EXIT, "浙A99999", minutes=70, clock_wrong=True)
    await front.settle()
    path = f"/v1/garages/{GARAGE}/why?event_id={answer.event_id}"
    passage = (await front.ask("GET", path, token=front.reader))["passage"]
    assert passage["words"] == "was reported with a time that cannot be right by our clock"
