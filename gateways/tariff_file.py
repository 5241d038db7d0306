"""Price lists as TOML files, read into :class:`~parking.tariff.TariffSchedule` with their examples.

Every error names the file, the place in it and the reason::

    office.toml: versions[0].then.block_minutes: 1 to 1440 minutes
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import iso4217
from pydantic import Field, Strict, WithJsonSchema

from gateways.calendars import calendar_of
from gateways.tariff_tables import Fen, Table, TariffTable, built, place_of, within
from gateways.tariff_words import plate_of, stay_of
from gateways.toml_file import reading
from parking.clock import from_ms
from parking.errors import InvalidInput
from parking.plate import Colour
from parking.tariff import Tariff, TariffSchedule, TariffVersion, check_admissible

if TYPE_CHECKING:
    from pathlib import Path

    from parking.pricing import Stay

__all__ = ["Example", "PriceList", "load_price_list", "load_schedule", "load_schedules", "tariff_schema"]

CURRENCIES = frozenset(one.code for one in iso4217.Currency if one.exponent is not None)
"""Those that are paid with: metals and units of account have no minor unit."""
WHOLE_FILE = frozenset({"tariff_id", "name", "currency", "zone"})
"""Fields that stand at the top of the file and not in a version."""


Moment = Annotated[datetime, Strict(), WithJsonSchema({"type": "string"})]
"""Local where it has no offset, which is no date-time of a schema."""


class ExampleTable(Table):
    """A stay and what it costs; times without an offset are local."""

    entry: Moment
    exit: Moment
    plate: str = "浙A12345"
    colour: Colour | None = None
    """The plate's ground; left out, the one that such a number usually is on."""
    passes: tuple[str, ...] = ()
    """`FROM/UNTIL`, then `=NAME`."""
    coupons: tuple[str, ...] = ()
    """`free_stay`, `minutes:N`, `first_minutes:N`, `amount:FEN`, `percent:N` or `window:FROM/UNTIL`, then
    `@FUNDER`."""
    earlier: tuple[str, ...] = ()
    """Visits before, oldest first: `ENTRY/EXIT=FEN`."""
    price_fen: Annotated[Fen, Field(ge=0)]


class VersionTable(TariffTable):
    """One version; ``in_force_from`` may be missing from the first."""

    in_force_from: Annotated[datetime, Strict()] | None = None
    """A moment with its offset."""


class FileTable(Table):
    """A price list of leave-first."""

    tariff_id: str
    name: str
    currency: str = "CNY"
    """ISO 4217."""
    zone: str = "Asia/Shanghai"
    """Of the tz database."""
    versions: list[VersionTable]
    """Each is a complete price list; the one in force at entry prices a stay."""
    examples: tuple[ExampleTable, ...] = ()
    """What `leave-first tariff check` prices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A stay and what it must cost."""

    stay: Stay
    price_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """What a file says."""

    schedule: TariffSchedule
    examples: tuple[Example, ...]

    @property
    def tariff(self) -> Tariff:
        """The latest version."""
        return self.schedule.versions[-1].tariff


def load_price_list(path: Path) -> PriceList:
    """The price list in a file; :class:`InvalidInput` names file, place and reason."""
    with reading(path, place_of=place_of) as content:
        table = FileTable.model_validate(content)
        schedule = _schedule(table)
        examples = (_example(place, one, table.zone) for place, one in enumerate(table.examples))
        return PriceList(schedule=schedule, examples=tuple(examples))


def load_schedule(path: Path) -> TariffSchedule:
    """The versions in a file, as :func:`load_price_list` reads it."""
    return load_price_list(path).schedule


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


def tariff_schema() -> dict[str, Any]:
    """The JSON schema of a file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | FileTable.model_json_schema()


def _schedule(table: FileTable) -> TariffSchedule:
    if not table.versions:
        raise InvalidInput("at least one version", ("versions",))
    if table.currency not in CURRENCIES:
        raise InvalidInput("no currency of ISO 4217", ("currency",))
    return TariffSchedule(
        versions=tuple(_version(table, place, version) for place, version in enumerate(table.versions))
    )


def _version(table: FileTable, place: int, version: VersionTable) -> TariffVersion:
    with within(f"versions[{place}]", but=WHOLE_FILE):
        if version.in_force_from is None and place > 0:
            raise InvalidInput("only the first version may leave it out", ("in_force_from",))
        whole = {name: getattr(table, name) for name in sorted(WHOLE_FILE)}
        tariff = built(version, Tariff, calendar_of(version.calendar), **whole)
        check_admissible(tariff)
        return TariffVersion(in_force_from=version.in_force_from or from_ms(0), tariff=tariff)


def _example(place: int, example: ExampleTable, zone: str) -> Example:
    with within(f"examples[{place}]"):
        plate = plate_of(example.plate, example.colour)
        words = (example.passes, example.coupons, example.earlier)
        stay = stay_of(example.entry, example.exit, plate, zone, words)
        return Example(stay=stay, price_fen=example.price_fen)
