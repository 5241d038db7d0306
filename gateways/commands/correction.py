"""``leave-first correction``: bills that were wrong, what was corrected, and correcting one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.table import Column, Table

from gateways.commands.desk import asked
from gateways.commands.options import MOMENT, installation_options
from parking.money import yuan
from parking.plate import Colour, VehicleClass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from gateways.settings import Settings
    from gateways.web.correction_wire import CorrectionEntry, CorrectionMade
    from gateways.web.session_wire import BillOut, SessionFileOut

__all__ = ["correction_command"]

SHOWN_MAX: Final = 200
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("correction")
def correction_command() -> None:
    """Correct plate, class or times of a bill: a credit note and a new bill."""


@correction_command.command("make")
@installation_options
@click.argument("session_id", type=click.UUID)
@click.option(
    "--id", "correction_id", required=True, help="Of your choice; the same one again changes nothing."
)
@click.option("--plate", "number", default=None, help="What the plate was.")
@click.option(
    "--colour", type=click.Choice([one.value for one in Colour]), default=None, help="What its ground was."
)
@click.option(
    "--class", "vehicle_class", type=click.Choice([one.value for one in VehicleClass]), default=None,
    help="What the vehicle was, where its plate says something else.",
)  # fmt: skip
@click.option("--entered-at", type=MOMENT, default=None, help="As 2026-12-01T08:30+0800.")
@click.option("--left-at", type=MOMENT, default=None, help="As 2026-12-01T10:00+0800.")
@click.option("--reason", required=True, help="Recorded with it.")
@click.option("--by", required=True, help="Who corrects; recorded with it.")
@as_json
def make(
    *, settings: Settings, session_id: UUID, number: str | None, colour: str | None, by: str,
    as_json: bool, **said: object,
) -> None:  # fmt: skip
    """Correct the bill of SESSION_ID; what is left out was right."""
    if colour is not None and number is None:
        raise click.UsageError("--colour needs --plate")
    body = {name: fact for name, fact in said.items() if fact is not None}
    if number is not None:
        body["plate"] = {"number": number, "colour": colour or Colour.BLUE}
    made: CorrectionMade = asked(
        settings,
        "POST /v1/sessions/{session_id}/corrections",
        {"session_id": str(session_id)},
        body=body,
        who=by,
    )
    click.echo(made.model_dump_json() if as_json else _made(made))


@correction_command.command("list")
@installation_options
@click.option("--garage", "garage_id", default=None, help="Left out: of all.")
@click.option("--since", "corrected_from", type=MOMENT, default=None, help="As 2026-12-01T00:00+0800.")
@as_json
def list_corrections(
    *, settings: Settings, garage_id: str | None, corrected_from: datetime | None, as_json: bool
) -> None:
    """What was corrected, latest first; the last 200."""
    query = {"garage_id": garage_id, "corrected_from": corrected_from, "limit": SHOWN_MAX}
    found = asked(settings, "GET /v1/corrections", query=query)
    if as_json:
        click.echo(found.model_dump_json())
        return
    table = Table(
        "at (UTC)", Column("session", no_wrap=True), "garage", "was", "now", "by", "reason", box=None
    )
    for one in found.corrections:
        table.add_row(*_row(one))
    Console().print(table)


@correction_command.command("show")
@installation_options
@click.argument("session_id", type=click.UUID)
@as_json
def show(*, settings: Settings, session_id: UUID, as_json: bool) -> None:
    """All corrections of SESSION_ID, with the bills before and after."""
    found: SessionFileOut = asked(settings, "GET /v1/sessions/{session_id}", {"session_id": str(session_id)})
    if as_json:
        click.echo(found.model_dump_json(include={"session": True, "bills": True, "corrections": True}))
        return
    click.echo("\n".join(_lines(found)))


def _made(made: CorrectionMade) -> str:
    who = f"account {made.account_id}" if made.account_id else "nobody: no account has the plate"
    again = " (it had been made before; nothing has changed)" if made.replayed else ""
    return (
        f"credited by {made.credit_note_id}\n"
        f"billed   by {made.bill_id}: {yuan(made.amount_fen)} yuan, {yuan(made.prepaid_fen)} of it prepaid\n"
        f"charged  to {who}{again}"
    )


def _row(one: CorrectionEntry) -> tuple[str, ...]:
    return (
        f"{one.corrected_at:%Y-%m-%d %H:%M}",
        str(one.session_id),
        one.garage_id,
        yuan(one.was_fen),
        yuan(one.amount_fen),
        one.corrected_by,
        one.reason,
    )


def _lines(found: SessionFileOut) -> Iterator[str]:
    session = found.session
    yield f"session {session.session_id} at {session.garage_id}, as its gates saw it:"
    yield f"  {_facts(session)}"
    bills = {bill.bill_id: bill for bill in found.bills}
    for one in found.corrections:
        yield f"{one.corrected_at:%Y-%m-%d %H:%M:%S}  {one.correction_id} by {one.corrected_by}: {one.reason}"
        yield f"  was  {_bill(bills[one.credits_bill_id])}"
        yield f"  now  {_bill(bills[one.bill_id])}"
    if not found.corrections:
        yield "nothing was corrected"


def _bill(bill: BillOut) -> str:
    return f"{_facts(bill)}  {bill.vehicle_class}  {yuan(bill.amount_fen)} yuan  {bill.bill_id}"


def _facts(of: Any) -> str:  # noqa: ANN401 - a session, or a bill
    left = f"{of.left_at:%Y-%m-%d %H:%M:%S}" if of.left_at else "inside"
    return f"{of.plate.number} ({of.plate.colour})  {of.entered_at:%Y-%m-%d %H:%M:%S} – {left}"
