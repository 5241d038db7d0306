"""``leave-first session``: look at one stay."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import click

from gateways.commands.options import MOMENT, installation_options, postgres_dsn
from gateways.policy_file import POLICY_TEXTS
from gateways.process import clock_of
from gateways.web.standing_wire import PassageWhyQuery
from gateways.web.why import Recorded
from parking.ids import GarageId, SessionId
from parking.money import yuan
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.books.standings import Standings
from settlement.books.views import Views

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from gateways.settings import Settings
    from gateways.web.standing_wire import PassageOut, PassageWhyOut, WhyOut

__all__ = ["session_command"]

Answer = TypeVar("Answer")


@click.group("session")
def session_command() -> None:
    """Look at one stay."""


@session_command.command("why")
@installation_options
@click.argument("session_id", type=click.UUID, required=False)
@click.option(
    "--garage", "garage_id", default=None, help="Of a car without a session, as one held at an entry."
)
@click.option("--event", "event_id", default=None, help="The event that its gate sent.")
@click.option("--plate", default=None, help="Else its plate: the last that was read there.")
@click.option("--at", type=MOMENT, default=None, help="As 2026-12-01T08:30+0800: not after this.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def why_command(*, settings: Settings, session_id: UUID | None, as_json: bool, **said: object) -> None:
    """Why the car of SESSION_ID, or of an event or a plate at a garage, was stopped, or could pass."""
    garage_id = said.pop("garage_id")
    if (session_id is None) == (garage_id is None):
        raise click.UsageError("name a session, or a garage with an event or a plate")
    if session_id is not None:
        found = asyncio.run(_ask(settings, lambda to, now: to.session(SessionId(session_id), now)))
        click.echo(found.model_dump_json() if as_json else _text(found))
        return
    query = PassageWhyQuery.model_validate(said)
    passed = asyncio.run(_ask(settings, lambda to, now: to.passage(GarageId(str(garage_id)), query, now)))
    click.echo(passed.model_dump_json() if as_json else _text_of_passage(passed))


async def _ask(settings: Settings, ask: Callable[[Recorded, datetime], Awaitable[Answer]]) -> Answer:
    count = settings.partition_count
    async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first session") as pool:
        recorded = Recorded(
            views=Views(pool, partition_count=count),
            standings=Standings(pool, partition_count=count),
            policies=Policies(pool, POLICY_TEXTS),
        )
        return await ask(recorded, clock_of(settings).now())


def _text_of_passage(found: PassageWhyOut) -> str:
    if found.session is not None:
        return _text(found.session)
    passage = found.passage
    lines = [
        found.answer,
        "",
        f"{found.plate.number} ({found.plate.colour}) at {found.garage_id}, event {found.event_id}",
        _line(passage),
    ]
    if found.reference is not None:
        lines += ["", "What its entries had been told of the driver"]
        lines += [f"  {'✗' if rule.stops else '·'} {rule.words}" for rule in found.rules]
        lines.append(f"  · {yuan(found.owed_fen)} yuan, to be paid by reference {found.reference}")
        lines.append(f"  by policy {found.policy_version_id}: {found.policy}")
    return "\n".join(lines)


def _text(found: WhyOut) -> str:
    lines = [
        found.answer,
        "",
        f"{found.plate.number} ({found.plate.colour}) at {found.garage_id}, session {found.session_id}",
        "",
        "At the gates",
    ]
    lines += [_line(one) for one in found.passages]
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


def _line(one: PassageOut) -> str:
    return f"  {one.captured_at:%Y-%m-%d %H:%M:%S}  {one.lane_id:<8} {one.verdict:<5} {one.words}"
