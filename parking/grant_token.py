"""A grant as a token that a controller can check by itself, and show afterwards.

It is a JSON Web Signature in compact form (RFC 7515) by Ed25519 (RFC 8037), so that there are libraries::

    {"alg":"EdDSA","kid":"<key>","typ":"grant+jwt"}.
    {"aud":"<garage>","sub":"<plate number>;<colour>","lim":<fen>,"iat":<s>,"exp":<s>,"jti":"<session>"}

It names no account. It says that the car of this session, with this plate, may leave this garage owing up to
``lim``, until ``exp``. Only this algorithm is ever accepted, whatever a header says.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from parking.clock import from_ms, to_ms
from parking.ids import GarageId, SessionId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from parking.grant import Grant
    from parking.session import Session

__all__ = [
    "TOKEN_MAX",
    "Claims",
    "Seal",
    "TokenCheck",
    "check_token",
    "claims_in",
    "claims_of",
    "key_id_of",
    "seal_of",
    "sign_claims",
    "token_of",
]

TOKEN_MAX = 1024
"""Characters; a longer one is not looked at."""
ALGORITHM = "EdDSA"
TYPE = "grant+jwt"


@unique
class TokenCheck(StrEnum):
    """What became of a token that a controller has shown."""

    VALID = "valid"
    MALFORMED = "malformed"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"
    """Its signature is not of this content."""
    OTHER_GARAGE = "other_garage"
    OTHER_PLATE = "other_plate"
    EXPIRED = "expired"
    """The car left later than the token says, or before it was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says."""

    garage_id: GarageId
    number: str
    colour: str
    session_id: SessionId
    limit_fen: int
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What a token says beyond the session and its grant, so that nobody need keep the whole of it."""

    key_id: str
    issued_at: datetime
    signature: bytes
    """64 bytes."""


def claims_of(session: Session, grant: Grant, issued_at: datetime) -> Claims:
    """What the token of a session's grant says."""
    return Claims(
        garage_id=session.garage_id,
        number=session.plate.number,
        colour=session.plate.colour,
        session_id=session.session_id,
        limit_fen=grant.limit_fen,
        issued_at=issued_at,
        expires_at=grant.expires_at,
    )


def sign_claims(claims: Claims, key: Ed25519PrivateKey, key_id: str) -> str:
    """The token; the same claims by the same key are the same token."""
    return token_of(claims, seal_of(claims, key, key_id))


def seal_of(claims: Claims, key: Ed25519PrivateKey, key_id: str) -> Seal:
    """Sign claims by a key."""
    signature = key.sign(_signed_text(claims, key_id).encode())
    return Seal(key_id=key_id, issued_at=claims.issued_at, signature=signature)


def token_of(claims: Claims, seal: Seal) -> str:
    """The token, to the byte as it was signed."""
    return f"{_signed_text(claims, seal.key_id)}.{_encoded(seal.signature)}"


def _signed_text(claims: Claims, key_id: str) -> str:
    header = {"alg": ALGORITHM, "kid": key_id, "typ": TYPE}
    payload = {
        "aud": claims.garage_id,
        "sub": f"{claims.number};{claims.colour}",
        "lim": claims.limit_fen,
        "iat": to_ms(claims.issued_at) // 1000,
        "exp": to_ms(claims.expires_at) // 1000,
        "jti": str(claims.session_id),
    }
    return f"{_encoded(_json(header))}.{_encoded(_json(payload))}"


def key_id_of(token: str) -> str:
    """The key by which a token of ours says that it is signed."""
    header: dict[str, str] = json.loads(_decoded(token.partition(".")[0]))
    return header["kid"]


def claims_in(token: str) -> Claims:
    """What a token of ours says; its signature is not checked."""
    return _claims(json.loads(_decoded(token.split(".")[1])))


def check_token(
    token: str, keys: Mapping[str, bytes], *, garage_id: GarageId, number: str, at: datetime
) -> tuple[TokenCheck, Claims | None]:
    """Whether a token lets a car out at a garage at a moment; the claims only of one that is truly ours.

    ``keys`` are the public keys by key id, 32 bytes each, retired ones included. The colour is not compared:
    cameras confuse colours more often than two cars of one number meet in one garage.
    """
    try:
        head, body, signature = token[: TOKEN_MAX + 1].split(".")
        header, raw = json.loads(_decoded(head)), _decoded(signature)
        if header["alg"] != ALGORITHM or header["typ"] != TYPE:
            return TokenCheck.MALFORMED, None
        key = keys.get(header["kid"])
        if key is None:
            return TokenCheck.UNKNOWN_KEY, None
        Ed25519PublicKey.from_public_bytes(key).verify(raw, f"{head}.{body}".encode())
        claims = _claims(json.loads(_decoded(body)))
    except InvalidSignature:
        return TokenCheck.FORGED, None
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError, OverflowError):
        return TokenCheck.MALFORMED, None
    if claims.garage_id != garage_id:
        return TokenCheck.OTHER_GARAGE, claims
    if claims.number != number:
        return TokenCheck.OTHER_PLATE, claims
    inside = claims.issued_at.timestamp() <= at.timestamp() + CLOCKS_DIFFER_S
    if not inside or at >= claims.expires_at:
        return TokenCheck.EXPIRED, claims
    return TokenCheck.VALID, claims


CLOCKS_DIFFER_S = 120
"""A controller's clock may be behind ours by this much when it lets out a car that was granted just now."""


def _claims(payload: dict[str, Any]) -> Claims:
    number, colour = payload["sub"].split(";")
    return Claims(
        garage_id=GarageId(payload["aud"]),
        number=number,
        colour=colour,
        session_id=SessionId(UUID(payload["jti"])),
        limit_fen=int(payload["lim"]),
        issued_at=from_ms(int(payload["iat"]) * 1000),
        expires_at=from_ms(int(payload["exp"]) * 1000),
    )


def _json(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
