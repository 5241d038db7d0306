"""Reads scenario tables: text that people who know parking can check.

A file holds scenarios. Each begins with ``== title``, may set the garage's policy with ``policy
name=value …``, and goes on with one line a step::

    08:00  in-1   entry    浙A12345             -> open entry                | applied entered
    09:20  out-1  exit     浙A12345             -> open everyone fee=1200    | applied left v1
    09:20  -      again                         -> open everyone … replayed  | nothing

Before the arrow: when the gate's message arrives, its lane, what happened, the plate and options. After it:
the answer, then what the journal got, or ``nothing``, which also means that the whole store stayed as it was.
Events are called e1, e2, … in the order of the lines, so that expectations can name them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Scenario", "Step", "read_scenarios"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line; ``answer`` and ``journal`` are the expected words."""

    line: int
    time: str
    lane: str
    act: str
    plate: str
    options: dict[str, str]
    answer: list[str]
    journal: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One story."""

    title: str
    policy: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)


def read_scenarios(path: Path) -> list[Scenario]:
    """The scenarios of a file; raises ``ValueError`` for a line that is none."""
    scenarios: list[Scenario] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        if line.startswith("=="):
            scenarios.append(Scenario(title=line.removeprefix("==").strip()))
        elif line.startswith("policy "):
            scenarios[-1].policy.update(_options(line.split()[1:]))
        elif not line.startswith("time "):
            scenarios[-1].steps.append(_step(number, line))
    return scenarios


def _step(number: int, line: str) -> Step:
    given, arrow, expected = line.partition("->")
    answer, bar, journal = expected.partition("|")
    if not arrow or not bar:
        raise ValueError(f"line {number}: needs '->' and '|'")
    time, lane, act, *rest = given.split()
    plate = rest.pop(0) if rest and "=" not in rest[0] else ""
    return Step(
        line=number,
        time=time,
        lane=lane,
        act=act,
        plate=plate,
        options=_options(rest),
        answer=answer.split(),
        journal=journal.split(),
    )


def _options(words: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (word.partition("=") for word in words)}
