"""``leave-first policy``: check policies on credit, put them in force, list them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateways.commands.options import installation_options, postgres_dsn
from gateways.policy_file import POLICY_TEXTS, load_policy
from gateways.process import clock_of
from parking.errors import InvalidInput
from settlement.books.policies import Policies
from settlement.books.pool import open_pool
from settlement.deciding import EVERYWHERE
from settlement.policy import policy_version_id_of

if TYPE_CHECKING:
    from gateways.settings import Settings
    from settlement.books.policies import PolicyUse
    from settlement.policy import PolicyVersionId

__all__ = ["policy_command"]

a_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("policy")
def policy_command() -> None:
    """Who may leave first, and what becomes of debtors who come back."""


@policy_command.command("check")
@a_file
def check(file: Path) -> None:
    """Say what is wrong with FILE, or how its content is named."""
    try:
        click.echo(f"{file}: good, {policy_version_id_of(load_policy(file))}")
    except InvalidInput as error:
        raise click.ClickException(str(error)) from error


@policy_command.command("add")
@installation_options
@a_file
@click.option(
    "--operator", "operator_id", default=EVERYWHERE, help="Of whose garages; left out: of all others."
)
@click.option(
    "--from",
    "in_force_from",
    type=click.DateTime(["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="UTC; left out: now.",
)
def add(*, settings: Settings, file: Path, operator_id: str, in_force_from: datetime | None) -> None:
    """Put the policy in FILE in force."""
    policy, now = load_policy(file), clock_of(settings).now()
    start = now if in_force_from is None else in_force_from.replace(tzinfo=UTC)

    async def act() -> PolicyVersionId:
        async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first policy") as pool:
            policies = Policies(pool, POLICY_TEXTS)
            return await policies.add(policy, in_force_from=start, now=now, operator_id=operator_id)

    click.echo(f"{asyncio.run(act())} decides from {start.isoformat()} on")


@policy_command.command("list")
@installation_options
def list_policies(*, settings: Settings) -> None:
    """Show all policies that are, were or will be in force."""

    async def act() -> list[PolicyUse]:
        async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first policy") as pool:
            return await Policies(pool, POLICY_TEXTS).all()

    for use in asyncio.run(act()):
        whose = "all others" if use.operator_id == EVERYWHERE else use.operator_id
        click.echo(
            f"{use.in_force_from:%Y-%m-%d %H:%M}  {whose:<16} {use.policy_version_id}  {use.policy.name}"
        )
