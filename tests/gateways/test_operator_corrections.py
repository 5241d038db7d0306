"""The operator API about bills that were wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import pytest_asyncio

from parking.event import Kind
from tests.books.operating import GARAGE, NOON, new_account
from tests.gateways.operator_desk import PLATE, Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RIGHT, STRANGER = "浙A12348", "浙A00009"


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        await opened.operator.accounts.open([new_account(2, RIGHT)], NOON)
        yield opened


async def stays(front: Front) -> str:
    """A car whose driver is unknown stays an hour, pays 8 yuan inside, and leaves; its session's path."""
    entry = await front.event(Kind.ENTRY)
    path = f"/v1/sessions/{entry.session_id}"
    prepayment = {
        "prepayment_id": "p1",
        "amount_fen": 800,
        "method": "cash",
        "garage_id": GARAGE,
        "plate": PLATE,
    }
    await front.ask("POST", f"{path}/prepayments", json=prepayment, status=201)
    await front.event(Kind.EXIT, minutes=60)
    await front.settle()
    return path


async def test_a_stay_is_corrected_and_shows_what_it_was(front: Front) -> None:
    path = await stays(front)
    body = {
        "correction_id": "c1",
        "plate": {"number": RIGHT, "colour": "blue"},
        "left_at": "2026-03-02T12:50:00Z",
        "reason": "the picture shows an 8",
    }
    made = await front.ask("POST", f"{path}/corrections", json=body, status=201)
    assert (made["amount_fen"], made["prepaid_fen"], made["replayed"]) == (800, 800, False)
    assert made["account_id"] == str(UUID(int=2))
    assert front.told.regranted[-1] == ((UUID(int=2),), (PLATE,))
    again = await front.ask("POST", f"{path}/corrections", json=body, status=201)
    assert again == made | {"replayed": True}
    file = await front.ask("GET", path)
    assert file["session"]["plate"]["number"] == PLATE
    assert [
        (bill["kind"], bill["correction"], bill["plate"]["number"], bill["left_at"]) for bill in file["bills"]
    ] == [
        ("bill", 0, PLATE, "2026-03-02T13:00:00Z"),
        ("credit_note", 0, PLATE, "2026-03-02T13:00:00Z"),
        ("bill", 1, RIGHT, "2026-03-02T12:50:00Z"),
    ]
    (correction,) = file["corrections"]
    assert (correction["reason"], correction["corrected_by"]) == (
        "the picture shows an 8",
        "operator_full desk",
    )


async def test_cars_are_granted_anew_by_the_plates_of_the_bills_and_not_of_the_session(front: Front) -> None:
    path = await stays(front)
    body = {"correction_id": "c1", "plate": {"number": STRANGER, "colour": "blue"}, "reason": "x"}
    await front.ask("POST", f"{path}/corrections", json=body, status=201)
    late = {"correction_id": "c2", "left_at": "2026-03-02T12:50:00Z", "reason": "x"}
    await front.ask("POST", f"{path}/corrections", json=late, status=201)
    body |= {"correction_id": "c3", "plate": {"number": RIGHT, "colour": "blue"}}
    for _ in range(2):
        await front.ask("POST", f"{path}/corrections", json=body, status=201)
    assert front.told.regranted[-4:] == [
        ((), (STRANGER, PLATE)),
        ((), (STRANGER,)),
        ((UUID(int=2),), (STRANGER,)),
        ((UUID(int=2),), (STRANGER,)),
    ]


async def test_a_class_is_corrected_and_shown_with_the_bill(front: Front) -> None:
    path = await stays(front)
    body = {"correction_id": "c1", "vehicle_class": "large", "reason": "a coach on a small car's plate"}
    made = await front.ask("POST", f"{path}/corrections", json=body, status=201)
    assert (made["amount_fen"], made["prepaid_fen"]) == (1_200, 800)
    assert await front.ask("POST", f"{path}/corrections", json=body, status=201) == made | {"replayed": True}
    await front.ask("POST", f"{path}/corrections", json=body | {"vehicle_class": "small"}, status=409)
    await front.ask("POST", f"{path}/corrections", json=body | {"vehicle_class": "coach"}, status=422)
    file = await front.ask("GET", path)
    assert [(bill["kind"], bill["vehicle_class"], bill["amount_fen"]) for bill in file["bills"]] == [
        ("bill", "small", 800),
        ("credit_note", "small", 800),
        ("bill", "large", 1_200),
    ]
    assert [one["vehicle_class"] for one in file["corrections"]] == ["large"]


async def test_corrections_are_listed_latest_first(front: Front) -> None:
    path = await stays(front)
    body = {"correction_id": "c1", "vehicle_class": "large", "reason": "a coach"}
    await front.ask("POST", f"{path}/corrections", json=body, status=201)
    front.clock.moment += timedelta(minutes=5)
    body |= {"correction_id": "c2", "vehicle_class": "small"}
    await front.ask("POST", f"{path}/corrections", json=body, status=201)
    page = await front.ask("GET", "/v1/corrections?limit=1", token=front.reader)
    rest = await front.ask("GET", f"/v1/corrections?garage_id={GARAGE}&cursor={page['next']}")
    listed = [
        (one["correction_id"], one["was_fen"], one["amount_fen"], one["vehicle_class"])
        for one in (*page["corrections"], *rest["corrections"])
    ]
    assert listed == [("c2", 1_200, 800, "small"), ("c1", 800, 1_200, "large")]
    assert (await front.ask("GET", "/v1/corrections?garage_id=elsewhere"))["corrections"] == []
    await front.ask("GET", "/v1/corrections?cursor=x", status=422)


async def test_what_is_no_correction_is_refused(front: Front) -> None:
    path = await stays(front)
    body = {"correction_id": "c1", "plate": {"number": RIGHT, "colour": "blue"}, "reason": "x"}
    nobody = f"/v1/sessions/{uuid5(UUID(int=0), 'x')}/corrections"
    path = f"{path}/corrections"
    await front.ask("POST", path, json=body, token=front.reader, status=403)
    await front.ask("POST", nobody, json=body, status=404)
    await front.ask("POST", path, json=body | {"reason": ""}, status=422)
    await front.ask("POST", path, json={"correction_id": "c1", "reason": "x"}, status=422)
    await front.ask("POST", path, json=body | {"left_at": "2026-03-03T12:00:00Z"}, status=422)
    await front.ask("POST", path, json=body | {"left_at": "2026-03-02T11:00:00Z"}, status=422)
    await front.ask("POST", path, json=body, status=201)
    await front.ask("POST", path, json=body | {"reason": "y"}, status=409)
    await front.ask("POST", path, json=body | {"correction_id": "c2"}, status=409)


async def test_a_garage_says_where_it_is(front: Front) -> None:
    garage = await front.ask("GET", f"/v1/garages/{GARAGE}")
    assert garage["position"] is None
    body = {name: garage[name] for name in ("name", "spaces", "lanes", "policy")}
    position = {"latitude": 30.274085, "longitude": 120.155070}
    put = await front.ask("PUT", f"/v1/garages/{GARAGE}", json=body | {"position": position})
    assert put["position"] == position
    await front.ask(
        "PUT", f"/v1/garages/{GARAGE}", json=body | {"position": position | {"latitude": 91}}, status=422
    )
