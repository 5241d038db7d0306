"""How long to wait before something that died is started again."""

from __future__ import annotations

__all__ = ["Backoff"]

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 10.0
PROVEN_SECONDS = 30.0


class Backoff:
    """Doubles from 0.2 s to 10 s; begins anew after a run that lasted."""

    def __init__(self) -> None:
        self._next = FIRST_SECONDS

    def delay_after(self, up_seconds: float) -> float:
        """Seconds to wait after a run of ``up_seconds``."""
        if up_seconds >= PROVEN_SECONDS:
            self._next = FIRST_SECONDS
        delay = self._next
        self._next = min(delay * 2, LONGEST_SECONDS)
        return delay
