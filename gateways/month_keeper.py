"""Makes coming months' partitions ahead of time, and drops old archive, beside the work of settlement.

Bookings do not depend on it: rows of a month without a partition are kept all the same, and move there when
it is made. So whatever hinders it is said and tried again. A process that is not the owner of the books can
only say, once, that the owner has to do it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from parking.errors import Defect, DependencyError, NotPermitted
from settlement.books.migrate import owner_connection
from settlement.books.months import drop_archive, ensure_months

if TYPE_CHECKING:
    from parking.clock import Clock

__all__ = ["keep_months"]

log = structlog.get_logger()
EVERY_S: Final = 6 * 3600.0
RETRY_S: Final = 60.0


async def keep_months(
    dsn: str, clock: Clock, *, archive_months: int, every_s: float = EVERY_S, retry_s: float = RETRY_S
) -> None:
    """Make what is missing, and drop archive older than ``archive_months``, now and from time to time."""
    said = False
    while True:
        pause_s = retry_s
        try:
            async with owner_connection(dsn) as owner:
                busy = await ensure_months(owner, clock.now())
                dropped = await drop_archive(owner, clock.now(), months_kept=archive_months)
            if busy or dropped is None:
                log.info("months_in_use", months=busy, archive=dropped is None)
            else:
                pause_s = every_s
            if dropped:
                log.info("archive_dropped", months=dropped)
        except NotPermitted as error:
            pause_s = every_s
            if not said:
                log.warning(
                    "months_need_the_owner", error=str(error), let_the_owner_run="leave-first migrate"
                )
            said = True
        except (DependencyError, Defect) as error:
            log.warning("months_not_made", error=str(error))
        await asyncio.sleep(pause_s)
