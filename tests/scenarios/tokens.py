"""Tokens as the tables write them: ``T1`` and ``T2`` are two cars', ``T1+`` is another one of the first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from parking.stay_token import StayToken

if TYPE_CHECKING:
    from parking.event import GateEvent

__all__ = ["is_token", "showing", "token_of"]


def is_token(word: str) -> bool:
    """Whether a table's word names a token and no plate."""
    return word[:1] == "T" and word[1:2].isdigit()


def token_of(word: str) -> StayToken:
    """The token that a word stands for."""
    name = word.rstrip("+")
    return StayToken(name=name.rjust(15, "0"), secret=str(len(word) - len(name)) * 20)


def showing(event: GateEvent, token: StayToken) -> GateEvent:
    """The event of a car without a plate, whose driver shows this token."""
    return replace(event, plate=token.plate, confidence=1.0, token_digest=token.digest)
