"""Turns what the driver raises into the errors that the rest of the program knows.

Constraints are recognised by name, never by message. A connection lost while a statement was under way
is an unknown outcome: the statement may have been committed, so it is repeated under the same keys or
asked about, and never taken for a failure.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg

from parking.errors import Conflict, Defect, InvalidInput, NotFound, NotPermitted, OutcomeUnknown, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parking.errors import LeaveFirstError

__all__ = ["opening", "reaching", "translated"]

CONFLICTS: Final[dict[str, str]] = {
    "account_pkey": "this account already exists",
    "account_plate_is_bound_once": "this plate is already bound to an account",
    "agreement_pkey": "this agreement is already recorded",
    "agreement_rank_is_unique": "the account already has an agreement of this rank",
    "garage_pkey": "this garage already exists",
    "garage_id_is_unique": "this garage already exists",
    "prepayment_is_booked_once": "this prepayment is already booked",
    "access_token_pkey": "this token already exists",
    "correction_is_made_once": "this correction is already booked",
    "correction_once_per_bill": "somebody else corrects this bill now",
    "pass_place_holds_one_car": "somebody else takes this place now",
}
"""Constraints that a caller can run into, and what to tell him."""

MISSING: Final[dict[str, str]] = {
    "account_plate_account_id_fkey": "there is no such account",
    "agreement_account_id_fkey": "there is no such account",
    "access_token_garage_id_fkey": "there is no such garage",
    "lane_of_garage": "there is no such garage",
    "tariff_of_garage": "there is no such garage",
    "block_garage_id_fkey": "there is no such garage",
    "block_account_id_fkey": "there is no such account",
    "merchant_of_garage": "there is no such garage",
    "coupon_template_of_merchant": "there is no such merchant",
    "merchant_payment_of_merchant": "there is no such merchant",
    "exemption_garage_id_fkey": "there is no such garage",
    "pass_garage_id_fkey": "there is no such garage",
    "pass_account_id_fkey": "there is no such account",
}
"""Foreign keys that a caller can run into."""

ROLLED_BACK = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
    asyncpg.CannotConnectNowError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""The server says that the statement had no effect and may be repeated."""

CUT_OFF = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""The connection ended, or was given up, while the statement was under way."""

REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidParameterValueError,
    asyncpg.InvalidCatalogNameError,
)
"""The server was reached and will not have this user, not in the role asked for, or has no such database."""

NOT_RUN = (asyncpg.SyntaxOrAccessError, asyncpg.InterfaceError)
"""The statement itself is refused, whatever its data: a right, a table or a column is not there."""

NOT_DATA = (asyncpg.InterfaceError, asyncpg.PostgresError)


@contextmanager
def translated() -> Iterator[None]:
    """Around statements: driver errors leave as errors of :mod:`parking.errors`."""
    try:
        yield
    except CUT_OFF as error:
        raise OutcomeUnknown("the connection to the books ended before the answer") from error
    except NOT_DATA as error:
        raise _failure_of(error) from error


@contextmanager
def reaching() -> Iterator[None]:
    """Around getting a connection: whatever goes wrong, nothing has happened yet."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise Unavailable(f"the books cannot be reached: {type(error).__name__}") from error


@contextmanager
def opening() -> Iterator[None]:
    """Around the first connection of a process: like :func:`reaching`, but a refusal is told as one.

    So is an address that can be no database's. Later a refusal is waited out like an absence: work that was
    going on must not be thrown away for it.
    """
    try:
        with reaching():
            yield
    except ValueError:
        # The driver's own words may hold a piece of the password.
        raise InvalidInput("postgres_dsn: not the address of a database", ("postgres_dsn",)) from None
    except Unavailable as error:
        cause = error.__cause__
        if isinstance(cause, asyncpg.ClientConfigurationError):
            raise InvalidInput("postgres_dsn: not the address of a database", ("postgres_dsn",)) from cause
        if isinstance(cause, REFUSED):
            raise NotPermitted(f"the books refuse us: {cause}") from cause
        raise


def _failure_of(error: asyncpg.PostgresError | asyncpg.InterfaceError) -> LeaveFirstError:
    if isinstance(error, ROLLED_BACK):
        return Unavailable(f"the books could not do it now: {type(error).__name__}")
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return _broken(error.constraint_name or "without a name")
    if isinstance(error, asyncpg.DataError | ValueError):
        return InvalidInput(f"a value that the books cannot hold: {type(error).__name__}")
    if isinstance(error, asyncpg.InterfaceError) and "closed" in str(error):
        return OutcomeUnknown("the connection to the books was closed")
    if isinstance(error, NOT_RUN):
        return Unavailable(f"the books cannot run a statement of ours: {type(error).__name__}")
    return Defect(f"the books refused a statement: {type(error).__name__}")


def _broken(constraint: str) -> LeaveFirstError:
    """The error for a broken constraint: the caller's when its name is listed, ours otherwise."""
    if constraint in CONFLICTS:
        return Conflict(CONFLICTS[constraint])
    if constraint in MISSING:
        return NotFound(MISSING[constraint])
    return Defect(f"the books refused a row: constraint {constraint}")
