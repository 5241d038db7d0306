"""What holds for every command of ``leave-first``."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import click

from gateways.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator


def every_command(command: click.Command, words: str = "leave-first") -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every_command(inner, f"{words} {name}")


def test_a_choice_is_typed_as_the_api_writes_it() -> None:
    by_name = [
        f"{words} {option.opts[0]}"
        for words, command in every_command(main)
        for option in command.params
        if isinstance(option.type, click.Choice)
        if any(isinstance(one, Enum) for one in option.type.choices)
    ]
    assert by_name == []


def test_every_command_says_what_it_does() -> None:
    assert [words for words, command in every_command(main) if not command.help] == []
