"""``leave-first serve``: the whole service, or one role of it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click
import structlog
import uvloop

from gateways.app import run_settlement
from gateways.commands.options import installation_options
from gateways.gate_process import run_gates
from gateways.hangzhou.connection import load_connection
from gateways.logs import configure_logs
from gateways.process import check_live_store, run
from gateways.service import Addresses, serve_all
from gateways.settings import misspelt
from gateways.supervisor import run_until_signal
from parking.errors import InvalidInput

if TYPE_CHECKING:
    from gateways.settings import Settings

__all__ = ["serve_command"]


@click.command("serve")
@installation_options
@click.option(
    "--role",
    type=click.Choice(["all", "gates", "settlement"]),
    default="all",
    show_default=True,
    help="Run everything under one supervisor, or one kind of process alone.",
)
@click.option("--gate-processes", type=click.IntRange(1, 64), help="Processes that share the gate port.")
@click.option(
    "--number", type=click.IntRange(0, 63), default=0, help="Of this gate process, with --role gates."
)
@click.option("--lifeline-fd", type=int, hidden=True)
def serve_command(
    *, settings: Settings, role: str, gate_processes: int | None, number: int, lifeline_fd: int | None
) -> None:
    """Take gate events and settle fees until SIGTERM or Ctrl-C; both drain.

    Prints one line of JSON with its addresses when it is ready. Logs go to standard error.
    """
    if gate_processes is not None:
        settings = settings.model_copy(update={"gate_processes": gate_processes})
    if role != "all":
        _need_addresses(settings, role)
    if role != "all" and lifeline_fd is None:
        uvloop.run(check_live_store(settings))
    if settings.hangzhou_file is not None and role != "gates":
        load_connection(settings.hangzhou_file)
    match role:
        case "gates":
            run(
                run_gates(settings, number=number, lifeline_fd=lifeline_fd),
                settings,
                process=f"gates-{number}",
            )
        case "settlement":
            run(run_settlement(settings, lifeline_fd=lifeline_fd), settings, process="settlement")
        case _:
            configure_logs(settings.log_level, process="supervisor")
            log = structlog.get_logger()
            for name in misspelt():
                log.warning("variable_names_no_setting", variable=name)
            service = serve_all(settings, announce=_announce, log=log)
            sys.exit(uvloop.run(run_until_signal(service, lifeline_fd=lifeline_fd)))


def _need_addresses(settings: Settings, role: str) -> None:
    if settings.valkey_url is None or (role == "settlement" and settings.postgres_dsn is None):
        raise InvalidInput(
            f"--role {role} needs the addresses of the stores: LEAVE_FIRST_VALKEY_URL"
            + (" and LEAVE_FIRST_POSTGRES_DSN" if role == "settlement" else "")
        )


def _announce(addresses: Addresses) -> None:
    line = {
        "gate_url": addresses.gate_url,
        "operator_url": addresses.operator_url,
        "metrics_urls": list(addresses.metrics_urls),
        "data_dir": str(addresses.data_dir),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
