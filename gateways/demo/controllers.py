"""Controllers of a garage's own making: they speak the native protocol, in any of its three ways."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from typing_extensions import override

from gateways.demo.gates import GateAnswer, Gates
from gateways.devices.native_event import event_text
from parking.decision import Reason, Verdict
from parking.errors import Defect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.demo.requests import Requests
    from gateways.devices.controllers import LastingController
    from parking.event import GateEvent
    from parking.ids import GarageId

__all__ = ["OK", "Controllers", "LastingControllers"]

OK = 200
NOT_AUTHENTICATED = 401
LINES_MAX: Final = 500
UNDER_WAY_MAX: Final = 200
"""Of a backlog; a socket takes some more before it is read more slowly."""
KNOWN_SECONDS: Final = 30.0
LOOK_EVERY_SECONDS: Final = 0.05


class Controllers(Gates):
    """By single HTTP requests and batches, with one token a garage."""

    def __init__(self, requests: Requests, gate_url: str, tokens: Mapping[GarageId, str]) -> None:
        self._requests = requests
        self._url = f"{gate_url}/v1/gate-events"
        self._tokens = tokens

    def _text(self, event: GateEvent) -> str:
        return event_text(event)

    @override
    async def until_known(self) -> None:
        async with asyncio.timeout(KNOWN_SECONDS):
            for token in self._tokens.values():
                while True:
                    if await self._is_known(token):
                        break
                    await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _is_known(self, token: str) -> bool:
        """The gates read their catalog anew every second."""
        reply = await self._requests.send(
            "POST", self._url, token=token, body=b"{}", content_type="application/json"
        )
        return reply.status != NOT_AUTHENTICATED

    @override
    async def report(self, event: GateEvent) -> GateAnswer:
        reply = await self._requests.send(
            "POST",
            self._url,
            token=self._tokens[event.garage_id],
            body=self._text(event).encode(),
            content_type="application/json",
        )
        if reply.status != OK:
            raise Defect(f"event {event.event_id} was refused: {reply.body.decode(errors='replace')}")
        return _answer(json.loads(reply.body), reply.seconds)

    @override
    async def deliver(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        answers: list[GateAnswer] = []
        for start in range(0, len(events), LINES_MAX):
            answers += await self._batch(events[start : start + LINES_MAX])
        return answers

    async def _batch(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        """Send one batch, again until every line is acknowledged."""
        while True:
            reply = await self._requests.send(
                "POST",
                f"{self._url}/batch",
                token=self._tokens[events[0].garage_id],
                body="\n".join(map(self._text, events)).encode(),
                content_type="application/x-ndjson",
            )
            lines = [json.loads(line) for line in reply.body.splitlines()] if reply.status == OK else []
            problems = [line["problem"] for line in lines if "problem" in line]
            if len(lines) == len(events) and not problems:
                return [_answer(line, reply.seconds) for line in lines]
            if any(problem["outcome"] == "definite" for problem in problems) or reply.status != OK:
                raise Defect(f"a batch was refused: {reply.body[:500].decode(errors='replace')}")


class LastingControllers(Gates):
    """Over a WebSocket or MQTT, one controller a garage."""

    def __init__(self, controllers: Mapping[GarageId, LastingController]) -> None:
        self._controllers = controllers

    @override
    async def until_known(self) -> None:
        """They connect when they are known, and repeat themselves until then."""

    @override
    async def report(self, event: GateEvent) -> GateAnswer:
        started = asyncio.get_running_loop().time()
        while True:
            line = await self._controllers[event.garage_id].ask(event)
            problem = line.get("problem")
            if problem is None:
                return _answer(line, asyncio.get_running_loop().time() - started)
            if problem["outcome"] == "definite":
                raise Defect(f"event {event.event_id} was refused: {problem}")
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    @override
    async def deliver(self, events: Sequence[GateEvent]) -> list[GateAnswer]:
        answers: list[GateAnswer] = []
        for start in range(0, len(events), UNDER_WAY_MAX):
            async with asyncio.TaskGroup() as tasks:
                asked = [
                    tasks.create_task(self.report(event)) for event in events[start : start + UNDER_WAY_MAX]
                ]
            answers += [one.result() for one in asked]
        return answers


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
