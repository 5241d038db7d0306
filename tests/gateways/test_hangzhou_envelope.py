"""The city's envelope, against what OpenSSL makes of the same message and key."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.hangzhou.envelope import (
    MESSAGE_MAX_BYTES,
    Envelope,
    read_private_key,
    read_public_key,
    seal,
    unseal,
)
from parking.errors import InvalidInput, NotAuthenticated

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

VECTOR = Path(__file__).parents[1] / "conformance" / "hangzhou"
"""Made by OpenSSL alone: 117-byte blocks of the message, signed without a digest, then MD5 with RSA."""
KEY_FILE = VECTOR / "key.pem"
MESSAGE = (VECTOR / "message.json").read_bytes()
SEALED = Envelope(cipher=(VECTOR / "cipher").read_text(), sign=(VECTOR / "sign").read_text())


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return read_private_key(KEY_FILE.read_text())


def test_a_message_is_sealed_as_openssl_seals_it(key: RSAPrivateKey) -> None:
    assert seal(MESSAGE, key) == SEALED


def test_what_openssl_sealed_is_opened(key: RSAPrivateKey) -> None:
    assert unseal(SEALED, key.public_key()) == MESSAGE


@pytest.mark.skipif(shutil.which("openssl") is None, reason="OpenSSL's command is not on this machine")
def test_openssl_opens_what_we_seal(key: RSAPrivateKey, tmp_path: Path) -> None:
    sealed = seal(MESSAGE[::-1], key)
    cipher = base64.b64decode(sealed.cipher)
    block_bytes = key.key_size // 8
    opened = b""
    for start in range(0, len(cipher), block_bytes):
        block = tmp_path / "block"
        block.write_bytes(cipher[start : start + block_bytes])
        opened += _openssl("pkeyutl", "-verifyrecover", "-inkey", str(KEY_FILE), "-in", str(block))
    assert opened == MESSAGE[::-1]
    sign = tmp_path / "sign"
    sign.write_bytes(base64.b64decode(sealed.sign))
    (tmp_path / "cipher").write_text(sealed.cipher)
    said = _openssl(
        "dgst", "-md5", "-prverify", str(KEY_FILE), "-signature", str(sign), str(tmp_path / "cipher")
    )
    assert said == b"Verified OK\n"


def _openssl(*arguments: str) -> bytes:
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=True)  # noqa: S603, S607
    return done.stdout


@pytest.mark.parametrize("bits", [1024, 2048])
def test_blocks_are_as_long_as_the_key_allows(bits: int) -> None:
    key = rsa.generate_private_key(65_537, bits)
    room = bits // 8 - 11
    for length in (1, room - 1, room, room + 1, 3 * room):
        message = b"x" * length
        sealed = seal(message, key)
        assert len(base64.b64decode(sealed.cipher)) == -(-length // room) * bits // 8
        assert unseal(sealed, key.public_key()) == message


@given(message=st.binary(min_size=1, max_size=600))
@settings(max_examples=50, deadline=None)
def test_whatever_is_sealed_is_opened_again(message: bytes) -> None:
    key = read_private_key(KEY_FILE.read_text())
    assert unseal(seal(message, key), key.public_key()) == message


@given(cipher=st.text(max_size=400), sign=st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_what_a_stranger_sends_is_refused(cipher: str, sign: str) -> None:
    key = read_private_key(KEY_FILE.read_text()).public_key()
    with pytest.raises(NotAuthenticated):
        unseal(Envelope(cipher=cipher, sign=sign), key)


def test_a_changed_cipher_or_another_key_is_refused(key: RSAPrivateKey) -> None:
    other = rsa.generate_private_key(65_537, 2048)
    with pytest.raises(NotAuthenticated):
        unseal(SEALED, other.public_key())
    with pytest.raises(NotAuthenticated):
        unseal(Envelope(cipher="A" + SEALED.cipher[1:], sign=SEALED.sign), key.public_key())


@pytest.mark.parametrize("cipher", ["", "AAAA", base64.b64encode(bytes(128)).decode(), "not base64 at all!"])
def test_a_signed_cipher_that_is_none_is_refused(key: RSAPrivateKey, cipher: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - signs nonsense
    from cryptography.hazmat.primitives.hashes import MD5  # noqa: PLC0415

    sign = key.sign(cipher.encode(), PKCS1v15(), MD5())  # noqa: S303 - what the platform speaks
    with pytest.raises(InvalidInput):
        unseal(Envelope(cipher=cipher, sign=base64.b64encode(sign).decode()), key.public_key())


@pytest.mark.parametrize("length", [0, MESSAGE_MAX_BYTES + 1])
def test_a_message_has_bounds(key: RSAPrivateKey, length: int) -> None:
    with pytest.raises(InvalidInput):
        seal(b"x" * length, key)


def test_a_cipher_beyond_any_message_is_not_looked_at(key: RSAPrivateKey) -> None:
    with pytest.raises(InvalidInput):
        unseal(Envelope(cipher="A" * 3 * MESSAGE_MAX_BYTES, sign=SEALED.sign), key.public_key())


def test_keys_are_read_as_pem_and_as_the_platform_hands_them_out(key: RSAPrivateKey) -> None:
    bare = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert read_private_key(base64.encodebytes(bare).decode()).private_numbers() == key.private_numbers()
    assert read_public_key(base64.b64encode(public).decode()) == key.public_key()
    assert read_public_key(_public_pem(key)) == key.public_key()


def _public_pem(key: RSAPrivateKey) -> str:
    encoded = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded.decode()


def test_what_is_no_rsa_key_of_1024_bits_is_refused() -> None:
    other = ed25519.Ed25519PrivateKey.generate()
    pem = other.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    for text in ("", "AAAA", "ключ", "-----BEGIN PRIVATE KEY-----\n", pem):
        with pytest.raises(InvalidInput):
            read_private_key(text)
        with pytest.raises(InvalidInput):
            read_public_key(text)
