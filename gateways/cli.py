"""``leave-first``: the command line."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click
from typing_extensions import override

__all__ = ["main"]

COMMANDS: Final = {
    "serve": ("gateways.commands.serve", "serve_command"),
    "migrate": ("gateways.commands.books", "migrate_command"),
    "rebuild": ("gateways.commands.books", "rebuild_command"),
    "verify": ("gateways.commands.verify", "verify_command"),
    "export": ("gateways.commands.books", "export_command"),
    "token": ("gateways.commands.token", "token_command"),
    "controller": ("gateways.commands.controller", "controller_command"),
    "tariff": ("gateways.commands.tariff", "tariff_command"),
    "grant-key": ("gateways.commands.grant_key", "grant_key_command"),
    "policy": ("gateways.commands.policy", "policy_command"),
    "merchant": ("gateways.commands.merchant", "merchant_command"),
    "correction": ("gateways.commands.correction", "correction_command"),
    "session": ("gateways.commands.session", "session_command"),
    "demo": ("gateways.demo.command", "demo"),
    "simulate": ("gateways.devices.command", "simulate_command"),
    "rail-simulator": ("gateways.rails.simulator.command", "rail_simulator"),
    "hangzhou-simulator": ("gateways.hangzhou.simulator.command", "hangzhou_simulator"),
}


class Commands(click.Group):
    """Imports a command when it is called: ``--help`` and a gate's start need not load the rest."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: Any = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.command(cls=Commands)
@click.version_option(package_name="leave-first")
def main() -> None:
    """Leave first, pay later: an engine for parking without stopping at the exit."""


if __name__ == "__main__":
    main()
