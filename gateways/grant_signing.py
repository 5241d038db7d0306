"""The private keys by which grants are signed, files of this machine's own, and the signer.

A key is a PEM file ``<key id>.pem`` of mode 0600 in a folder of mode 0700. Its id begins with the moment it
was made, so that the youngest is the last by name. The settlement process alone reads them; a key that is
added or taken away counts from the next grant on.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from parking.errors import InvalidInput, NotFound
from parking.grant_token import claims_of, seal_of

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from parking.clock import Clock
    from parking.grant import Grant
    from parking.grant_token import Seal
    from parking.session import Session

__all__ = ["GrantSigner", "discard_key", "make_key"]


def make_key(folder: Path, now: datetime, private: Ed25519PrivateKey) -> tuple[str, bytes]:
    """Write a new key's file; returns its id and the 32 bytes of its public half."""
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = f"{now:%Y%m%dT%H%M%S}-{public[:4].hex()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.open(folder / f"{key_id}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return key_id, public


def discard_key(folder: Path, key_id: str) -> None:
    """Delete a key's file; raises :class:`NotFound`."""
    if key_id not in {path.stem for path in folder.glob("*.pem")}:
        raise NotFound("this machine has no such key")
    (folder / f"{key_id}.pem").unlink()


class GrantSigner:
    """Signs grants by the youngest key of a folder; signs nothing while there is none."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._seen: int | None = None
        self._key: tuple[str, Ed25519PrivateKey] | None = None

    def sign(self, session: Session, grant: Grant) -> Seal | None:
        """The seal of a grant's token."""
        key = self._current()
        if key is None:
            return None
        return seal_of(claims_of(session, grant, self._clock.now()), key[1], key[0])

    def _current(self) -> tuple[str, Ed25519PrivateKey] | None:
        try:
            changed = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if changed != self._seen:
            files = sorted(self._folder.glob("*.pem"))
            self._key = (files[-1].stem, _read(files[-1])) if files else None
            self._seen = changed
        return self._key


def _read(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise InvalidInput(f"{path.name}: others may read this key; make a new one", ("grant_key_dir",))
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(f"{path.name}: not a key of Ed25519", ("grant_key_dir",))
    return key
