"""What a garage charges, as one immutable version of its price list.

A tariff counts elapsed time from entry: free minutes, a first tier, then blocks, and a cap for every
24 hours, after which tier and cap begin anew and the free minutes do not. Every started block is paid
in full; a block still running when the 24 hours end is cut there.

A version's id is a hash of its content, so that a bill can say for ever by what it was priced, and a
changed price can never hide behind an old id. Fields that are not set stay out of the hash: a later
release with more to say about prices leaves the ids of today's tariffs as they are.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from enum import StrEnum, unique
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from parking.clock import to_ms
from parking.errors import InvalidInput
from parking.ids import TariffVersionId

if TYPE_CHECKING:
    from datetime import datetime

__all__ = [
    "DAY_MINUTES",
    "PRICE_MAX_FEN",
    "FirstTier",
    "FreeRule",
    "Rate",
    "Tariff",
    "TariffSchedule",
    "TariffVersion",
    "version_id_of",
]

DAY_MINUTES = 24 * 60
PRICE_MAX_FEN = 1_000_000
"""10,000 yuan; a block or a cap above it is a slip of the pen."""
TARIFF_ID = re.compile("[a-z0-9][a-z0-9-]{0,39}")


@unique
class FreeRule(StrEnum):
    """What a stay longer than the free minutes pays for; cities differ."""

    PAY_ALL = "pay_all"
    """From entry, as if nothing had been free."""
    ONLY_REST = "only_rest"
    """From the end of the free minutes; tier and blocks are counted from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A price for every started block."""

    block_minutes: int
    block_price_fen: int

    def __post_init__(self) -> None:
        _check_block(self.block_minutes, self.block_price_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTier:
    """Another rate for the first ``minutes`` of every 24 hours: whole blocks, so that none crosses."""

    minutes: int
    block_minutes: int
    block_price_fen: int

    def __post_init__(self) -> None:
        _check_block(self.block_minutes, self.block_price_fen)
        if not 0 < self.minutes <= DAY_MINUTES:
            raise InvalidInput(f"1 to {DAY_MINUTES} minutes", ("minutes",))
        if self.minutes % self.block_minutes:
            raise InvalidInput("not a whole number of the tier's blocks", ("minutes",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One version of a price list; ``cap_fen`` is the most that 24 hours from entry can cost."""

    tariff_id: str
    name: str
    then: Rate
    first: FirstTier | None = None
    cap_fen: int | None = None
    free_minutes: int = 0
    free_rule: FreeRule = FreeRule.PAY_ALL
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not TARIFF_ID.fullmatch(self.tariff_id):
            raise InvalidInput("small letters, digits and hyphens, at most 40", ("tariff_id",))
        if not 0 <= self.free_minutes <= DAY_MINUTES:
            raise InvalidInput(f"0 to {DAY_MINUTES} minutes", ("free_minutes",))
        if self.currency != "CNY":
            raise InvalidInput("the only currency is CNY", ("currency",))
        self._check_cap()
        _check_zone(self.zone)

    def _check_cap(self) -> None:
        if self.cap_fen is None:
            return
        if not 0 < self.cap_fen <= PRICE_MAX_FEN:
            raise InvalidInput(f"1 to {PRICE_MAX_FEN} fen, or left out", ("cap_fen",))
        dearest_fen = max(rate.block_price_fen for rate in (self.first, self.then) if rate is not None)
        if self.cap_fen < dearest_fen:
            raise InvalidInput(f"below the price of a single block, {dearest_fen} fen", ("cap_fen",))


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffVersion:
    """A tariff and the moment from which it prices new arrivals."""

    in_force_from: datetime
    tariff: Tariff

    def __post_init__(self) -> None:
        if self.in_force_from.tzinfo is None:
            raise InvalidInput("needs an offset", ("in_force_from",))


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

    def version(self, version_id: TariffVersionId) -> Tariff | None:
        """The tariff with this id, in force or not."""
        for version in self.versions:
            if version_id_of(version.tariff) == version_id:
                return version.tariff
        return None


@lru_cache(maxsize=4096)
def version_id_of(tariff: Tariff) -> TariffVersionId:
    """``<tariff id>@<12 hex digits over the whole content>``; equal content, equal id, everywhere."""
    content = asdict(tariff, dict_factory=_without_none)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    digest = blake2b(canonical.encode(), digest_size=6).hexdigest()
    return TariffVersionId(f"{tariff.tariff_id}@{digest}")


def _without_none(fields: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value for name, value in fields if value is not None}


def _check_block(minutes: int, price_fen: int) -> None:
    if not 0 < minutes <= DAY_MINUTES:
        raise InvalidInput(f"1 to {DAY_MINUTES} minutes", ("block_minutes",))
    if not 0 <= price_fen <= PRICE_MAX_FEN:
        raise InvalidInput(f"0 to {PRICE_MAX_FEN} fen", ("block_price_fen",))


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("not a time zone of the tz database", ("zone",)) from None
