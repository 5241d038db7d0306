"""A camera's own list: the cars for which it opens by itself while nobody answers, each for a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["WhiteList"]


class WhiteList:
    """By plate number."""

    def __init__(self) -> None:
        self._spans: dict[str, tuple[datetime, datetime]] = {}

    def __len__(self) -> int:
        return len(self._spans)

    def put(self, number: str, since: datetime, until: datetime) -> None:
        """Have a car on it, from when to when."""
        self._spans[number] = since, until

    def drop(self, number: str) -> None:
        """Have a car off it, whether it was on it or not."""
        self._spans.pop(number, None)

    def opens_for(self, number: str, at: datetime) -> bool:
        """Whether a car is let pass at a moment."""
        since, until = self._spans.get(number, (at, at))
        return since <= at < until
