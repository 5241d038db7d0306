"""The envelope of the city platform, in both directions.

A message is JSON, cut into blocks as long as the key allows and each block put through the *private* RSA key
with the padding of a PKCS#1 v1.5 signature, without a digest; the blocks together are ``cipher``, base64.
``sign`` is an MD5-with-RSA signature of the text of ``cipher``. So anybody who has the public key can read a
message, and MD5 no longer withstands whoever may choose what is signed: the scheme says who sent something,
not very strongly, and hides nothing. It is used here because the platform has no other; nothing else may rely
on it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.hazmat.primitives.hashes import MD5

from parking.errors import InvalidInput, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MESSAGE_MAX_BYTES", "Envelope", "read_private_key", "read_public_key", "seal", "unseal"]

PADDING_BYTES: Final = 11
"""What PKCS#1 v1.5 takes of each block."""
KEY_BITS_MIN: Final = 1024
MESSAGE_MAX_BYTES: Final = 64 * 1024
"""Of the cleartext; the longest known message has about 1 KiB."""
PEM_MARK: Final = "-----BEGIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A sealed message; both parts are base64."""

    cipher: str
    sign: str


def seal(message: bytes, key: RSAPrivateKey) -> Envelope:
    """Seal ``message``, of at least one byte."""
    if not 0 < len(message) <= MESSAGE_MAX_BYTES:
        raise InvalidInput(f"a message has 1 to {MESSAGE_MAX_BYTES} bytes")
    blocks = _cut(message, key.key_size // 8 - PADDING_BYTES)
    cipher = base64.b64encode(b"".join(key.sign(block, PKCS1v15(), NoDigestInfo()) for block in blocks))
    sign = base64.b64encode(key.sign(cipher, PKCS1v15(), MD5()))  # noqa: S303 - what the platform speaks
    return Envelope(cipher=cipher.decode(), sign=sign.decode())


def unseal(envelope: Envelope, key: RSAPublicKey) -> bytes:
    """The message; raises :class:`NotAuthenticated` unless its holder of the private key sealed it.

    The signature is looked at first: nothing of what strangers send is decrypted.
    """
    block_bytes = key.key_size // 8
    if len(envelope.cipher) > 2 * MESSAGE_MAX_BYTES:
        raise InvalidInput("the message is too long", ("cipher",))
    try:
        sign = base64.b64decode(envelope.sign, validate=True)
        key.verify(sign, envelope.cipher.encode(), PKCS1v15(), MD5())  # noqa: S303 - what the platform speaks
    except (binascii.Error, ValueError, InvalidSignature):
        raise NotAuthenticated("the message does not bear the sender's signature") from None
    try:
        cipher = base64.b64decode(envelope.cipher, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("not base64", ("cipher",)) from None
    if not cipher or len(cipher) % block_bytes:
        raise InvalidInput(f"not made of blocks of {block_bytes} bytes", ("cipher",))
    try:
        return b"".join(
            key.recover_data_from_signature(block, PKCS1v15(), NoDigestInfo())
            for block in _cut(cipher, block_bytes)
        )
    except InvalidSignature:
        raise InvalidInput("a block was not sealed with this key", ("cipher",)) from None


def read_private_key(text: str) -> RSAPrivateKey:
    """A key as PEM, or as the platform hands it out: PKCS#8 in base64 alone."""
    try:
        if PEM_MARK in text:
            key = serialization.load_pem_private_key(text.encode(), password=None)
        else:
            key = serialization.load_der_private_key(_bare(text), password=None)
    except (ValueError, TypeError):
        raise InvalidInput("not a private key") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS_MIN:
        raise InvalidInput(f"an RSA key of at least {KEY_BITS_MIN} bits")
    return key


def read_public_key(text: str) -> RSAPublicKey:
    """A key as PEM, or as the platform hands it out: SubjectPublicKeyInfo in base64 alone."""
    try:
        if PEM_MARK in text:
            key = serialization.load_pem_public_key(text.encode())
        else:
            key = serialization.load_der_public_key(_bare(text))
    except (ValueError, TypeError):
        raise InvalidInput("not a public key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < KEY_BITS_MIN:
        raise InvalidInput(f"an RSA key of at least {KEY_BITS_MIN} bits")
    return key


def _bare(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _cut(content: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]
