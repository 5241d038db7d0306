"""Ids that callers choose and write into a path."""

from __future__ import annotations

import re
from typing import Final

from parking.errors import InvalidInput

__all__ = ["new_id"]

FORM: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def new_id(text: str, name: str) -> str:
    """The id for something new; raises :class:`InvalidInput`, naming the field ``name``."""
    if not FORM.fullmatch(text):
        raise InvalidInput("letters, digits, dots, hyphens and underscores, at most 64", (name,))
    return text
