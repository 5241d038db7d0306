"""Tokens for cars without a plate, issued to the lanes that show or print them.

``POST /v1/garages/{garage}/stay-tokens`` draws some. A lane that keeps a few ahead can give one out, and
report the entry later, while it is cut off. A driver's app gets one from the operator API instead; both are
the same to a lane.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateways.web.problems import invalid
from gateways.web.ready import ReadyJson
from parking.errors import NotPermitted
from parking.ids import GarageId
from parking.stay_token import draw_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from parking.catalog import Controller
    from parking.clock import Clock
    from parking.live.sessions import Sessions

__all__ = ["STAY_TOKENS", "StayTokens", "StayTokensIn", "StayTokensOut"]

STAY_TOKENS: Final = re.compile(r"/v1/garages/([A-Za-z0-9][A-Za-z0-9._-]{0,63})/stay-tokens")


class StayTokensIn(BaseModel):
    """How many, and for how long an entry may use them."""

    model_config = ConfigDict(extra="forbid", strict=True)

    count: Annotated[int, Field(ge=1, le=20)] = 1
    valid_minutes: Annotated[int, Field(ge=1, le=1440)] = 30


class StayTokensOut(BaseModel):
    """Each is for one car, and one stay that begins before ``expires_at``; nobody can tell them again."""

    tokens: list[str]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StayTokens:
    """The end point; ``draw_bytes`` draws that many random bytes."""

    sessions: Sessions
    clock: Clock
    draw_bytes: Callable[[int], bytes]

    async def issue(self, garage_id: GarageId, controller: Controller, body: bytes) -> ReadyJson:
        """Issue what the body asks for to a lane of the garage."""
        if controller.garage_id != garage_id:
            raise NotPermitted("this token does not speak for that garage")
        try:
            wanted = StayTokensIn.model_validate_json(body)
        except ValidationError as error:
            raise invalid(error) from None
        now = self.clock.now()
        until = now + timedelta(minutes=wanted.valid_minutes)
        tokens = [draw_token(self.draw_bytes) for _ in range(wanted.count)]
        await self.sessions.issue_tokens(garage_id, tokens, now=now, until=until)
        answer = StayTokensOut(tokens=[one.text for one in tokens], expires_at=until)
        return ReadyJson(answer.model_dump_json())
