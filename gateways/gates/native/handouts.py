"""Signed grants handed to the controllers of their garage, and the public keys to check them by.

``GET /v1/garages/{garage}/grants?since=PLACE`` tells what changed since a place that an earlier answer named,
or the whole where that place is not known any more. A controller that asks every few seconds can let granted
cars out when it is cut off, and show the grant for each afterwards. The keys are a JSON Web Key Set.
"""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from gateways.web.ready import ReadyJson
from parking.errors import NotPermitted
from parking.grant_token import key_id_of
from parking.ids import GarageId

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.gatehouse import Gatehouse
    from parking.live.granting import GrantChanges

    Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

__all__ = ["GivenGrant", "GrantHandouts", "GrantKeyOut", "GrantKeysOut", "GrantsOut", "GrantsQuery"]

GRANTS: Final = re.compile(r"/v1/garages/([A-Za-z0-9][A-Za-z0-9._-]{0,63})/grants")
KEYS: Final = "/v1/grant-keys"


class Wire(BaseModel):
    """What is handed out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GrantsQuery(Wire):
    """Since which ``place``; left out: since ever."""

    since: str = ""


class GivenGrant(Wire):
    """A car that may leave first, and the signed grant that says so."""

    plate_number: str
    grant: str


class GrantsOut(Wire):
    """What changed since a place; where ``whole``, forget all grants from before. Go on from ``place``."""

    garage_id: str
    place: str
    whole: bool
    given: list[GivenGrant]
    taken: list[str]


class GrantKeyOut(Wire):
    """A public key of Ed25519 as a JSON Web Key (RFC 8037)."""

    kty: str = "OKP"
    crv: str = "Ed25519"
    use: str = "sig"
    alg: str = "EdDSA"
    kid: str
    x: str


class GrantKeysOut(Wire):
    """All keys that ever signed grants and are not revoked, as a JSON Web Key Set (RFC 7517)."""

    keys: list[GrantKeyOut]


class GrantHandouts:
    """The end points; ``changes`` reads what changed at a garage since a place."""

    def __init__(
        self,
        gatehouse: Gatehouse,
        catalog: CatalogKeeper,
        changes: Callable[[GarageId, str], Awaitable[GrantChanges]],
    ) -> None:
        self._gatehouse = gatehouse
        self._catalog = catalog
        self._changes = changes

    def handler(self, path: str) -> Handler | None:
        """Who serves a path; all are ``GET``."""
        if path == KEYS:
            return self.keys
        found = GRANTS.fullmatch(path)
        return partial(self.grants, GarageId(found[1])) if found else None

    async def grants(self, garage_id: GarageId, request: web.BaseRequest) -> web.StreamResponse:
        """``GET /v1/garages/{garage_id}/grants``."""
        controller = self._gatehouse.controller(request.headers.get("Authorization"))
        if controller.garage_id != garage_id:
            raise NotPermitted("this token does not speak for that garage")
        answer = await self.changed(garage_id, request.query.get("since", ""))
        return ReadyJson(answer.model_dump_json())

    async def changed(self, garage_id: GarageId, since: str) -> GrantsOut:
        """What changed since a place; raises what a read of the live store raises."""
        changes = await self._changes(garage_id, since)
        revoked = self._catalog.current.revoked_keys
        void = {number for number, token in changes.given.items() if key_id_of(token) in revoked}
        return GrantsOut(
            garage_id=garage_id,
            place=changes.place,
            whole=changes.whole,
            given=[
                GivenGrant(plate_number=number, grant=token)
                for number, token in changes.given.items()
                if number not in void
            ],
            taken=[*changes.taken, *(() if changes.whole else sorted(void))],
        )

    async def keys(self, request: web.BaseRequest) -> web.StreamResponse:
        """``GET /v1/grant-keys``: for any controller."""
        self._gatehouse.controller(request.headers.get("Authorization"))
        known = self._catalog.current.grant_keys
        answer = GrantKeysOut(
            keys=[
                GrantKeyOut(kid=key_id, x=base64.urlsafe_b64encode(key).rstrip(b"=").decode())
                for key_id, key in known.items()
            ]
        )
        return ReadyJson(answer.model_dump_json())
