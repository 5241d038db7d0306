"""What a lane must know of a driver who owes: how strict to be, how much it is, and how to pay it.

Settlement decides it and leaves it in the garage's partition of the live store: for a car inside beside its
grant, for one that may come among the garage's debtors. A lane asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique

__all__ = ["DebtNotice", "Measure"]


@unique
class Measure(StrEnum):
    """What a barrier does for a debtor, the mildest first."""

    IGNORE = "ignore"
    WARN = "warn"
    """It opens, and says what is owed."""
    ATTENDANT = "attendant"
    """It stays shut until an attendant has let the car pass, or the debt is paid."""
    PAY = "pay"
    """It stays shut until the debt is paid."""

    @property
    def holds(self) -> bool:
        """Whether the barrier stays shut."""
        return self in {Measure.ATTENDANT, Measure.PAY}

    @property
    def strictness(self) -> int:
        """For comparing measures: the stricter, the higher."""
        return list(Measure).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class DebtNotice:
    """``owed_fen`` (> 0) is due by ``reference``, which names the bills; one measure for each direction."""

    entry: Measure
    exit: Measure
    owed_fen: int
    reference: str
