"""Who a device is: by its address, a header, Digest, or where it calls from; always one controller."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from hashlib import md5
from typing import TYPE_CHECKING, Any

import pytest

from gateways.gates.catalog_keeper import CatalogKeeper
from gateways.gates.device_access import REALM, Caller, DeviceAccess, DigestWanted, digest_ha1
from parking.device import Channel, Device, Proof
from parking.errors import InvalidInput, LeaveFirstError, NotAuthenticated, NotPermitted
from parking.ids import LaneId
from tests.gateways.gate_stage import PARTITIONS, SECRET, catalog_of, publish_catalog, token
from tests.scenarios.stage import ManualClock, live_connection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from parking.catalog import Controller

PLAIN = Device(protocol="vzenith", channels={"*": Channel(lane_id=LaneId("in-1"))})
BASIC = "Basic " + b64encode(f"u:{token('c1')}".encode()).decode()
CALLER = Caller(
    protocol="vzenith", token="", authorization="", method="POST", uri="/fixed", remote="192.168.1.20"
)


async def access_to(url: str, folder: Path, devices: Mapping[str, Device | None]) -> DeviceAccess:
    """What finds the controllers of a catalog whose token ids are those of ``devices``."""
    catalog = catalog_of(revision=7)
    known = {one: replace(catalog.controllers["c1"], device=device) for one, device in devices.items()}
    await publish_catalog(url, replace(catalog, controllers=known))
    async with live_connection(url) as live:
        keeper = CatalogKeeper(live, folder / "catalog.json", partition_count=PARTITIONS)
        await keeper.refresh()

    def holder(token_id: str, secret: str) -> Controller:
        found = keeper.current.controllers.get(token_id)
        if found is None or not found.holds(secret):
            raise NotAuthenticated("no")
        return found

    return DeviceAccess(keeper, holder, ManualClock(), nonce_key=bytes(32))


async def test_a_token_is_taken_from_the_path_and_from_either_header(valkey_url: str, tmp_path: Path) -> None:
    access = await access_to(valkey_url, tmp_path, {"c1": PLAIN})
    ways = [
        replace(CALLER, token=token("c1")),
        replace(CALLER, authorization=f"Bearer {token('c1')}"),
        replace(CALLER, authorization=BASIC),
    ]
    assert [access.controller(way).device for way in ways] == [PLAIN] * 3


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"token": "lf_c1_wrong"}, NotAuthenticated),
        ({"token": "nonsense"}, NotAuthenticated),
        ({"authorization": "Basic !!!"}, NotAuthenticated),
        ({"authorization": "Digest !!!"}, LeaveFirstError),
        ({"authorization": "Basic \udce9"}, NotAuthenticated),
        ({"authorization": 'Digest username="c1", uri="/\udce9"'}, NotAuthenticated),
        ({}, NotAuthenticated),
        ({"token": token("c1"), "protocol": "huaxia"}, NotPermitted),
        ({"token": token("native")}, NotAuthenticated),
        ({"token": token("near"), "remote": "10.0.0.1"}, NotPermitted),
        ({"token": token("near"), "remote": ""}, NotPermitted),
    ],
)
async def test_everybody_else_is_refused(
    valkey_url: str, tmp_path: Path, changed: dict[str, str], refusal: type[LeaveFirstError]
) -> None:
    near = replace(PLAIN, networks=("192.168.1.0/24",))
    access = await access_to(valkey_url, tmp_path, {"c1": PLAIN, "native": None, "near": near})
    with pytest.raises(refusal):
        access.controller(replace(CALLER, **changed))


async def test_an_address_names_one_device_or_none(valkey_url: str, tmp_path: Path) -> None:
    here = replace(PLAIN, proof=Proof.ADDRESS, networks=("192.168.1.20",))
    access = await access_to(valkey_url, tmp_path, {"c1": here})
    assert access.controller(CALLER).device == here
    assert access.controller(replace(CALLER, remote="::ffff:192.168.1.20")).device == here
    with pytest.raises(NotAuthenticated):
        access.controller(replace(CALLER, remote="192.168.1.21"))
    with pytest.raises(NotAuthenticated):
        access.controller(replace(CALLER, token=token("c1")))
    twice = await access_to(valkey_url, tmp_path, {"c1": here, "c3": here})
    with pytest.raises(NotAuthenticated):
        twice.controller(CALLER)


async def test_digest_needs_the_right_answer_to_a_nonce_of_ours(valkey_url: str, tmp_path: Path) -> None:
    device = replace(PLAIN, proof=Proof.DIGEST, digest_ha1=digest_ha1("c1", SECRET))
    access = await access_to(valkey_url, tmp_path, {"c1": device})
    with pytest.raises(DigestWanted) as wanted:
        access.controller(CALLER)
    nonce = wanted.value.challenge.split('nonce="')[1].split('"')[0]

    def answered(secret: str = SECRET, nonce: str = nonce, uri: str = "/fixed", user: str = "c1") -> Caller:
        ha1 = _md5(f"{user}:{REALM}:{secret}")
        ha2 = _md5(f"POST:{uri}")
        response = _md5(f"{ha1}:{nonce}:00000001:abc:auth:{ha2}")
        fields = f'username="{user}", realm="{REALM}", nonce="{nonce}", uri="{uri}", qop=auth, nc=00000001, '
        return replace(CALLER, authorization=f'Digest {fields}cnonce="abc", response="{response}"')

    assert access.controller(answered()).device == device
    wrong = [answered("x"), answered(nonce="1-x"), answered(uri="/other"), answered(user="nobody")]
    for caller in wrong:
        with pytest.raises(DigestWanted):
            access.controller(caller)
    with pytest.raises(NotAuthenticated):
        access.controller(replace(CALLER, token=token("c1")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"channels": {}},
        {"proof": Proof.DIGEST},
        {"proof": Proof.ADDRESS},
        {"networks": ("somewhere",)},
        {"repeat_within_s": 901},
        {"skew_max_s": -1},
    ],
)
def test_a_device_that_cannot_be_meant_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        replace(PLAIN, **wrong)


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
