"""One deadline for many short waits.

All waits of a gatehouse may last equally long, so they end in the order in which they began: a queue and
one timer do what a timer for each would do, and a wait that ends in time costs next to nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["Deadline", "Deadlines", "until"]


class Deadlines:
    """Hands out waits of ``after_s`` seconds each."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._loop = asyncio.get_running_loop()
        self._waits: deque[Deadline] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """A context within which the current task may wait so long; then :class:`TimeoutError`."""
        task = asyncio.current_task(self._loop)
        if task is None:
            raise RuntimeError("a deadline belongs to a task")
        due = self._loop.time() + self._after_s
        wait = Deadline(task, due)
        waits = self._waits
        while waits and waits[0].over:
            waits.popleft()
        waits.append(wait)
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._ring)
        return wait

    def _ring(self) -> None:
        """End what is overdue, forget what is over, and wait for the oldest of the rest."""
        self._timer = None
        now = self._loop.time()
        while self._waits:
            oldest = self._waits[0]
            if not oldest.over and oldest.due > now:
                self._timer = self._loop.call_at(oldest.due, self._ring)
                return
            self._waits.popleft().expire()


class Deadline:
    """One wait, as ``with deadlines.begin():``."""

    __slots__ = ("_cancelling", "_expired", "_task", "due", "over")

    def __init__(self, task: asyncio.Task[object], due: float) -> None:
        self._task = task
        self._cancelling = task.cancelling()
        self._expired = False
        self.due = due
        self.over = False

    def expire(self) -> None:
        """Interrupt the task, unless its wait is over."""
        if not self.over:
            self._expired = True
            self._task.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over = True
        if not self._expired:
            return
        # A cancellation from elsewhere at the same moment is not ours to swallow.
        if self._task.uncancel() <= self._cancelling and isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error


@contextmanager
def until(due: float) -> Iterator[None]:
    """A wait that ends at a moment of the loop's time, one of several that together must not take longer."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("a deadline belongs to a task")
    if loop.time() >= due:
        raise TimeoutError
    wait = Deadline(task, due)
    timer = loop.call_at(due, wait.expire)
    try:
        with wait:
            yield
    finally:
        timer.cancel()
