"""A place in a list, as an opaque text: the moment and the id of the last row of a page."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from parking.errors import InvalidInput

__all__ = ["read_cursor", "write_cursor"]


def write_cursor(moment: datetime, row_id: str) -> str:
    """The text."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {row_id}".encode()).decode()


def read_cursor(text: str) -> tuple[datetime, str]:
    """The inverse; :class:`InvalidInput` for another text."""
    try:
        moment, _, row_id = (
            base64.b64decode(text.encode(), altchars=b"-_", validate=True).decode().partition(" ")
        )
        parsed = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError):
        raise InvalidInput("not the cursor of a page", ("cursor",)) from None
    if parsed.tzinfo is None or not row_id:
        raise InvalidInput("not the cursor of a page", ("cursor",))
    return parsed, row_id
