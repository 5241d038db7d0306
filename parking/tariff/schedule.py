"""Which version of a price list is in force when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from parking.clock import to_ms
from parking.errors import InvalidInput
from parking.ids import TariffVersionId
from parking.tariff.price_list import Tariff, version_id_of

__all__ = ["TariffSchedule", "TariffVersion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffVersion:
    """A tariff and the moment from which it prices new arrivals."""

    in_force_from: datetime
    tariff: Tariff
    version_id: TariffVersionId = field(init=False, repr=False, compare=False)
    """That of the tariff, worked out once: every exit looks for the one that its session names."""

    def __post_init__(self) -> None:
        if self.in_force_from.tzinfo is None:
            raise InvalidInput("needs an offset", ("in_force_from",))
        object.__setattr__(self, "version_id", version_id_of(self.tariff))


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffSchedule:
    """The versions of a garage's price list, oldest first; there is always one in force."""

    versions: tuple[TariffVersion, ...]

    def __post_init__(self) -> None:
        if not self.versions:
            raise InvalidInput("at least one version", ("versions",))
        starts = [to_ms(version.in_force_from) for version in self.versions]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise InvalidInput("each version begins after the one before it", ("versions",))

    def in_force(self, entered_at: datetime) -> Tariff:
        """The tariff that prices a stay begun at ``entered_at``.

        Vehicles that came before the first version pay by the first: nothing older is known.
        """
        entered_ms = to_ms(entered_at)
        for version in reversed(self.versions):
            if to_ms(version.in_force_from) <= entered_ms:
                return version.tariff
        return self.versions[0].tariff

    def after(self, entered_at: datetime) -> tuple[TariffVersion, ...]:
        """The versions that came into force after ``entered_at``, oldest first."""
        entered_ms = to_ms(entered_at)
        return tuple(version for version in self.versions if to_ms(version.in_force_from) > entered_ms)

    def version(self, version_id: TariffVersionId) -> Tariff | None:
        """The tariff with this id, in force or not."""
        for version in self.versions:
            if version.version_id == version_id:
                return version.tariff
        return None
