"""The garages' controllers: they send what the cameras see to the gate API, until it is acknowledged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parking.decision import Reason, Verdict
from parking.errors import Defect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.demo.requests import Requests
    from parking.event import GateEvent
    from parking.ids import GarageId

__all__ = ["Controllers", "GateAnswer"]

OK = 200
NOT_AUTHENTICATED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What a controller was told."""

    verdict: Verdict
    reason: Reason
    session_id: str | None
    amount_fen: int
    owed_fen: int
    reference: str
    """Of a debtor: what is owed for earlier stays, and what to pay it by."""
    replayed: bool
    seconds: float
    """From sending to the answer; of a batch, all of it."""


class Controllers:
    """One token a garage."""

    def __init__(self, requests: Requests, gate_url: str, tokens: Mapping[GarageId, str]) -> None:
        self._requests = requests
        self._url = f"{gate_url}/v1/gate-events"
        self._tokens = tokens

    async def known(self, garage_id: GarageId) -> bool:
        """Whether the gates know the garage's token already."""
        reply = await self._requests.send(
            "POST", self._url, token=self._tokens[garage_id], body=b"{}", content_type="application/json"
        )
        return reply.status != NOT_AUTHENTICATED

    async def report(self, event: GateEvent) -> GateAnswer:
        """Send one event."""
        reply = await self._requests.send(
            "POST",
            self._url,
            token=self._tokens[event.garage_id],
            body=_encoded(event),
            content_type="application/json",
        )
        if reply.status != OK:
            raise Defect(f"event {event.event_id} was refused: {reply.body.decode(errors='replace')}")
        return _answer(json.loads(reply.body), reply.seconds)

    async def deliver(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        """Send what was kept while the line was down, again until every line is acknowledged."""
        while True:
            reply = await self._requests.send(
                "POST",
                f"{self._url}/batch",
                token=self._tokens[events[0].garage_id],
                body=b"\n".join(map(_encoded, events)),
                content_type="application/x-ndjson",
            )
            lines = [json.loads(line) for line in reply.body.splitlines()] if reply.status == OK else []
            problems = [line["problem"] for line in lines if "problem" in line]
            if len(lines) == len(events) and not problems:
                return [_answer(line, reply.seconds) for line in lines]
            if any(problem["outcome"] == "definite" for problem in problems) or reply.status != OK:
                raise Defect(f"a batch was refused: {reply.body[:500].decode(errors='replace')}")


def _encoded(event: GateEvent) -> bytes:
    body = {
        "event_id": event.event_id,
        "garage_id": event.garage_id,
        "lane_id": event.lane_id,
        "kind": event.kind,
        "captured_at": event.captured_at.isoformat(timespec="milliseconds"),
        "plate": {"number": event.plate.number, "colour": event.plate.colour},
        "confidence": event.confidence,
        "offline": event.offline,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _answer(line: Mapping[str, Any], seconds: float) -> GateAnswer:
    return GateAnswer(
        verdict=Verdict(line["decision"]),
        reason=Reason(line["reason"]),
        session_id=line["session_id"],
        amount_fen=line["amount_fen"],
        owed_fen=line.get("owed_fen", 0),
        reference=line.get("payment_reference", ""),
        replayed=line["replayed"],
        seconds=seconds,
    )
