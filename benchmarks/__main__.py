"""``python -m benchmarks [NAME …] [--json] [--small]``: all unless named."""

from __future__ import annotations

import importlib
import json
from typing import TYPE_CHECKING, Protocol, cast

import click
import uvloop

from benchmarks.report import table

if TYPE_CHECKING:
    from collections.abc import Coroutine

    class Benchmark(Protocol):
        """One of them."""

        def __call__(self, *, small: bool) -> Coroutine[object, object, dict[str, object]]:
            """Measure."""
            ...


BENCHMARKS = {
    "gate": "benchmarks.gate:gate",
    "bulk": "benchmarks.gate:bulk",
    "socket": "benchmarks.sockets:run",
    "protocols": "benchmarks.protocols:run",
    "settle": "benchmarks.settle:run",
    "price": "benchmarks.price:run",
}


@click.command(help="Measure ours beside its ceiling, in one run on this machine.")
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--json", "as_json", is_flag=True, help="Print one object and nothing else.")
@click.option("--small", is_flag=True, help="A few seconds, to see that it works; the figures mean little.")
def main(names: tuple[str, ...], *, as_json: bool, small: bool) -> None:
    """Run each benchmark and print what it found."""
    results: dict[str, dict[str, object]] = {}
    for name in dict.fromkeys(names or BENCHMARKS):
        results[name] = uvloop.run(_benchmark(name)(small=small))
        if not as_json:
            click.echo(table(results[name]) + "\n")
    if as_json:
        only = next(iter(results.values())) if len(results) == 1 else results
        click.echo(json.dumps(only, ensure_ascii=False))


def _benchmark(name: str) -> Benchmark:
    """Imported when it is asked for: each needs other parts of the product."""
    module, _, function = BENCHMARKS[name].partition(":")
    return cast("Benchmark", getattr(importlib.import_module(module), function))


if __name__ == "__main__":
    main()
