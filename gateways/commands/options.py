"""What commands share: the options that name an installation, and how errors reach a person."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gateways.embedded.stores import running_stores
from gateways.logs import configure_logs
from gateways.settings import Settings, load_settings
from parking.errors import InvalidInput, LeaveFirstError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOMENT", "installation_options", "postgres_dsn", "sentence_of", "valkey_url"]


MOMENT: Final = click.DateTime(["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"])
"""With its offset, as ``2026-12-01T08:30+0800``."""


def installation_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--data-dir`` and ``--settings``; the command gets ``settings``."""

    @click.option(
        "--data-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where embedded stores and the gates' spool live.",
    )
    @click.option(
        "--settings",
        "settings_file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A TOML file of settings; variables LEAVE_FIRST_… go before it.",
    )
    @functools.wraps(command)
    def with_settings(*, data_dir: Path | None, settings_file: Path | None, **options: object) -> None:
        try:
            settings = load_settings(
                settings_file=settings_file, data_dir=data_dir.resolve() if data_dir else None
            )
            configure_logs(settings.log_level, process=click.get_current_context().info_name or "leave-first")
            command(settings=settings, **options)
        except LeaveFirstError as error:
            raise click.ClickException(sentence_of(error)) from error
        except ExceptionGroup as group:
            raise click.ClickException(sentence_of(group)) from group

    return with_settings


def sentence_of(error: BaseException) -> str:
    """The sentences of all errors in a group; of bad input, with what it is about."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(sentence_of(one) for one in error.exceptions)
    said = str(error) or type(error).__name__
    match error:
        case InvalidInput(fields=(field,)) if field not in said:
            return f"{field}: {said}"
        case _:
            return said


def postgres_dsn(settings: Settings) -> str:
    """The books of this installation: configured, or run by another process on its data folder."""
    if settings.postgres_dsn is not None:
        return settings.postgres_dsn.get_secret_value()
    stores = running_stores(settings.data_dir)
    if stores is None or stores.postgres_dsn is None:
        raise Unavailable(f"no service runs on {settings.data_dir}; start `leave-first serve` there first")
    return stores.postgres_dsn


def valkey_url(settings: Settings) -> str:
    """The live store of this installation, found like :func:`postgres_dsn`."""
    if settings.valkey_url is not None:
        return settings.valkey_url.get_secret_value()
    stores = running_stores(settings.data_dir)
    if stores is None or stores.valkey_url is None:
        raise Unavailable(f"no service runs on {settings.data_dir}; start `leave-first serve` there first")
    return stores.valkey_url
