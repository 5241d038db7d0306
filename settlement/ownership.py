"""Proof that a plate is the holder's: a step that can be another one elsewhere.

The default is a code that reaches only the holder of the vehicle, by whatever way the caller has for that: a
letter to the registered address, a message to a number on record. It is kept as a salted hash, so that who
reads the books cannot use it while it is valid.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CodeProof", "Kept", "OwnershipProof"]

SALT_BYTES: Final = 16
DIGITS: Final = 6
SCRYPT_COST: Final = 4096
"""Some milliseconds a try: with ten minutes and five tries, guessing is hopeless here and slow on a copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept of a proof that was asked for."""

    salt: bytes
    code_hash: bytes


class OwnershipProof(Protocol):
    """How the holder of a plate proves it."""

    valid_for: timedelta
    tries: int

    def issue(self, draw_bytes: Callable[[int], bytes]) -> tuple[str, Kept]:
        """What only the holder is to get, and what is kept to check it."""
        ...

    def holds(self, kept: Kept, told: str) -> bool:
        """Whether somebody was told what was issued; takes the same time for every wrong answer."""
        ...


@dataclass(frozen=True, slots=True)
class CodeProof(OwnershipProof):
    """Six digits."""

    valid_for: timedelta = timedelta(minutes=10)
    tries: int = 5

    @override
    def issue(self, draw_bytes: Callable[[int], bytes]) -> tuple[str, Kept]:
        # Eight random bytes: no code is likelier than another by more than one in ten million million.
        code = f"{int.from_bytes(draw_bytes(8)) % 10**DIGITS:0{DIGITS}}"
        salt = draw_bytes(SALT_BYTES)
        return code, Kept(salt=salt, code_hash=_hash(code, salt))

    @override
    def holds(self, kept: Kept, told: str) -> bool:
        return hmac.compare_digest(_hash(told, kept.salt), kept.code_hash)


def _hash(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode(), salt=salt, n=SCRYPT_COST, r=8, p=1, dklen=32)
