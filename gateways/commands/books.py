"""Commands about the books: migrate them, export from them, rebuild the live store from them."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import click

from gateways.catalog_texts import CATALOG_TEXTS
from gateways.commands.options import installation_options, postgres_dsn, valkey_url
from gateways.grant_signing import GrantSigner
from gateways.policy_file import POLICY_TEXTS
from gateways.process import clock_of
from gateways.publisher import Publisher
from parking.live.batching import BatchingConnection
from parking.live.granting import LiveGrants
from parking.live.journal import library_text, open_journal
from parking.live.restoring import Restoring
from settlement.books.archive import BookArchive
from settlement.books.benefit_sources import benefit_sources
from settlement.books.garages import Garages
from settlement.books.granting import PostgresGrantBooks
from settlement.books.migrate import migrate
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.granter import grant_to
from settlement.rebuild import rebuild

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from gateways.settings import Settings
    from settlement.rebuild import Rebuilt

    Records = Callable[[BookArchive, datetime, datetime], AsyncIterator[dict[str, Any]]]

__all__ = ["export_command", "migrate_command", "rebuild_command"]

BOOKED_LOOKS = 100
BOOKED_PAUSE_S = 0.1


@click.command("migrate")
@installation_options
def migrate_command(*, settings: Settings) -> None:
    """Bring the schema of the books up to date; `serve` does so by itself."""
    now = clock_of(settings).now()
    asyncio.run(migrate(postgres_dsn(settings), partition_count=settings.partition_count, now=now))
    click.echo("the books are up to date")


@click.command("rebuild")
@installation_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rebuild_command(*, settings: Settings, as_json: bool) -> None:
    """Put back into the live store what it lost, from the books; safe to run at any time."""
    rebuilt, booked = asyncio.run(_rebuild(settings))
    known_until = rebuilt.known_until.isoformat() if rebuilt.known_until else None
    if as_json:
        fields = {name: getattr(rebuilt, name) for name in rebuilt.__slots__}
        click.echo(json.dumps(fields | {"known_until": known_until, "journal_booked": booked}))
        return
    click.echo(f"cars inside      {rebuilt.cars_inside:>8}   put back {rebuilt.cars_restored}")
    click.echo(f"answers kept     {rebuilt.answers:>8}   put back {rebuilt.answers_restored}")
    if not booked:
        click.echo("Settlement is behind: what the journal still holds is not considered; run this again.")
    click.echo(
        f"The archive ends with an event received at {known_until}. Events acknowledged later than that are\n"
        "known to their controllers only; those that come again are taken as new."
    )


@click.group("export")
def export_command() -> None:
    """Write records of the books to standard output, one JSON object a line."""


SINCE = click.option("--since", type=click.DateTime(), default="1970-01-01", help="Device time, UTC.")
UNTIL = click.option("--until", type=click.DateTime(), default="2999-01-01", help="Device time, UTC.")


@export_command.command("events")
@installation_options
@SINCE
@UNTIL
def export_events(*, settings: Settings, since: datetime, until: datetime) -> None:
    """Archived gate events, without plates."""
    asyncio.run(_export(settings, BookArchive.events, since, until))


@export_command.command("bills")
@installation_options
@SINCE
@UNTIL
def export_bills(*, settings: Settings, since: datetime, until: datetime) -> None:
    """Bills and credit notes of stays that began in the span, with their plates."""
    asyncio.run(_export(settings, BookArchive.bills, since, until))


async def _export(settings: Settings, records: Records, since: datetime, until: datetime) -> None:
    async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first export") as pool:
        archive = BookArchive(pool, prepaid_exit_within={})
        async for record in records(archive, since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)):
            sys.stdout.write(json.dumps(record, default=_plain, ensure_ascii=False) + "\n")


async def _rebuild(settings: Settings) -> tuple[Rebuilt, bool]:
    kept = timedelta(hours=settings.answers_kept_h)
    async with (
        open_pool(postgres_dsn(settings), size=2, application_name="leave-first rebuild") as pool,
        asyncio.TaskGroup() as tasks,
    ):
        live = BatchingConnection(valkey_url(settings), library=library_text())
        await live.start(tasks)
        try:
            booked = await _until_booked(settings)
            garages = Garages(pool, partition_count=settings.partition_count, texts=CATALOG_TEXTS)
            await Publisher(garages, live).republish()
            catalog = await garages.load_catalog()
            within = {one.garage_id: one.policy.prepaid_exit_within for one in catalog.garages.values()}
            restoring = Restoring(live, partition_count=settings.partition_count, answers_kept=kept)
            archive = BookArchive(pool, prepaid_exit_within=within)
            now = clock_of(settings).now()
            rebuilt = await rebuild(archive, restoring, now=now, answers_kept=kept)
            count, policies = settings.partition_count, Policies(pool, POLICY_TEXTS)
            await grant_to(
                [session for session, _ in await archive.cars_inside()],
                books=PostgresGrantBooks(
                    pool,
                    policies,
                    partition_count=count,
                    sources=benefit_sources(pool, partition_count=count),
                ),
                grants=LiveGrants(
                    live,
                    clock_of(settings),
                    partition_count=count,
                    sign=GrantSigner(settings.grant_keys, clock_of(settings)).sign,
                ),
                now=now,
                expires_at=now + timedelta(days=settings.grant_valid_days),
            )
            return rebuilt, booked
        finally:
            live.stop()


async def _until_booked(settings: Settings) -> bool:
    """Wait until the books know all that the journal says, or else a car that has left would be put back."""
    async with open_journal(
        valkey_url(settings), partition_count=settings.partition_count, reader="rebuild"
    ) as journal:
        for _ in range(BOOKED_LOOKS):
            if not (await journal.backlog("biller")).records:
                return True
            await asyncio.sleep(BOOKED_PAUSE_S)
    return False


def _plain(value: object) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            raise TypeError(f"not for export: {type(value).__name__}")
