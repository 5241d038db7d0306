"""Notices: what the rail reports by itself, signed.

The signature is an HMAC-SHA256 over the timestamp, a full stop and the exact body. A notice is
accepted under any of several secrets, so that they can be rotated, and only within five minutes of
its timestamp. Within them it may come again: whoever books it does so by the attempt key.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from pydantic import ValidationError

from gateways.rails.simulator.wire import NOTICE, DeclinedNotice, PaidNotice
from parking.clock import to_ms
from parking.errors import InvalidInput, NotAuthenticated
from settlement.rail import Declined, Paid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gateways.rails.simulator.faults import Kind

__all__ = ["SIGNATURE_HEADER", "TIMESTAMP_HEADER", "Notice", "parse_notice", "sign_notice"]

TIMESTAMP_HEADER = "Rail-Timestamp"
SIGNATURE_HEADER = "Rail-Signature"
WINDOW_S = 300
TIMESTAMP_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The final outcome of one attempt, as the rail reports it."""

    notice_id: str
    kind: Kind
    attempt_key: str
    answer: Paid | Declined


def sign_notice(body: bytes, secret: str, now: datetime) -> dict[str, str]:
    """The two headers that go with ``body``."""
    timestamp = str(to_ms(now) // 1000)
    return {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: _signature(timestamp, body, secret)}


def parse_notice(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> Notice:
    """Verify, then read; ``headers`` must ignore case, ``now`` is on the clock that the rail has too.

    Raises :class:`NotAuthenticated` before the body is looked at, :class:`InvalidInput` after.
    """
    timestamp, signature = headers.get(TIMESTAMP_HEADER, ""), headers.get(SIGNATURE_HEADER, "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= TIMESTAMP_DIGITS_MAX):
        raise NotAuthenticated("the notice has no timestamp")
    given = signature.encode("utf-8", "replace")
    matches = [hmac.compare_digest(_signature(timestamp, body, secret).encode(), given) for secret in secrets]
    if not any(matches):
        raise NotAuthenticated("the notice is not signed by a known secret")
    if abs(to_ms(now) - int(timestamp) * 1000) >= WINDOW_S * 1000:
        raise NotAuthenticated("the notice is too old, or from the future")
    return _read(body)


def _read(body: bytes) -> Notice:
    try:
        notice = NOTICE.validate_json(body)
    except ValidationError as error:
        fields = tuple(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise InvalidInput("the notice is not what was agreed", fields) from None
    answer: Paid | Declined
    match notice:
        case PaidNotice():
            answer = Paid(
                rail_reference=notice.rail_reference, amount_fen=notice.amount_fen, paid_at=notice.paid_at
            )
        case DeclinedNotice():
            answer = Declined(code=notice.code, hard=notice.hard)
        case _:
            assert_never(notice)
    return Notice(notice_id=notice.notice_id, kind=notice.kind, attempt_key=notice.attempt_key, answer=answer)


def _signature(timestamp: str, body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode(), timestamp.encode() + b"." + body, "sha256").hex()
