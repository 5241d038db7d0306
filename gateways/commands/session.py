"""``leave-first session``: look at one stay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import click

from gateways.commands.options import installation_options, postgres_dsn
from gateways.policy_file import POLICY_TEXTS
from gateways.process import clock_of
from gateways.web.why import why
from parking.errors import NotFound
from parking.ids import SessionId
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.books.standings import Standings
from settlement.books.views import Views

if TYPE_CHECKING:
    from gateways.settings import Settings
    from gateways.web.standing_wire import WhyOut

__all__ = ["session_command"]


@click.group("session")
def session_command() -> None:
    """Look at one stay."""


@session_command.command("why")
@installation_options
@click.argument("session_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def why_command(*, settings: Settings, session_id: UUID, as_json: bool) -> None:
    """Why the car of SESSION_ID was stopped, or could leave."""
    found = asyncio.run(_why(settings, SessionId(session_id)))
    click.echo(found.model_dump_json() if as_json else _text(found))


async def _why(settings: Settings, session_id: SessionId) -> WhyOut:
    count = settings.partition_count
    async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first session") as pool:
        session = await Views(pool, partition_count=count).session(session_id)
        if session is None:
            raise NotFound("there is no such session in the books")
        return await why(
            session,
            standings=Standings(pool, partition_count=count),
            policies=Policies(pool, POLICY_TEXTS),
            now=clock_of(settings).now(),
        )


def _text(found: WhyOut) -> str:
    lines = [
        found.answer,
        "",
        f"{found.plate.number} ({found.plate.colour}) at {found.garage_id}, session {found.session_id}",
        "",
        "At the gates",
    ]
    lines += [
        f"  {one.captured_at:%Y-%m-%d %H:%M:%S}  {one.lane_id:<8} {one.verdict:<5} {one.words}"
        for one in found.passages
    ]
    lines += ["", "What the gates had been told"]
    for told in found.told:
        lines.append(f"  {told.decided_at:%Y-%m-%d %H:%M:%S}  {told.words}")
        lines += [f"      {'✗' if rule.stops else '·'} {rule.words}" for rule in told.rules]
        if told.debt is not None:
            lines.append(f"      · to be paid by reference {told.debt['reference']}")
        lines.append(f"      by policy {told.policy_version_id}: {told.policy}")
    if not found.told:
        lines.append("  nothing: no grant had come, so the garage's own policy decided")
    return "\n".join(lines)
