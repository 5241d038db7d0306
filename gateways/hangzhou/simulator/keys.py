"""The keys of both sides, made once and kept in the simulator's folder.

``platform.key`` seals what the city sends and ``platform.pub`` opens it; ``garage.key`` is what a garage
gets, to seal with. Nothing real is ever sealed with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gateways.hangzhou.envelope import read_private_key

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

__all__ = ["key_pair"]

EXPONENT: Final = 65_537
KEY_BITS: Final = 1024
"""As the platform's; nobody would choose it today."""


def key_pair(folder: Path, name: str) -> RSAPrivateKey:
    """The private key in ``name.key``; made now, with its public one in ``name.pub``, if it is not there."""
    path = folder / f"{name}.key"
    if path.exists():
        return read_private_key(path.read_text("ascii"))
    key = rsa.generate_private_key(EXPONENT, KEY_BITS)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / f"{name}.pub").write_bytes(public)
    path.touch(mode=0o600)
    path.write_bytes(private)
    return key
