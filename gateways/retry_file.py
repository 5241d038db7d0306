"""The retry schedule as a TOML file, read into :class:`~settlement.retry.Schedule`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.toml_file import Table, Wait, reading
from settlement.retry import Schedule

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_retry_schedule"]


class RetryTable(Table):
    """The whole file."""

    retries: tuple[Wait, ...]
    questions: tuple[Wait, ...]


def load_retry_schedule(path: Path) -> Schedule:
    """The schedule in a file; :class:`InvalidInput` names file, place and reason."""
    with reading(path) as content:
        table = RetryTable.model_validate(content)
        return Schedule(retries=table.retries, questions=table.questions)
