"""When to try again, and when to ask again.

Two lists of waiting times, read from configuration. ``retries`` follow a soft decline: the n-th is how
long to wait after the n-th attempt; when they are used up, the charge is given up and becomes a debt.
``questions`` follow a call whose outcome nobody here knows, or that the rail has only accepted: the n-th
is how long to wait before asking for the n-th time; when they are used up, a person is asked instead.
Asking often at first catches the usual case, a cut connection, while the driver still remembers the
exit; asking daily later outlasts a weekend's outage at the rail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from parking.errors import InvalidInput

__all__ = ["STANDARD", "Schedule"]

WAIT_MAX: Final = timedelta(days=31)
STEPS_MAX: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The waiting times; at least one question, and no wait above 31 days."""

    retries: tuple[timedelta, ...]
    questions: tuple[timedelta, ...]

    def __post_init__(self) -> None:
        if not self.questions:
            raise InvalidInput(
                "at least one question, or every doubt goes to a person at once", ("questions",)
            )
        for name, waits in (("retries", self.retries), ("questions", self.questions)):
            if len(waits) > STEPS_MAX:
                raise InvalidInput(f"at most {STEPS_MAX} waiting times", (name,))
            for place, wait in enumerate(waits):
                if not timedelta() < wait <= WAIT_MAX:
                    raise InvalidInput("a wait is above zero and at most 31 days", (f"{name}.{place}",))

    def retry_after(self, attempts: int) -> timedelta | None:
        """How long to wait after the ``attempts``-th attempt was declined; ``None``: no more attempts."""
        return self.retries[attempts - 1] if 0 < attempts <= len(self.retries) else None

    def ask_after(self, asked: int) -> timedelta | None:
        """How long to wait for the next question after ``asked`` questions; ``None``: ask a person."""
        return self.questions[asked] if 0 <= asked < len(self.questions) else None


STANDARD: Final = Schedule(
    retries=(
        timedelta(hours=2),
        timedelta(hours=10),
        timedelta(days=1),
        timedelta(days=1, hours=12),
        timedelta(days=2),
        timedelta(days=4),
        timedelta(days=5),
    ),
    questions=(
        timedelta(minutes=1),
        timedelta(minutes=5),
        timedelta(hours=1),
        *(timedelta(days=1),) * 5,
    ),
)
"""Eight attempts within fourteen days; eight questions within little more than five."""
