"""Files of choices in TOML, read strictly.

An error names the file, the place in it and the reason::

    retry.toml: questions.1: a wait is a whole number with its unit: s, min, h or d

A wait is written as people say it: ``"36h"``.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from parking.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Table", "Wait", "reading"]

UNITS: Final = {
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
FILE_BYTES_MAX: Final = 1_048_576
"""People write these files; a longer one is another file."""
WAIT: Final = re.compile(r"(\d{1,7})(s|min|h|d)", re.ASCII)


def _wait(written: object) -> timedelta:
    found = WAIT.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise ValueError("a wait is a whole number with its unit: s, min, h or d")
    return int(found[1]) * UNITS[found[2]]


Wait = Annotated[timedelta, BeforeValidator(_wait)]


class Table(BaseModel):
    """A TOML table without unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def dotted(location: tuple[int | str, ...]) -> str:
    """A place in flat tables."""
    return ".".join(map(str, location))


def _content(path: Path) -> dict[str, Any]:
    """Without the mark that some editors put before a text in UTF-8."""
    with path.open("rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    if len(raw) > FILE_BYTES_MAX:
        raise InvalidInput(f"longer than {FILE_BYTES_MAX} bytes", ("file",))
    return tomllib.loads(raw.decode("utf-8-sig"))


@contextmanager
def reading(
    path: Path, *, place_of: Callable[[tuple[int | str, ...]], str] = dotted
) -> Iterator[dict[str, Any]]:
    """The content of a file; whatever is wrong with it inside is an :class:`InvalidInput` that says where.

    ``place_of`` writes a place as the readers of such a file do.
    """
    try:
        yield _content(path)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError:
        raise InvalidInput(f"{path}: not TOML in UTF-8: nested too deeply") from None
    except ValidationError as error:
        places = [(place_of(one["loc"]), one["msg"]) for one in error.errors(include_input=False)]
        message = "; ".join(f"{place}: {reason}" for place, reason in places)
        raise InvalidInput(f"{path}: {message}", tuple(place for place, _ in places)) from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {', '.join(error.fields)}: {error}", error.fields) from error
    except ValueError as error:
        raise InvalidInput(f"{path}: not TOML in UTF-8: {error}") from error
