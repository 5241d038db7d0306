"""Cars looked up in the books: what a gate was answered for one, what waits for a person, what was charged.

So does whoever stands at a till or sits before the review list: by garage, plate, lane and moment.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlencode

from gateways.demo.gates import GateAnswer
from parking.decision import Reason, Verdict
from parking.errors import Defect

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from parking.event import GateEvent

__all__ = ["Cars"]

NOT_FOUND: Final = 404
ITEMS_A_PAGE: Final = 200
LOOK_EVERY_SECONDS: Final = 0.05
FIND_SECONDS: Final = 60.0
CHARGED_SECONDS: Final = 10.0
STAYS_LOOKED_AT: Final = 5
LET_THROUGH: Final = frozenset({Reason.LOW_CONFIDENCE, Reason.UNREADABLE})
"""By the policy of the demo's garages."""
UNTRIED: Final = frozenset({"due", "sent"})


class Get(Protocol):
    """Asks the operator API."""

    async def __call__(self, path: str, unless: Collection[int] = ()) -> Mapping[str, Any]:
        """The answer; empty for a refusal with one of the statuses ``unless``."""
        ...


class Cars:
    """Looks with what ``get`` may see."""

    def __init__(self, get: Get) -> None:
        self._get = get

    async def passage(self, event: GateEvent) -> GateAnswer:
        """What the books say that a gate was answered; waits until they say it."""
        async with asyncio.timeout(FIND_SECONDS):
            while True:
                found = await self._in_sessions(event)
                if found is None and (item := await self._item(event)) is not None:
                    reason = Reason(item["cause"])
                    found = GateAnswer(
                        verdict=Verdict.OPEN if reason in LET_THROUGH else Verdict.HOLD,
                        reason=reason,
                        named=False,
                    )
                if found is not None:
                    return found
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def until_charged(self, event: GateEvent) -> None:
        """Wait until the rail has been called for what the car's last stay cost, or for a while."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + CHARGED_SECONDS
        while loop.time() < give_up_at:
            for session in await self._sessions_of(event):
                found = await self._get(f"/sessions/{session['session_id']}", unless={NOT_FOUND})
                bills, charges = found.get("bills", ()), found.get("charges", ())
                if any(charge["state"] not in UNTRIED for charge in charges) or (
                    bills and not bills[-1]["amount_fen"]
                ):
                    return
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def is_heard(self, controller_id: str) -> bool:
        """Whether our side has had a heartbeat of a controller."""
        found = (await self._get("/controllers"))["controllers"]
        return any(one["controller_id"] == controller_id and one["heartbeat_at"] for one in found)

    async def last_stay(self, event: GateEvent) -> Mapping[str, Any]:
        """The last stay of a car; raises :class:`Defect` if there was none."""
        found = await self.known_stay(event)
        if found is None:
            raise Defect(f"the car of {event.event_id} was never here")
        return found

    async def known_stay(self, event: GateEvent) -> Mapping[str, Any] | None:
        """The last stay of a car; None where nobody has heard of one yet."""
        return next(iter(await self._sessions_of(event)), None)

    async def _in_sessions(self, event: GateEvent) -> GateAnswer | None:
        for session in await self._sessions_of(event):
            why = await self._get(f"/sessions/{session['session_id']}/why", unless={NOT_FOUND})
            for passage in why.get("passages", ()):
                if not _is_of(event, passage):
                    continue
                debt = (why["told"] or [{}])[-1].get("debt") or {}
                return GateAnswer(
                    verdict=Verdict(passage["verdict"]),
                    reason=Reason(passage["reason"]),
                    session_id=why["session_id"],
                    amount_fen=passage["amount_fen"],
                    owed_fen=debt.get("owed_fen", 0),
                    reference=debt.get("reference", ""),
                    named=False,
                )
        return None

    async def _sessions_of(self, event: GateEvent) -> Sequence[Mapping[str, Any]]:
        """The last stays of a car, the latest first."""
        if not event.plate.readable:
            return ()
        query = {"garage_id": event.garage_id, "plate": event.plate.number, "limit": STAYS_LOOKED_AT}
        sessions: Sequence[Mapping[str, Any]] = (await self._get(f"/sessions?{urlencode(query)}"))["sessions"]
        return sessions

    async def _item(self, event: GateEvent) -> Mapping[str, Any] | None:
        """What waits for a person because of an event, if that does."""
        cursor = ""
        while True:
            query = {"garage_id": event.garage_id, "limit": ITEMS_A_PAGE}
            page = await self._get(f"/quarantine?{urlencode(query | ({'cursor': cursor} if cursor else {}))}")
            for item in page["items"]:
                if _is_of(event, item["details"]):
                    found: Mapping[str, Any] = item
                    return found
            cursor = page["next"]
            if not cursor:
                return None

    async def until_looked_at(self, event: GateEvent) -> str | None:
        """The open item of a reading once the service has tried to settle it by itself; None if it did."""
        async with asyncio.timeout(FIND_SECONDS):
            while (item := await self._item(event)) is not None:
                if item["finding"]:
                    return str(item["item_id"])
                await asyncio.sleep(LOOK_EVERY_SECONDS)
        return None


def _is_of(event: GateEvent, told: Mapping[str, Any]) -> bool:
    """Whether something that is told of lane, kind and moment is about this event."""
    return (told.get("lane_id"), told.get("kind")) == (event.lane_id, event.kind) and (
        datetime.fromisoformat(told["captured_at"]) == event.captured_at
    )
