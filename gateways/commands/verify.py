"""``leave-first verify``: recompute what must always hold, from the tables and against the rails' books."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from gateways.catalog_texts import CATALOG_TEXTS
from gateways.commands.options import installation_options, postgres_dsn
from gateways.rail_wiring import rail_captures
from settlement.books.garages import Garages
from settlement.books.pool import open_pool
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.tariff_cache import TariffCache
from settlement.verify import verify

if TYPE_CHECKING:
    from gateways.settings import Settings
    from settlement.verify import Verification

__all__ = ["verify_command"]


@click.command("verify")
@installation_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify_command(*, settings: Settings, as_json: bool) -> None:
    """Check the books and compare them with the rails'; exit status 1 when a rule is broken."""
    found = asyncio.run(_verify(settings))
    if as_json:
        click.echo(json.dumps(_document(found), ensure_ascii=False))
    else:
        _print(found)
    sys.exit(0 if found.clean else 1)


async def _verify(settings: Settings) -> Verification:
    async with open_pool(postgres_dsn(settings), size=2, application_name="leave-first verify") as pool:
        garages = Garages(pool, partition_count=settings.partition_count, texts=CATALOG_TEXTS)
        return await verify(
            PostgresVerifiableBooks(pool), TariffCache(garages.tariffs), partial(rail_captures, settings)
        )


def _document(found: Verification) -> dict[str, object]:
    return {
        "clean": found.clean,
        "checks": list(found.checks),
        "double_charged": found.double_charged,
        "imbalance_fen": found.imbalance_fen,
        "not_compared": [
            {"rail": rail, "paid_charges": charges} for rail, charges in found.not_compared.items()
        ],
        "violations": [
            {"check": one.check, "item_id": one.item_id, "explanation": one.explanation}
            for one in found.violations
        ],
    }


def _print(found: Verification) -> None:
    console = Console()
    broken = {one.check for one in found.violations}
    table = Table("", "check", box=None)
    for check in found.checks:
        table.add_row("[red]✗[/]" if check in broken else "[green]✓[/]", check.replace("_", " "))
    console.print(table)
    for one in found.violations:
        console.print(f"[red]{one.check}[/]  {one.item_id}  {one.explanation}", highlight=False)
    for rail, charges in found.not_compared.items():
        note = f"{charges} charges are paid by {rail}, whose books were not compared"
        console.print(f"[yellow]{note}[/]", highlight=False)
    verdict = "every rule holds" if found.clean else f"{len(found.violations)} violations"
    console.print(f"ledger out by {found.imbalance_fen} fen; {verdict}", highlight=False)
