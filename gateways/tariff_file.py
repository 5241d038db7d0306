"""Price lists as TOML files, read into :class:`~parking.tariff.TariffSchedule`.

Shape and types are checked here, strictly and with no field unknown; what makes a possible price is the
tariff's own business. Either way the error names the file, the place in it and the reason::

    office.toml: versions.0.then.block_minutes: 1 to 1440 minutes
"""

from __future__ import annotations

import tomllib
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parking.clock import from_ms
from parking.errors import InvalidInput
from parking.tariff import FirstTier, FreeRule, Rate, Tariff, TariffSchedule, TariffVersion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["load_schedule", "load_schedules"]

WHOLE_FILE = frozenset({"tariff_id", "name", "currency", "zone"})
"""Fields that stand at the top of the file and not in a version."""


class Table(BaseModel):
    """A TOML table: exact types, no unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RateTable(Table):
    """``[versions.then]``."""

    block_minutes: int
    block_price_fen: int


class FirstTierTable(Table):
    """``[versions.first]``."""

    minutes: int
    block_minutes: int
    block_price_fen: int


class VersionTable(Table):
    """``[[versions]]``; ``in_force_from`` may be missing from the first."""

    in_force_from: datetime | None = None
    free_minutes: int = 0
    free_rule: FreeRule = Field(default=FreeRule.PAY_ALL, strict=False)
    cap_fen: int | None = None
    first: FirstTierTable | None = None
    then: RateTable


class TariffTable(Table):
    """The whole file."""

    tariff_id: str
    name: str
    currency: str = "CNY"
    zone: str = "Asia/Shanghai"
    versions: list[VersionTable]


def load_schedule(path: Path) -> TariffSchedule:
    """The price list in a file; :class:`InvalidInput` names file, place and reason."""
    try:
        table = TariffTable.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return _schedule(table)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        places = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors(include_input=False)]
        message = "; ".join(f"{place}: {reason}" for place, reason in places)
        raise InvalidInput(f"{path}: {message}", tuple(place for place, _ in places)) from None
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {', '.join(error.fields)}: {error}", error.fields) from error
    except ValueError as error:
        raise InvalidInput(f"{path}: not TOML in UTF-8: {error}") from error


def load_schedules(folder: Path) -> dict[str, TariffSchedule]:
    """Every ``*.toml`` of a folder, by tariff id; two files with one id are an error."""
    schedules: dict[str, TariffSchedule] = {}
    for path in sorted(folder.glob("*.toml")):
        schedule = load_schedule(path)
        tariff_id = schedule.versions[0].tariff.tariff_id
        if tariff_id in schedules:
            raise InvalidInput(f"{path}: tariff_id: {tariff_id} is taken by another file", ("tariff_id",))
        schedules[tariff_id] = schedule
    return schedules


def _schedule(table: TariffTable) -> TariffSchedule:
    if not table.versions:
        raise InvalidInput("at least one version", ("versions",))
    return TariffSchedule(
        versions=tuple(_version(table, place, version) for place, version in enumerate(table.versions))
    )


def _version(table: TariffTable, place: int, version: VersionTable) -> TariffVersion:
    with _within(f"versions.{place}"):
        if version.in_force_from is None and place > 0:
            raise InvalidInput("only the first version may leave it out", ("in_force_from",))
        with _within("then"):
            then = Rate(**dict(version.then))
        with _within("first"):
            first = FirstTier(**dict(version.first)) if version.first is not None else None
    with _within(f"versions.{place}", but=WHOLE_FILE):
        tariff = Tariff(
            tariff_id=table.tariff_id,
            name=table.name,
            currency=table.currency,
            zone=table.zone,
            then=then,
            first=first,
            cap_fen=version.cap_fen,
            free_minutes=version.free_minutes,
            free_rule=version.free_rule,
        )
        return TariffVersion(in_force_from=version.in_force_from or from_ms(0), tariff=tariff)


@contextmanager
def _within(place: str, but: frozenset[str] = frozenset()) -> Iterator[None]:
    """Prefix the fields of an error with the table they are in, ``but`` for those of the whole file."""
    try:
        yield
    except InvalidInput as error:
        fields = tuple(one if one in but else f"{place}.{one}" for one in error.fields)
        raise InvalidInput(str(error), fields) from error
