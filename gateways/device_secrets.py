"""Passwords that commands to devices need: encrypted at rest under one key of the installation.

Fernet (AES with an authentication code) from ``cryptography``. The key is a file beside the data, made at its
first use; gate processes on other machines get a copy of it. What is stored without it is worth nothing, and
no command of ours shows a password again.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken

from parking.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["seal", "unseal"]


def seal(key_file: Path, password: str) -> str:
    """The password as it is stored; makes the key where there is none."""
    if not key_file.exists():
        _make(key_file)
    return Fernet(key_file.read_bytes()).encrypt(password.encode()).decode()


def unseal(key_file: Path, sealed: str) -> str:
    """The inverse; :class:`Unavailable` without the right key."""
    try:
        return Fernet(key_file.read_bytes()).decrypt(sealed.encode()).decode()
    except (OSError, ValueError, InvalidToken) as error:
        raise Unavailable("the device's password cannot be read with this machine's device key") from error


def _make(key_file: Path) -> None:
    """Write a fresh key whole, readable by its owner alone; another process may have been faster."""
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = key_file.with_name(f"{key_file.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as writing:
        writing.write(Fernet.generate_key())
        writing.flush()
        os.fsync(writing.fileno())
    try:
        key_file.hardlink_to(fresh)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
