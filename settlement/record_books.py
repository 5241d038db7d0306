"""The port through which the biller books records."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from parking.ids import TariffVersionId
    from parking.journal import Record, Unreadable
    from parking.tariff import Tariff

__all__ = ["Booked", "RecordBooks", "Tariffs", "Unbookable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """How much was new: ``fresh`` records, and what they gave rise to."""

    fresh: int = 0
    bills: int = 0
    entries: int = 0
    charges_due: int = 0
    charges_unassigned: int = 0
    credit_notes: int = 0
    refunds: int = 0
    quarantined: int = 0
    coupons_used: int = 0
    coupons_freed: int = 0

    def __add__(self, other: Booked) -> Booked:
        sums = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        return Booked(**sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbookable:
    """A record that failed every time, and how."""

    record: Record | Unreadable
    detail: str


class Tariffs(Protocol):
    """The tariffs by which stays are priced."""

    async def of(self, version_ids: set[TariffVersionId]) -> Mapping[TariffVersionId, Tariff]:
        """Those of ``version_ids`` that are known."""
        ...


class RecordBooks(Protocol):
    """Where records are booked."""

    async def post(
        self, records: Sequence[Record], tariffs: Mapping[TariffVersionId, Tariff], now: datetime
    ) -> Booked:
        """Book ``records`` in their order, each exactly once however often it is given.

        What was booked before an error stays booked; repeating the call is always safe.
        """
        ...

    async def keep_aside(self, unbookable: Unbookable, now: datetime) -> None:
        """Archive the event as quarantined, and open an item for a person."""
        ...
