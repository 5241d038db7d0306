"""The retry schedule as a TOML file, read into :class:`~settlement.retry.Schedule`.

A wait is written as people say it: ``"36h"``. An error names the file, the place in it and the reason::

    retry.toml: questions.1: a wait is a whole number with its unit: s, min, h or d
"""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from parking.errors import InvalidInput
from settlement.retry import Schedule

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load_retry_schedule"]

UNITS: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
WAIT: Final = re.compile(r"(\d{1,7})(s|min|h|d)", re.ASCII)


def _wait(written: object) -> timedelta:
    found = WAIT.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError("a wait is a whole number with its unit: s, min, h or d")
    return int(found[1]) * UNITS[found[2]]


Wait = Annotated[timedelta, BeforeValidator(_wait)]


class RetryTable(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retries: tuple[Wait, ...]
    questions: tuple[Wait, ...]


def load_retry_schedule(path: Path) -> Schedule:
    """The schedule in a file; :class:`InvalidInput` names file, place and reason."""
    try:
        table = RetryTable.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return Schedule(retries=table.retries, questions=table.questions)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        places = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_input=False)]
        message = "; ".join(f"{place}: {reason}" for place, reason in places)
        raise InvalidInput(f"{path}: {message}", tuple(place for place, _ in places)) from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {', '.join(error.fields)}: {error}", error.fields) from error
    except ValueError as error:
        raise InvalidInput(f"{path}: not TOML in UTF-8: {error}") from error
