"""``leave-first token``: make, list and revoke the tokens of controllers and operators."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table

from gateways.commands.options import installation_options, postgres_dsn
from gateways.process import clock_of
from gateways.web.access import token_text
from parking.catalog import secret_digest
from parking.errors import InvalidInput
from parking.ids import ControllerId, GarageId, LaneId
from settlement.books.pool import open_pool
from settlement.books.tokens import TokenKind, Tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateways.settings import Settings

__all__ = ["new_token", "token_command"]

TOKEN_ID_BYTES = 6
SCOPES = {"read": TokenKind.OPERATOR_READ, "full": TokenKind.OPERATOR_FULL}
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group("token")
def token_command() -> None:
    """Make, list and revoke access tokens."""


@token_command.group("add")
def add() -> None:
    """Make a token; its secret is shown once and stored nowhere."""


@add.command("operator")
@installation_options
@click.option("--scope", type=click.Choice(sorted(SCOPES)), default="read", show_default=True)
@click.option("--label", required=True, help="Whose it is; recorded with what is done with it.")
@as_json
def add_operator(*, settings: Settings, scope: str, label: str, as_json: bool) -> None:
    """A token for the operator API."""
    if not label.strip():
        raise InvalidInput("a label says whose token it is", ("label",))
    token_id, secret, token = new_token()

    async def act(tokens: Tokens) -> None:
        now = clock_of(settings).now()
        await tokens.add_operator(token_id, secret_digest(secret), kind=SCOPES[scope], label=label, now=now)

    _with_tokens(settings, act)
    _show(token_id, token, as_json=as_json)


@add.command("controller")
@installation_options
@click.option("--garage", required=True)
@click.option("--controller", required=True, help="The controller's name.")
@click.option("--lane", "lanes", multiple=True, required=True, help="A lane it speaks for; repeat it.")
@click.option("--label", default="", help="A note for people.")
@as_json
def add_controller(
    *, settings: Settings, garage: str, controller: str, lanes: tuple[str, ...], label: str, as_json: bool
) -> None:
    """A token for one garage controller and its lanes."""
    token_id, secret, token = new_token()

    async def act(tokens: Tokens) -> None:
        await tokens.add_controller(
            token_id,
            secret_digest(secret),
            garage_id=GarageId(garage),
            controller_id=ControllerId(controller),
            lane_ids=[LaneId(lane) for lane in lanes],
            label=label or controller,
            now=clock_of(settings).now(),
        )

    _with_tokens(settings, act)
    _show(token_id, token, as_json=as_json)


@token_command.command("revoke")
@installation_options
@click.argument("token_id")
def revoke(*, settings: Settings, token_id: str) -> None:
    """End a token; every process refuses it within a second or two."""

    async def act(tokens: Tokens) -> None:
        await tokens.revoke(token_id, clock_of(settings).now())

    _with_tokens(settings, act)
    click.echo(f"{token_id} is revoked")


@token_command.command("list")
@installation_options
def list_tokens(*, settings: Settings) -> None:
    """Show all tokens, without their secrets."""
    whole = Column("id", no_wrap=True, min_width=2 * TOKEN_ID_BYTES)
    kind = Column("kind", no_wrap=True, min_width=max(map(len, TokenKind)))
    times = [Column(name, min_width=len("2026-01-01")) for name in ("since", "revoked")]
    table = Table(whole, kind, "label", Column("speaks for", overflow="fold"), *times, box=None)

    async def act(tokens: Tokens) -> None:
        for one in await tokens.all():
            table.add_row(
                one.token_id,
                one.kind,
                one.label,
                " ".join([f"{one.garage_id}/{one.controller_id}", *one.lane_ids]) if one.garage_id else "",
                f"{one.added_at:%Y-%m-%d %H:%M}",
                f"{one.revoked_at:%Y-%m-%d %H:%M}" if one.revoked_at else "",
            )

    _with_tokens(settings, act)
    Console().print(table)


def new_token() -> tuple[str, str, str]:
    """A fresh token id, its secret of 256 random bits, and the token as its holder sends it."""
    token_id, secret = secrets.token_hex(TOKEN_ID_BYTES), secrets.token_urlsafe(32)
    return token_id, secret, token_text(token_id, secret)


def _with_tokens(settings: Settings, act: Callable[[Tokens], Awaitable[None]]) -> None:
    async def main() -> None:
        async with open_pool(postgres_dsn(settings), size=1, application_name="leave-first token") as pool:
            await act(Tokens(pool))

    asyncio.run(main())


def _show(token_id: str, token: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"token_id": token_id, "token": token}))
        return
    click.echo(
        f"{token}\n\nKeep it now: it is not shown again. To end it: leave-first token revoke {token_id}"
    )
