"""What is known of the passwords of devices: told by one gate process to all, and to those that come later.

Devices lock an account after a few wrong passwords, whoever tries them. So a password of which nothing is
known is tried by one process, and the others wait a moment for what it learns.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from parking.live.keys import login_key

if TYPE_CHECKING:
    from parking.live.batching import BatchingConnection

__all__ = ["LoginState", "begin_login", "note_login"]

TRIED_MS: Final = 1_500
"""How long the others wait for a process that tries a password; they may stand before a barrier."""
KEPT_MS: Final = 30 * 24 * 3600 * 1000
"""After a month a refused password is tried once more, which locks nothing."""


@unique
class LoginState(StrEnum):
    """What is known of one stored password of one device."""

    TRIED = "tried"
    TAKEN = "taken"
    REFUSED = "refused"


async def begin_login(live: BatchingConnection, login: str, process: str) -> LoginState | None:
    """What is known of it, or that another process tries it now; ``None`` when this one may."""
    tried = f"{LoginState.TRIED}:{process}"
    known = await live.call("SET", login_key(login), tried, "NX", "GET", "PX", TRIED_MS)
    if known is None or known == tried.encode():
        return None
    word = known.partition(b":")[0].decode(errors="replace")
    return next((one for one in LoginState if one == word), None)


async def note_login(live: BatchingConnection, login: str, state: LoginState) -> None:
    """Say what was learned."""
    await live.call("SET", login_key(login), state, "PX", KEPT_MS)
