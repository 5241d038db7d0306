"""What is known of the passwords of devices: told by one gate process to all, and to those that come later.

Devices lock an account after a few wrong passwords, whoever tries them. So a password that nobody knows of is
tried by one process, and the others wait for what it learns.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from parking.live.keys import login_key

if TYPE_CHECKING:
    from parking.live.batching import BatchingConnection

__all__ = ["LoginState", "begin_login", "forget_login", "note_login"]

TRIED_MS: Final = 10_000
"""How long a process that died while it tried a password is waited for."""
KEPT_MS: Final = 30 * 24 * 3600 * 1000
"""After a month a refused password is tried once more, which locks nothing."""


@unique
class LoginState(StrEnum):
    """What is known of one stored password of one device."""

    TRIED = "tried"
    TAKEN = "taken"
    REFUSED = "refused"


async def begin_login(live: BatchingConnection, login: str) -> LoginState | None:
    """What is known of it; where that is nothing, the caller alone is to try it, and to tell."""
    known = await live.call("SET", login_key(login), LoginState.TRIED, "NX", "GET", "PX", TRIED_MS)
    return None if known is None else LoginState(known.decode())


async def note_login(live: BatchingConnection, login: str, state: LoginState) -> None:
    """Say what was learned."""
    await live.call("SET", login_key(login), state, "PX", KEPT_MS)


async def forget_login(live: BatchingConnection, login: str) -> None:
    """Nothing was learned: whoever comes next tries it."""
    await live.call("DEL", login_key(login))
