"""Exemptions and passes over the operator API: who is told, what is refused, what is listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.gateways.operator_desk import PLATE, Front, open_front

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLATE_BODY = {"number": PLATE, "colour": "blue"}
EXEMPTION = {
    "garage_id": "g1",
    "plate": PLATE_BODY,
    "cause": "fire brigade",
    "cars_inside": "at_once",
    "valid_from": "2026-05-01T00:00:00+08:00",
}
PASS = {
    "name": "monthly 17",
    "plates": [PLATE_BODY],
    "valid_from": "2026-05-01T00:00:00+08:00",
    "valid_until": "2026-06-01T00:00:00+08:00",
}


@pytest_asyncio.fixture
async def front(postgres_dsn: str, valkey_url: str) -> AsyncIterator[Front]:
    async with open_front(postgres_dsn, valkey_url) as opened:
        yield opened


async def test_an_exemption_is_listed_once_and_ended(front: Front) -> None:
    path = "/v1/exemptions/x1"
    await front.ask("PUT", path, json=EXEMPTION, status=204)
    await front.ask("PUT", path, json=EXEMPTION, status=204)
    assert front.told.regranted[-1] == ((), (PLATE,))
    assert (await front.answer("PUT", path, json={**EXEMPTION, "cause": "x"})).status == 409
    (listed,) = (await front.ask("GET", "/v1/garages/g1/exemptions", token=front.reader))["exemptions"]
    assert (listed["plate"], listed["cause"], listed["ended_at"]) == (PLATE_BODY, "fire brigade", None)
    await front.ask("DELETE", path, status=204)
    await front.ask("DELETE", path, status=204)
    assert (await front.ask("GET", "/v1/garages/g1/exemptions"))["exemptions"] == []
    (ended,) = (await front.ask("GET", "/v1/garages/g1/exemptions?with_ended=true"))["exemptions"]
    assert ended["ended_at"] is not None


async def test_an_exemption_that_makes_no_sense_is_refused_with_its_fields(front: Front) -> None:
    wrong = {
        "both": ({**EXEMPTION, "operator_id": "kerry"}, 422, ["garage_id", "operator_id"]),
        "neither": ({**EXEMPTION, "plate": None}, 422, ["plate", "vehicle_class"]),
        "a class at once": (
            {**EXEMPTION, "plate": None, "vehicle_class": "police"},
            422,
            ["cars_inside"],
        ),
        "no such garage": ({**EXEMPTION, "garage_id": "g9"}, 404, None),
        "ends before": ({**EXEMPTION, "valid_until": "2026-04-01T00:00:00+08:00"}, 422, ["valid_until"]),
    }
    for name, (body, status, fields) in wrong.items():
        said = await front.answer("PUT", "/v1/exemptions/x2", json=body)
        assert (said.status, said.body.get("fields")) == (status, fields), name
    assert (await front.answer("DELETE", "/v1/exemptions/x2")).status == 404
    assert (await front.answer("PUT", "/v1/exemptions/x2", json=EXEMPTION, token=front.reader)).status == 403


async def test_a_pass_is_sold_changed_and_shown(front: Front) -> None:
    path = "/v1/garages/g1/passes/m1"
    sold = await front.ask("PUT", path, json=PASS)
    assert (sold["plates"], sold["places"], sold["session_ids"]) == ([PLATE_BODY], 1, [])
    assert sold["when_place_frees"] == "stays_visitor"
    other = {"number": "沪B99999", "colour": "blue"}
    changed = await front.ask("PUT", path, json={**PASS, "plates": [other], "places": 3})
    assert (changed["plates"], changed["places"]) == ([other], 3)
    accounts, numbers = front.told.regranted[-1]
    assert (accounts, sorted(numbers)) == ((), sorted([PLATE, other["number"]]))
    assert await front.ask("GET", path, token=front.reader) == changed
    assert (await front.ask("GET", "/v1/garages/g1/passes"))["passes"] == [changed]


async def test_a_pass_that_makes_no_sense_is_refused(front: Front) -> None:
    path = "/v1/garages/g1/passes/m1"
    await front.ask("PUT", path, json=PASS)
    moved = {**PASS, "valid_from": "2026-05-02T00:00:00+08:00"}
    assert (await front.answer("PUT", path, json=moved)).status == 409
    nobody = await front.answer("PUT", path, json={**PASS, "plates": []})
    assert (nobody.status, nobody.body["fields"]) == (422, ["account_id", "plates"])
    assert (await front.answer("PUT", "/v1/garages/g9/passes/m1", json=PASS)).status == 404
    assert (await front.answer("GET", "/v1/garages/g1/passes/m9")).status == 404
