"""The tree of errors that callers can meet.

::

    LeaveFirstError
    ├── CallerError                the caller's fault: repeating it as it is cannot help
    │   ├── InvalidInput           a field is wrong
    │   ├── NotAuthenticated       no valid token
    │   ├── NotPermitted           a valid token for something else
    │   ├── NotFound               the thing named does not exist
    │   └── Conflict               it contradicts what is already recorded
    ├── DependencyError            a store or a rail could not do its part
    │   ├── Unavailable            nothing happened: repeat it later
    │   ├── Busy                   a bounded queue is full: repeat it later
    │   └── OutcomeUnknown         it may have happened: ask, or repeat under the same key
    └── Defect                     ours: an invariant does not hold

Every member names its :class:`Outcome`, so that whoever answers can say whether repeating helps.
"""

from __future__ import annotations

from enum import StrEnum, unique
from typing import ClassVar

__all__ = [
    "Busy",
    "CallerError",
    "Conflict",
    "Defect",
    "DependencyError",
    "InvalidInput",
    "LeaveFirstError",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "Outcome",
    "OutcomeUnknown",
    "Unavailable",
]


@unique
class Outcome(StrEnum):
    """What the caller knows after an error, and so what it may do."""

    DEFINITE = "definite"
    """It did not happen and will not: do not repeat it unchanged."""
    RETRYABLE = "retryable"
    """It did not happen: repeat it later."""
    UNKNOWN = "unknown"
    """It may have happened: ask, or repeat it under the same key."""


class LeaveFirstError(Exception):
    """The root; ``str()`` of it is a sentence for a person and holds no personal data."""

    outcome: ClassVar[Outcome] = Outcome.DEFINITE


class CallerError(LeaveFirstError):
    """The caller's fault."""


class InvalidInput(CallerError):
    """A value is not acceptable; ``fields`` names the offending ones, as paths."""

    def __init__(self, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.fields = fields


class NotAuthenticated(CallerError):
    """No token, or one that is not known."""


class NotPermitted(CallerError):
    """The token is valid, but not for this."""


class NotFound(CallerError):
    """What the caller names does not exist."""


class Conflict(CallerError):
    """It contradicts what is already recorded."""


class DependencyError(LeaveFirstError):
    """A store or a rail could not do its part."""

    outcome: ClassVar[Outcome] = Outcome.RETRYABLE


class Unavailable(DependencyError):
    """The dependency cannot be reached; nothing happened."""


class Busy(DependencyError):
    """A bounded queue is full; nothing happened."""


class OutcomeUnknown(DependencyError):
    """The connection ended after the request was sent; it may have happened."""

    outcome: ClassVar[Outcome] = Outcome.UNKNOWN


class Defect(LeaveFirstError):
    """An invariant of ours does not hold; never the caller's fault."""

    outcome: ClassVar[Outcome] = Outcome.UNKNOWN
