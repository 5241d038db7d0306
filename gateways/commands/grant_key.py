"""``leave-first grant-key``: make, list, retire and revoke the keys by which exit grants are signed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateways.commands.options import installation_options, postgres_dsn
from gateways.grant_signing import discard_key, make_key
from gateways.process import clock_of
from parking.errors import NotFound
from settlement.books.grant_keys import GrantKeys
from settlement.books.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateways.settings import Settings

__all__ = ["grant_key_command"]


@click.group("grant-key")
def grant_key_command() -> None:
    """Keys by which controllers can prove grants; private ones stay in files of this machine."""


@grant_key_command.command("make")
@installation_options
def make(*, settings: Settings) -> None:
    """Make a key and sign by it from now on; what older keys have signed stays valid."""
    now = clock_of(settings).now()

    async def act(keys: GrantKeys) -> str:
        private = Ed25519PrivateKey.generate()
        key_id, public = make_key(settings.grant_keys, now, private)
        try:
            await keys.add(key_id, public, now)
        except BaseException:
            discard_key(settings.grant_keys, key_id)
            raise
        return key_id

    click.echo(f"{_with_keys(settings, act)} signs from now on")


@grant_key_command.command("retire")
@installation_options
@click.argument("key_id")
def retire(*, settings: Settings, key_id: str) -> None:
    """Sign nothing by KEY_ID any more, and delete its private half."""

    async def act(keys: GrantKeys) -> str:
        discard_key(settings.grant_keys, key_id)
        await keys.retire(key_id, clock_of(settings).now())
        return key_id

    click.echo(f"{_with_keys(settings, act)} is retired; what it has signed stays valid until it expires")


@grant_key_command.command("revoke")
@installation_options
@click.argument("key_id")
def revoke(*, settings: Settings, key_id: str) -> None:
    """Have nothing count that KEY_ID has signed: it has leaked."""

    async def act(keys: GrantKeys) -> str:
        await keys.revoke(key_id, clock_of(settings).now())
        with suppress(NotFound):
            discard_key(settings.grant_keys, key_id)
        return key_id

    click.echo(f"{_with_keys(settings, act)} is revoked: gates know within seconds, controllers as they ask")


@grant_key_command.command("list")
@installation_options
def list_keys(*, settings: Settings) -> None:
    """Show all keys, without their private halves."""

    async def act(keys: GrantKeys) -> str:
        lines = [
            f"{key.key_id}  made {key.made_at:%Y-%m-%d %H:%M}"
            + (f"  retired {key.retired_at:%Y-%m-%d %H:%M}" if key.retired_at else "")
            + (f"  revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "")
            for key in await keys.all()
        ]
        return "\n".join(lines) or "there are no keys: grants are not signed"

    click.echo(_with_keys(settings, act))


def _with_keys(settings: Settings, act: Callable[[GrantKeys], Awaitable[str]]) -> str:
    async def main() -> str:
        async with open_pool(
            postgres_dsn(settings), size=1, application_name="leave-first grant-key"
        ) as pool:
            return await act(GrantKeys(pool))

    return asyncio.run(main())
