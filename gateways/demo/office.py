"""The back office: whoever uses the operator API.

It lays out garages and accounts before the day, takes money at the till, matches readings that the camera
was not sure of, and counts at the end.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from gateways.demo.cars import Cars
from gateways.demo.drivers import Driver
from gateways.demo.plan import LANES
from gateways.demo.privileges import EXEMPT_CLASS
from gateways.demo.traffic import DAY, OPENING, SPACES
from gateways.web.operator_wire import TariffIn
from parking.errors import Defect
from parking.pricing import Stay, price

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from gateways.demo.drivers import Registration
    from gateways.demo.plan import Plan
    from gateways.demo.requests import Requests
    from parking.event import GateEvent
    from parking.ids import AccountId, GarageId, LaneId
    from parking.plate import Plate

__all__ = ["TARIFF", "Office"]

TARIFF: Final = Path(__file__).with_name("tariff.toml")
RAIL: Final = "simulator"
ACCOUNTS_A_BATCH: Final = 1_000
SESSIONS_A_PAGE: Final = 200
REFUSED_FROM: Final = 400
NOT_AUTHENTICATED: Final = 401
NOT_FOUND: Final = 404
CONFLICT: Final = 409
LOOK_EVERY_SECONDS: Final = 0.05
KNOWN_SECONDS: Final = 10.0
ABOUT: Final = timedelta(minutes=10)
"""So exactly a driver knows when he came."""
VALID_FOR: Final = timedelta(days=31)
COUPON: Final = {"name": "An hour", "kind": "minutes", "minutes": 60, "funded_max_fen": 800}


class Office:
    """Speaks with an operator's full token."""

    def __init__(self, requests: Requests, *, operator_url: str, token: str) -> None:
        self._requests = requests
        self._url = f"{operator_url}/v1"
        self._token = token
        self.cars = Cars(self._get)
        self._shops: dict[GarageId, str] = {}

    async def open_garage(self, garage_id: GarageId, name: str, spaces: int = SPACES) -> None:
        """Lay out a garage with its price list."""
        lanes = {lane: direction.value for lane, direction in LANES.items()}
        await self._call("PUT", f"/garages/{garage_id}", {"name": name, "spaces": spaces, "lanes": lanes})
        tariff = await asyncio.to_thread(TARIFF.read_bytes)
        await self._send("POST", f"/garages/{garage_id}/tariffs", tariff, "application/toml")

    async def add_controller(self, garage_id: GarageId, name: str, lanes: Collection[LaneId]) -> str:
        """The token of a controller of the garage's own making."""
        made = await self._call(
            "POST",
            "/tokens",
            {"garage_id": garage_id, "controller_id": name, "lane_ids": list(lanes), "label": name},
        )
        return str(made["token"])

    async def open_accounts(self, registrations: Sequence[Registration]) -> None:
        """Register drivers, a thousand at a time."""
        for start in range(0, len(registrations), ACCOUNTS_A_BATCH):
            lines = [json.dumps(_account(one)) for one in registrations[start : start + ACCOUNTS_A_BATCH]]
            said = await self._send(
                "POST", "/accounts/batch", "\n".join(lines).encode(), "application/x-ndjson"
            )
            results = [json.loads(line) for line in said.splitlines()]
            wrong = [one for one in results if one["result"] not in {"opened", "opened_before"}]
            if wrong or len(results) != len(lines):
                raise Defect(f"accounts were not opened: {wrong[:3]}")

    async def open_benefits(self, plan: Plan) -> None:
        """Sell passes, list exempt vehicles, and let a shop give coupons at each garage."""
        validity = {"valid_from": OPENING.isoformat(), "valid_until": (OPENING + VALID_FOR).isoformat()}
        for one in plan.passes:
            plates = [_plate(plate) for plate in one.plates]
            path = f"/garages/{one.garage_id}/passes/{one.pass_id}"
            await self._call(
                "PUT", path, {"name": "monthly", "plates": plates, "places": one.places} | validity
            )
        for car in plan.cars:
            if car.driver is Driver.EXEMPT_LISTED:
                listed = {"garage_id": car.garage_id, "plate": _plate(car.plate), "cause": "fire brigade"}
                await self._call("PUT", f"/exemptions/vehicle-{car.place}", listed | validity)
        for garage_id in plan.garages:
            police = {"garage_id": garage_id, "vehicle_class": EXEMPT_CLASS, "cause": EXEMPT_CLASS}
            await self._call("PUT", f"/exemptions/{garage_id}-{EXEMPT_CLASS}", police | validity)
            shop = f"/garages/{garage_id}/merchants/shop"
            await self._call("PUT", shop, {"name": "Shop"})
            await self._call("PUT", f"{shop}/templates/hour", COUPON)
            made = await self._call("POST", f"{shop}/tokens", {"label": "till"})
            self._shops[garage_id] = str(made["token"])

    async def give_coupon(self, event: GateEvent) -> None:
        """The shop gives a coupon to a car inside."""
        await self._call(
            "POST",
            "/merchant/coupons",
            {"coupon_id": event.event_id, "template_id": "hour", "plate": event.plate.number},
            token=self._shops[event.garage_id],
        )

    async def fee_fen(self, event: GateEvent, now: datetime) -> int:
        """What the stay of a car that came in by ``event`` costs by now, as a machine would say."""
        listed = tomllib.loads(await asyncio.to_thread(TARIFF.read_text, "utf-8"))
        tariff = TariffIn.model_validate(listed).version().tariff
        return price(Stay(entered_at=event.captured_at, left_at=now, plate=event.plate), tariff).amount_fen

    async def owed_by_shops(self, garage_ids: Collection[GarageId]) -> int:
        """What the shops owe for the coupons of the day, in fen."""
        paths = [f"/garages/{one}/merchants/shop/statements/{DAY:%Y-%m}" for one in garage_ids]
        return sum([(await self._get(path))["closing_fen"] for path in paths])

    async def take_payment(self, session_id: str, event: GateEvent, amount_fen: int) -> None:
        """A driver pays at the exit, by scanning a code; nothing when the car has left meanwhile."""
        await self._call(
            "POST",
            f"/sessions/{session_id}/prepayments",
            {
                "prepayment_id": f"{event.garage_id}-{event.event_id}",
                "amount_fen": amount_fen,
                "method": "scan",
                "garage_id": event.garage_id,
                "plate": event.plate.number,
            },
            unless={CONFLICT},
        )

    async def take_debt(self, reference: str, event: GateEvent, owed_fen: int) -> None:
        """A driver pays for earlier stays at the exit."""
        await self._call(
            "POST",
            f"/debts/{reference}/payments",
            {
                "payment_id": f"{event.garage_id}-{event.event_id}",
                "garage_id": event.garage_id,
                "amount_fen": owed_fen,
                "method": "scan",
            },
        )

    async def renew_agreement(self, account_id: AccountId) -> None:
        """A driver names another agreement, from which the rail does pay."""
        agreement = {"rail": RAIL, "reference": f"agreement#{account_id}"}
        await self._call("PUT", f"/accounts/{account_id}/agreements", {"agreements": [agreement]})

    async def resolve(self, event: GateEvent, plate: Plate) -> bool:
        """Match an unsure reading with the car that it was; False when that was done already."""
        item_id = await self.cars.until_looked_at(event)
        if item_id is None:
            return False
        done = await self._call(
            "POST",
            f"/quarantine/{quote(item_id, safe='')}/resolve",
            {"action": "match", "plate": plate.number, "note": "read from the picture"},
            unless={CONFLICT},
        )
        return bool(done)

    async def correct_exit(self, event: GateEvent) -> None:
        """Have the car's last bill say that it left at this event, where it says otherwise."""
        session = await self.cars.last_stay(event)
        await self._call(
            "POST",
            f"/sessions/{session['session_id']}/corrections",
            {
                "correction_id": f"{event.garage_id}-{event.event_id}",
                "left_at": event.captured_at.isoformat(),
                "reason": "turned back at the exit, seen by an attendant",
            },
            unless={CONFLICT},
        )

    async def app_token(self, account_id: AccountId, garage_id: GarageId) -> str:
        """A token of a driver's account, as his app shows it."""
        made = await self._call("POST", f"/accounts/{account_id}/stay-tokens", {"garage_id": garage_id})
        return str(made["token"])

    async def replaced_token(self, event: GateEvent) -> str | None:
        """Another token for the car that came in by ``event``; None when its entry is not found."""
        query = {
            "garage_id": event.garage_id,
            "entered_from": (event.captured_at - ABOUT).isoformat(),
            "entered_until": (event.captured_at + ABOUT).isoformat(),
        }
        stays = (await self._get(f"/token-stays?{urlencode(query)}"))["stays"]
        found = [one for one in stays if one["image_reference"] == event.image_reference]
        if not found:
            return None
        reason = {"reason": "the car of the picture, its key shown"}
        made = await self._call("POST", f"/sessions/{found[0]['session_id']}/stay-tokens", reason)
        return str(made["token"])

    async def summary(self, since: str) -> Mapping[str, Any]:
        """Events, sessions, bills and charges in numbers; ``since`` is RFC 3339."""
        return await self._get(f"/summary?{urlencode({'since': since})}")

    async def count_sessions(self, garage_id: GarageId, state: str) -> int:
        """How many sessions of a garage are in a state."""
        found, cursor = 0, ""
        while True:
            query = {"garage_id": garage_id, "state": state, "limit": SESSIONS_A_PAGE}
            page = await self._get(f"/sessions?{urlencode(query | ({'cursor': cursor} if cursor else {}))}")
            found += len(page["sessions"])
            cursor = page["next"]
            if not cursor:
                return found

    async def _get(self, path: str, unless: Collection[int] = ()) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(await self._send("GET", path, unless=unless) or b"{}")
        return found

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any],
        unless: Collection[int] = (),
        *,
        token: str = "",
    ) -> Mapping[str, Any]:
        said = await self._send(
            method, path, json.dumps(body).encode(), "application/json", unless=unless, token=token
        )
        answer: Mapping[str, Any] = json.loads(said or b"{}")
        return answer

    async def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "",
        *,
        unless: Collection[int] = (),
        token: str = "",
    ) -> bytes:
        """The body of the answer; empty for a refusal with one of the statuses ``unless``."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + KNOWN_SECONDS
        while True:
            reply = await self._requests.send(
                method, self._url + path, token=token or self._token, body=body, content_type=content_type
            )
            # Tokens are read anew every second: one that was just made may not be known yet.
            if reply.status != NOT_AUTHENTICATED or loop.time() > give_up_at:
                break
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        if reply.status in unless:
            return b""
        if reply.status >= REFUSED_FROM:
            raise Defect(f"{method} {path} was refused: {reply.body[:500].decode(errors='replace')}")
        return reply.body


def _account(one: Registration) -> Mapping[str, Any]:
    return {
        "account_id": str(one.account_id),
        "holder": one.holder,
        "limit_fen": one.limit_fen,
        "exposure_limit_fen": one.exposure_limit_fen,
        "plates": [_plate(plate) for plate in one.plates],
        "agreements": [{"rail": RAIL, "reference": one.agreement}],
    }


def _plate(plate: Plate) -> Mapping[str, str]:
    return {"number": plate.number, "colour": plate.colour}
