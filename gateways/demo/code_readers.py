"""Readers of codes at the lanes, for cars without a plate.

They are controllers of the garage's own making, whatever its cameras are. A driver holds a token before he
comes in, from the lane or from his app, and shows the same one when he leaves.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from gateways.demo.controllers import OK, Controllers
from gateways.devices.native_event import event_text
from parking.errors import Defect
from parking.stay_token import read_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateways.demo.office import Office
    from gateways.demo.requests import Requests
    from gateways.demo.steps import TakeToken
    from parking.event import GateEvent
    from parking.ids import GarageId
    from parking.stay_token import StayToken

__all__ = ["CodeReaders"]


class CodeReaders(Controllers):
    """One controller a garage, at all of its lanes."""

    def __init__(self, requests: Requests, gate_url: str, tokens: Mapping[GarageId, str]) -> None:
        super().__init__(requests, gate_url, tokens)
        self._gate_url = gate_url
        self._held: dict[tuple[GarageId, str], StayToken] = {}
        """By what the plan calls the car."""
        self._shown: dict[str, StayToken] = {}

    def is_for(self, event: GateEvent) -> bool:
        """Whether the car of an event comes and goes by a token."""
        return bool(event.token_digest) or (event.garage_id, event.plate.number) in self._held

    async def hand_out(self, act: TakeToken, office: Office) -> None:
        """A driver gets a token before he comes in."""
        event = act.event
        if act.account_id is None:
            self._hand(event, await self._draw(event))
        else:
            self._hand(event, await office.app_token(act.account_id, event.garage_id))

    async def replace(self, event: GateEvent, office: Office) -> bool:
        """A driver gets another token than the one that he came in by; False when nobody finds his entry."""
        token = await office.replaced_token(event)
        if token is not None:
            self._hand(event, token)
        return token is not None

    async def _draw(self, event: GateEvent) -> str:
        reply = await self._requests.send(
            "POST",
            f"{self._gate_url}/v1/garages/{event.garage_id}/stay-tokens",
            token=self._tokens[event.garage_id],
            body=b"{}",
            content_type="application/json",
        )
        if reply.status != OK:
            raise Defect(f"the lane of {event.event_id} has no token: {reply.body.decode(errors='replace')}")
        (token,) = json.loads(reply.body)["tokens"]
        return str(token)

    def _hand(self, event: GateEvent, text: str) -> None:
        token = read_token(text)
        self._held[event.garage_id, event.plate.number] = self._shown[token.digest] = token

    @override
    def told(self, event: GateEvent) -> GateEvent:
        if event.token_digest:
            return event
        token = self._held[event.garage_id, event.plate.number]
        return replace(event, plate=token.plate, token_digest=token.digest)

    @override
    def _text(self, event: GateEvent) -> str:
        return event_text(event, self._shown[event.token_digest].text)
