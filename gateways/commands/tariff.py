"""``leave-first tariff``: explain a price, check, draw and add price lists."""

from __future__ import annotations

import asyncio
import functools
import json
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
import iso4217
from rich.console import Console
from rich.table import Table

from gateways.catalog_texts import CATALOG_TEXTS
from gateways.commands.options import installation_options, postgres_dsn, sentence_of
from gateways.process import clock_of
from gateways.tariff_file import load_price_list, tariff_schema
from gateways.tariff_words import local_text, moment_of, plate_of, stay_of
from parking.errors import InvalidInput, LeaveFirstError
from parking.ids import GarageId
from parking.money import units
from parking.plate import Colour
from parking.pricing import price_by_schedule
from parking.tariff import TariffVersion, version_id_of
from settlement.books.garages import Garages
from settlement.books.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateways.settings import Settings
    from parking.proof import Price
    from parking.tariff import Tariff

__all__ = ["tariff_command"]

FILE = click.Path(dir_okay=False, path_type=Path)
PLATE = "浙A12345"
ENTRIES = ("2026-03-02T08:00", "2026-03-02T12:00", "2026-03-02T20:00", "2026-03-07T10:00")
"""A Monday's morning, noon and evening, and a Saturday."""
OPTIONS = {"passes": "pass", "coupons": "coupon"}
"""What is given one at a time has the name of one; all others are called as in an example."""


def in_a_sentence(command: Callable[..., None]) -> Callable[..., None]:
    """Tell what is wrong in a sentence, with exit status 1."""

    @functools.wraps(command)
    def told(**options: object) -> None:
        try:
            command(**options)
        except LeaveFirstError as error:
            raise click.ClickException(sentence_of(error)) from error

    return told


