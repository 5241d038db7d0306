"""Signed grants: handed to the controllers of their garage, and shown for an exit in the past."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from stat import S_IMODE
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateways.grant_signing import GrantSigner, discard_key, make_key
from parking.clock import SystemClock
from parking.grant import Grant, Granted, GrantReason
from parking.ids import EventId, GarageId
from parking.live.granting import LiveGrants
from parking.live.sessions import Sessions
from tests.gateways.gate_stage import (
    PARTITIONS,
    GateProcess,
    catalog_of,
    gate_event,
    gate_process,
    now,
    publish_catalog,
    read_journal,
    token,
    until,
)
from tests.scenarios.stage import live_connection

if TYPE_CHECKING:
    from pathlib import Path

G1 = GarageId("G1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def a_grant(limit_fen: int = 5_000) -> Grant:
    return Grant(
        allowed=limit_fen > 0,
        limit_fen=limit_fen,
        reason=GrantReason.GOOD_STANDING,
        expires_at=now() + timedelta(hours=2),
    )


async def grant(url: str, folder: Path, number: str, limit_fen: int = 5_000) -> None:
    """As settlement does when the car has come in."""
    async with live_connection(url) as live:
        session = (await Sessions(live, partition_count=PARTITIONS).find(G1, number)).session
        assert session is not None
        clock = SystemClock()
        signer = GrantSigner(folder, clock)
        grants = LiveGrants(live, clock, partition_count=PARTITIONS, sign=signer.sign)
        assert await grants.give(Granted(session=session, grant=a_grant(limit_fen)))


async def withdraw(url: str, number: str) -> None:
    async with live_connection(url) as live:
        [record] = [
            one for one in await read_journal(url) if one.step == "left" and one.event.plate.number == number
        ]
        assert record.session is not None
        await LiveGrants(live, SystemClock(), partition_count=PARTITIONS).withdraw([record.session])


def ask(gate: GateProcess, path: str, *, by: str = "c1") -> Any:  # noqa: ANN401 - JSON
    return gate.request("GET", path, b"", {"Authorization": f"Bearer {token(by)}"})


async def test_grants_are_handed_out_whole_and_by_what_changed(valkey_url: str, tmp_path: Path) -> None:
    key_id, public = make_key(tmp_path / "keys", now(), KEY)
    await publish_catalog(valkey_url, replace(catalog_of(), grant_keys={key_id: public}))
    with gate_process(valkey_url, tmp_path) as gate:
        path = "/v1/garages/G1/grants"
        assert ask(gate, path).body["given"] == []
        for place, number in enumerate(("浙A12345", "浙B12345"), start=1):
            gate.post(gate_event(f"in{place}", plate=number))
            await grant(valkey_url, tmp_path / "keys", number)
        whole = ask(gate, path).body
        assert whole["whole"] is True
        assert {one["plate_number"] for one in whole["given"]} == {"浙A12345", "浙B12345"}
        again = ask(gate, f"{path}?since={whole['place']}").body
        assert (again["whole"], again["given"], again["taken"]) == (False, [], [])
        await grant(valkey_url, tmp_path / "keys", "浙B12345", limit_fen=0)
        gate.post(gate_event("out1", "exit"))
        assert ask(gate, path).body["given"] == [], "nothing for a car that has left, withdrawn or not"
        await withdraw(valkey_url, "浙A12345")
        changed = ask(gate, f"{path}?since={whole['place']}").body
        assert (changed["whole"], changed["given"]) == (False, [])
        assert set(changed["taken"]) == {"浙A12345", "浙B12345"}
        assert ask(gate, f"{path}?since=1.2").body["whole"] is True
        assert ask(gate, f"{path}?since=x").body["whole"] is True
        assert ask(gate, path, by="c2").status == 403
        assert ask(gate, path, by="nobody").status == 401
        assert gate.request("POST", path, b"{}", {}).status == 405
        [key] = ask(gate, "/v1/grant-keys").body["keys"]
        assert (key["kid"], key["crv"]) == (key_id, "Ed25519")
        assert base64.urlsafe_b64decode(key["x"] + "=") == public


async def test_what_a_revoked_key_has_signed_is_handed_out_no_more_and_refused(
    valkey_url: str, tmp_path: Path
) -> None:
    key_id, public = make_key(tmp_path / "keys", now(), KEY)
    catalog = catalog_of()
    await publish_catalog(valkey_url, replace(catalog, grant_keys={key_id: public}))
    with gate_process(valkey_url, tmp_path) as gate:
        gate.post(gate_event("in1"))
        await grant(valkey_url, tmp_path / "keys", "浙A12345")
        path = "/v1/garages/G1/grants"
        before = ask(gate, path).body
        await grant(valkey_url, tmp_path / "keys", "浙A12345", limit_fen=6_000)
        revoked = replace(catalog, revision=2, revoked_keys=frozenset({key_id}))
        await publish_catalog(valkey_url, revoked)
        until(lambda: ask(gate, "/v1/grant-keys").body["keys"] == [], "the gate knows")
        assert ask(gate, path).body["given"] == []
        changed = ask(gate, f"{path}?since={before['place']}").body
        assert (changed["given"], changed["taken"]) == ([], ["浙A12345"])
        shown = gate.post(gate_event("out1", "exit", offline=True, grant=before["given"][0]["grant"])).body
        assert shown["reason"] == "grant_refused"


async def test_an_exit_of_the_past_shows_its_grant(valkey_url: str, tmp_path: Path) -> None:
    key_id, public = make_key(tmp_path / "keys", now(), KEY)
    await publish_catalog(valkey_url, replace(catalog_of(), grant_keys={key_id: public}))
    with gate_process(valkey_url, tmp_path) as gate:
        for place, number in enumerate(("浙A12345", "浙B12345"), start=1):
            gate.post(gate_event(f"in{place}", plate=number))
            await grant(valkey_url, tmp_path / "keys", number)
        given = {
            one["plate_number"]: one["grant"] for one in ask(gate, "/v1/garages/G1/grants").body["given"]
        }
        good = gate.post(gate_event("out1", "exit", offline=True, grant=given["浙A12345"])).body
        assert (good["decision"], good["reason"]) == ("hold", "offline_grant")
        bad = gate.post(
            gate_event("out2", "exit", plate="浙B12345", offline=True, grant=given["浙A12345"])
        ).body
        assert (bad["decision"], bad["reason"]) == ("hold", "grant_refused")
        assert gate.post(gate_event("out3", "exit", offline=True, grant="a b")).status == 422
        unasked = gate.post(gate_event("in4", offline=True, grant=given["浙A12345"])).body
        assert unasked["reason"] == "late"
    records = {one.event.event_id: one for one in await read_journal(valkey_url)}
    assert records[EventId("out1")].event.grant_token == given["浙A12345"]


def test_a_key_is_its_owners_alone_and_the_youngest_signs(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first, public = make_key(folder, now() - timedelta(days=1), KEY)
    assert S_IMODE(folder.stat().st_mode) == 0o700
    assert S_IMODE((folder / f"{first}.pem").stat().st_mode) == 0o600
    second, other = make_key(folder, now(), Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))
    assert first < second
    assert public != other
    discard_key(folder, second)
    assert [path.stem for path in folder.iterdir()] == [first]
