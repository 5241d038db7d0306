"""What the driver and the server say when they fail, in the words of :mod:`parking.errors`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import TimeoutError as NoReply

from parking.errors import Defect, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from parking.errors import LeaveFirstError

__all__ = ["refused", "translated", "wants_library"]

REFUSALS = (
    "LOADING",
    "READONLY",
    "MASTERDOWN",
    "MOVED",
    "CLUSTERDOWN",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "NOGROUP",
    "BUSY",
)
"""Error codes with which a server refuses before it has done anything."""
REFUSED = (
    AskError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MovedError,
    OutOfMemoryError,
    ReadOnlyError,
    TryAgainError,
)
"""The same where the driver has a class of its own and has taken the code out of the text."""


def wants_library(error: Exception) -> bool:
    """Whether the server does not know our functions (a new server, or ``FUNCTION FLUSH``)."""
    return isinstance(error, ResponseError) and "unction not found" in str(error)


def refused(error: Exception) -> bool:
    """Whether the server certainly did nothing."""
    text = str(error)
    # A pipeline puts the number and the name of the command before the server's own words.
    return (
        isinstance(error, REFUSED)
        or text.startswith(REFUSALS)
        or "NOGROUP No such key" in text
        or wants_library(error)
    )


def translated(error: Exception) -> LeaveFirstError:
    """The error for a caller; the driver's own stays behind as its cause."""
    if isinstance(error, RedisError) and refused(error):
        return Unavailable("the live store refuses commands now")
    if isinstance(error, LostConnection | NoReply | OSError | TimeoutError):
        return OutcomeUnknown("the connection to the live store ended before its answer")
    return Defect(f"the live store rejected a command: {type(error).__name__}: {error}")