def plate_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--plate`` and ``--colour``; the command gets ``number`` and ``colour``."""
    colours = click.Choice([colour.value for colour in Colour])
    command = click.option("--colour", type=colours, help="The plate's ground.")(command)
    return click.option("--plate", "number", default=PLATE, show_default=True)(command)


@contextmanager
def option_named() -> Iterator[None]:
    """Name the option where an error names the field that an example has for it."""
    try:
        yield
    except InvalidInput as error:
        names = (field.partition("[")[0] for field in error.fields)
        options = tuple(f"--{OPTIONS.get(name, name)}" for name in names)
        raise InvalidInput(str(error), options) from error


@click.group("tariff")
def tariff_command() -> None:
    """Explain a price, check, draw and add price lists."""


@tariff_command.command("explain")
@click.option("--tariff", "path", type=FILE, required=True, help="The price list.")
@click.option("--entry", required=True, help="As 2026-03-02T10:00; local, if it has no offset.")
@click.option("--exit", "leave", required=True, help="Likewise.")
@plate_options
@click.option("--coupon", "coupons", multiple=True, help="As minutes:120@shop; may be given again.")
@click.option("--pass", "passes", multiple=True, help="As FROM/UNTIL=NAME; may be given again.")
@click.option("--earlier", multiple=True, help="A visit before, as ENTRY/EXIT=FEN; may be given again.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@in_a_sentence
def explain(
    *, path: Path, entry: str, leave: str, number: str, colour: str | None, as_json: bool,
    **words: tuple[str, ...],
) -> None:  # fmt: skip
    """Show the lines that a price is made of."""
    prices = load_price_list(path)
    zone = prices.tariff.zone
    said = (words["passes"], words["coupons"], words["earlier"])
    with option_named():
        entered_at = moment_of(entry, ZoneInfo(zone), "entry")
        left_at = moment_of(leave, ZoneInfo(zone), "exit")
        stay = stay_of(entered_at, left_at, plate_of(number, colour), zone, said)
    found = price_by_schedule(stay, prices.schedule)
    tariff = prices.schedule.in_force(entered_at)
    missing = _years_missing(tariff, entered_at, left_at)
    if as_json:
        document = _document(found, tariff) | {"calendar_years_missing": missing}
        click.echo(json.dumps(document, ensure_ascii=False))
        return
    _print(found, tariff)
    if missing:
        lacks, holds = (", ".join(map(str, years)) for years in (missing, tariff.calendar.years))
        click.echo(f"The calendar of this list does not hold {lacks}, only {holds}.", err=True)


@tariff_command.command("check")
@click.argument("paths", metavar="FILE...", nargs=-1, type=FILE, required=True)
@in_a_sentence
def check(*, paths: tuple[Path, ...]) -> None:
    """Price the examples in price lists; exit status 1 at the first that differs."""
    for path in paths:
        prices = load_price_list(path)
        if not prices.examples:
            raise click.ClickException(f"{path}: examples: none, so nothing was checked")
        for place, example in enumerate(prices.examples):
            found = price_by_schedule(example.stay, prices.schedule)
            if found.amount_fen != example.price_fen:
                why = f"costs {found.amount_fen} and not {example.price_fen}"
                raise click.ClickException(f"{path}: examples[{place}]: {why}")
        count = len(prices.examples)
        click.echo(f"{path}: {count} example{'' if count == 1 else 's'} as written")


@tariff_command.command("plot")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--out", type=FILE, required=True, help="The SVG to write.")
@click.option("--entry", "entries", multiple=True, default=ENTRIES, show_default=True)
@click.option("--hours", type=click.IntRange(1, 24 * 14), default=36, show_default=True)
@plate_options
@in_a_sentence
def plot(
    *, path: Path, out: Path, entries: tuple[str, ...], hours: int, number: str, colour: str | None
) -> None:
    """Draw the price against the length of the stay."""
    from gateways.tariff_picture import picture  # noqa: PLC0415 - the other commands need no charts

    prices = load_price_list(path)
    if out.exists() and out.samefile(path):
        raise InvalidInput(f"{out}: is the price list itself", ("--out",))
    zone = ZoneInfo(prices.tariff.zone)
    with option_named():
        moments = [moment_of(text, zone, "entry") for text in entries]
        plate = plate_of(number, colour)
    drawn = picture(prices.schedule, plate, moments, hours, _exponent(prices.tariff))
    try:
        out.write_bytes(drawn)
    except OSError as error:
        raise InvalidInput(f"{out}: cannot be written: {error.strerror}", ("--out",)) from error


@tariff_command.command("schema")
def schema() -> None:
    """Print the JSON schema of a price list, for editors."""
    click.echo(json.dumps(tariff_schema(), indent=2, ensure_ascii=False))


@tariff_command.command("add")
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--garage", "garage_id", required=True)
@click.option("--from", "since", help="When it comes into force; without it, when the file says.")
@installation_options
def add(*, settings: Settings, path: Path, garage_id: str, since: str | None) -> None:
    """Put a price list in force at a garage; what is in force from a moment is never replaced."""
    prices = load_price_list(path)
    versions = prices.schedule.versions
    if since is not None:
        if len(versions) > 1:
            raise InvalidInput("--from needs a file with one version", ("--from",))
        with option_named():
            moment = moment_of(since, ZoneInfo(prices.tariff.zone), "from")
        versions = (TariffVersion(in_force_from=moment, tariff=prices.tariff),)
    asyncio.run(_add(settings, GarageId(garage_id), versions))
    for version in versions:
        click.echo(f"{version.version_id} from {version.in_force_from.isoformat()}")


async def _add(settings: Settings, garage_id: GarageId, versions: tuple[TariffVersion, ...]) -> None:
    async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first tariff") as pool:
        garages = Garages(pool, partition_count=settings.partition_count, texts=CATALOG_TEXTS)
        await garages.add_tariffs(garage_id, versions, clock_of(settings).now())


def _exponent(tariff: Tariff) -> int:
    return iso4217.Currency(tariff.currency).exponent or 0


def _document(found: Price, tariff: Tariff) -> dict[str, object]:
    lines = [
        {
            "from": _local(line.starts_at, tariff).isoformat(),
            "to": _local(line.ends_at, tariff).isoformat(),
            "quantity": line.quantity,
            "unit_price_fen": line.unit_price_fen,
            "amount_fen": line.amount_fen,
            "rule": line.rule,
            "name": line.name,
            "funder": line.funder,
            "worth_fen": line.worth_fen,
        }
        for line in found.lines
    ]
    return {
        "amount_fen": found.amount_fen,
        "currency": tariff.currency,
        "tariff_version_id": version_id_of(tariff),
        "lines": lines,
    }


def _print(found: Price, tariff: Tariff) -> None:
    money = functools.partial(units, exponent=_exponent(tariff))
    spans = [(line.starts_at, line.ends_at) for line in found.lines]
    years = {_local(moment, tariff).year for span in spans for moment in span}
    day = "%a %m-%d" if len(years) == 1 else "%a %Y-%m-%d"
    table = Table("from", "to", box=None)
    for heading in ("quantity", "unit price", "amount"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("rule", overflow="fold")
    for line, span in zip(found.lines, spans, strict=True):
        worth = f", worth {money(line.worth_fen)}" if line.worth_fen else ""
        funder = f" (funded by {line.funder}{worth})" if line.funder else ""
        why = f"{line.rule.replace('_', ' ')}{f': {line.name}' if line.name else ''}{funder}"
        table.add_row(
            *(local_text(moment, ZoneInfo(tariff.zone), f"{day} %H:%M:%S") for moment in span),
            f"{line.quantity} ×", money(line.unit_price_fen), money(line.amount_fen), why,
        )  # fmt: skip
    table.add_section()
    table.add_row("", "", "", tariff.currency, money(found.amount_fen), version_id_of(tariff))
    Console(width=140, markup=False, emoji=False, highlight=False).print(table)


def _years_missing(tariff: Tariff, entered_at: datetime, left_at: datetime) -> list[int]:
    """The local years from entry to exit that a calendar of some years has not."""
    known = tariff.calendar.years
    first, last = (_local(moment, tariff).year for moment in (entered_at, left_at))
    return [year for year in range(first, last + 1) if known and year not in known]


def _local(moment: datetime, tariff: Tariff) -> datetime:
    return moment.astimezone(ZoneInfo(tariff.zone))
