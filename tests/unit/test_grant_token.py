"""A signed grant holds good for one car, at one garage, until it expires, and for nothing else."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from parking.grant_token import TOKEN_MAX, Claims, TokenCheck, check_token, sign_claims
from parking.ids import GarageId, SessionId

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
CLAIMS = Claims(
    garage_id=GarageId("kerry"),
    number="浙A12345",
    colour="blue",
    session_id=SessionId(UUID(int=7)),
    limit_fen=5_000,
    issued_at=NOW,
    expires_at=NOW + timedelta(hours=2),
)
TOKEN = sign_claims(CLAIMS, KEY, "k1")
HEAD, BODY, SIGNATURE = TOKEN.split(".")


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def checked(
    token: str, *, garage: str = "kerry", number: str = "浙A12345", minutes: float = 30
) -> TokenCheck:
    keys = {"k1": public(KEY), "k2": public(OTHER)}
    at = NOW + timedelta(minutes=minutes)
    return check_token(token, keys, garage_id=GarageId(garage), number=number, at=at)[0]


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


RICHER = sign_claims(replace(CLAIMS, limit_fen=50_000), KEY, "k1").split(".")[1]
UNSIGNED = encoded('{"alg":"none","kid":"k1","typ":"grant+jwt"}')
BY_SECRET = encoded('{"alg":"HS256","kid":"k1","typ":"grant+jwt"}')


def test_a_token_is_short_and_says_what_was_signed() -> None:
    result, claims = check_token(
        TOKEN, {"k1": public(KEY)}, garage_id=CLAIMS.garage_id, number=CLAIMS.number, at=NOW
    )
    assert (result, claims) == (TokenCheck.VALID, CLAIMS)
    assert len(TOKEN) < 400


@pytest.mark.parametrize(
    ("token", "result"),
    [
        (TOKEN, "valid"),
        (
            f"{HEAD}.{sign_claims(replace(CLAIMS, limit_fen=50_000), KEY, 'k1').split('.')[1]}.{SIGNATURE}",
            "forged",
        ),
        (sign_claims(CLAIMS, OTHER, "k1"), "forged"),
        (sign_claims(CLAIMS, OTHER, "k2"), "valid"),
        (sign_claims(CLAIMS, KEY, "k9"), "unknown_key"),
        (f"{UNSIGNED}.{BODY}.", "malformed"),
        (f"{BY_SECRET}.{BODY}.{SIGNATURE}", "malformed"),
        (f"{encoded('[]')}.{BODY}.{SIGNATURE}", "malformed"),
        (f"{HEAD}.{BODY}", "malformed"),
        (f"{HEAD}.{BODY}.{SIGNATURE[:-4]}", "forged"),
        ("", "malformed"),
        ("a.b.c", "malformed"),
        ("x" * (TOKEN_MAX + 1), "malformed"),
    ],
)
def test_what_was_not_signed_so_is_refused(token: str, result: str) -> None:
    assert checked(token) == result


@pytest.mark.parametrize(
    ("garage", "number", "minutes", "result"),
    [
        ("kerry", "浙A12345", 119.9, "valid"),
        ("kerry", "浙A12345", 120, "expired"),
        ("kerry", "浙A12345", -1, "valid"),
        ("kerry", "浙A12345", -3, "expired"),
        ("west", "浙A12345", 30, "other_garage"),
        ("kerry", "浙A54321", 30, "other_plate"),
    ],
)
def test_a_token_is_for_one_car_at_one_garage_for_a_while(
    garage: str, number: str, minutes: float, result: str
) -> None:
    assert checked(TOKEN, garage=garage, number=number, minutes=minutes) == result
