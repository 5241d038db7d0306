"""The embedded stores of one data folder, for as long as a context is open.

Whoever opens it holds the data folder; both stores start at the same time, are started again when they
die, and are stopped, with everything saved, when the context is left in whatever way. Others on this
machine join through ``running_stores``.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.embedded.data_dir import DataDir, DataDirUnusable, hold_data_dir, read_holder
from gateways.embedded.keeper import Keeper, StoreState
from gateways.embedded.postgres import Postgres
from gateways.embedded.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateways.embedded.keeper import Log

__all__ = ["EmbeddedStores", "StoreAddresses", "embedded_stores", "running_stores"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAddresses:
    """Where the embedded stores listen; None for one that is not embedded."""

    valkey_url: str | None
    postgres_dsn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedStores:
    """The running stores of a data folder."""

    addresses: StoreAddresses
    data_dir: Path
    valkey: Keeper | None
    postgres: Keeper | None

    @property
    def valkey_url(self) -> str | None:
        """``unix:///…/valkey.sock``."""
        return self.addresses.valkey_url

    @property
    def postgres_dsn(self) -> str | None:
        """``postgresql://leave_first_owner@/leave_first?host=/…``."""
        return self.addresses.postgres_dsn

    @property
    def valkey_pid(self) -> int | None:
        """Valkey's process while it runs."""
        return self.valkey.pid if self.valkey else None

    @property
    def postgres_pid(self) -> int | None:
        """PostgreSQL's main process while it runs."""
        return self.postgres.pid if self.postgres else None

    @property
    def valkey_state(self) -> StoreState:
        """STOPPED also when it is not embedded."""
        return self.valkey.state if self.valkey else StoreState.STOPPED

    @property
    def postgres_state(self) -> StoreState:
        """STOPPED also when it is not embedded."""
        return self.postgres.state if self.postgres else StoreState.STOPPED


@asynccontextmanager
async def embedded_stores(
    data_dir: Path, *, valkey: bool, postgres: bool, log: Log
) -> AsyncIterator[EmbeddedStores]:
    """Hold ``data_dir`` and run the stores that are asked for.

    Raises ``DataDirInUse``, ``DataDirUnusable`` or ``StoreNotStarted``, each with a sentence for a person.
    """
    with hold_data_dir(data_dir) as held:
        try:
            live = await asyncio.to_thread(Valkey, held, log) if valkey else None
            books = await asyncio.to_thread(Postgres, held, log) if postgres else None
        except OSError as error:
            raise DataDirUnusable(f"The stores of {held.path} cannot be laid out: {error}") from error
        addresses = StoreAddresses(
            valkey_url=live.url if live else None, postgres_dsn=books.dsn if books else None
        )
        stores = EmbeddedStores(
            addresses=addresses,
            data_dir=held.path,
            valkey=Keeper(live, log) if live else None,
            postgres=Keeper(books, log) if books else None,
        )
        folders = [live.socket.parent] if live else []
        folders += [books.sockets, books.sockets.parent] if books else []
        try:
            async with kept([keeper for keeper in (stores.valkey, stores.postgres) if keeper]):
                announce(held, addresses)
                yield stores
        finally:
            for folder in folders:
                with suppress(OSError):
                    folder.rmdir()


def running_stores(data_dir: Path) -> StoreAddresses | None:
    """The stores that another process runs on ``data_dir``, None when nobody does (yet)."""
    holder = read_holder(data_dir)
    if "stores" not in holder:
        return None
    return StoreAddresses(
        valkey_url=holder.get("valkey_url"),
        postgres_dsn=holder.get("postgres_dsn"),
    )


def announce(held: DataDir, addresses: StoreAddresses) -> None:
    named = {"valkey_url": addresses.valkey_url, "postgres_dsn": addresses.postgres_dsn}
    held.announce({"stores": "ready", **{name: value for name, value in named.items() if value is not None}})


@asynccontextmanager
async def kept(keepers: list[Keeper]) -> AsyncIterator[None]:
    """Run all of them around the body; the body's own exception leaves as it is, not in a group."""
    await start_all(keepers)
    failure: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(keeper.keep(), name=f"keep-{keeper.name}") for keeper in keepers]
            try:
                yield
            except Exception as error:  # noqa: BLE001 - raised again as soon as the stores are down
                failure = error
            for task in tasks:
                task.cancel()
    finally:
        # A task that is cancelled before its first step never comes to stop its store.
        for keeper in keepers:
            await keeper.stop()
    if failure is not None:
        raise failure


async def start_all(keepers: list[Keeper]) -> None:
    """Start them at the same time; when one fails, none is left running."""
    try:
        async with asyncio.TaskGroup() as group:
            for keeper in keepers:
                group.create_task(keeper.start(), name=f"start-{keeper.name}")
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    finally:
        if any(keeper.state is not StoreState.READY for keeper in keepers):
            for keeper in keepers:
                await keeper.stop()
