"""What the gates are told of a car inside, as text: its grant, its driver's debts, what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from parking.benefits import benefits_text
from parking.clock import from_ms, to_ms
from parking.debt import DebtNotice, Measure
from parking.grant import Grant, GrantReason
from parking.grant_token import Seal
from parking.ids import AccountId
from parking.language import Language

if TYPE_CHECKING:
    from parking.benefits import Benefits

__all__ = [
    "debt_from",
    "debt_text",
    "given_text",
    "grant_from",
    "grant_text",
    "held_grant",
    "seal_bytes",
    "seal_from",
]


def grant_text(grant: Grant) -> str:
    """``allowed;limit;reason;expires ms;account``; before the account the language, where one was chosen."""
    account = f"{grant.language};" if grant.language is not None else ""
    account += str(grant.account_id or "")
    return f"{int(grant.allowed)};{grant.limit_fen};{grant.reason};{to_ms(grant.expires_at)};{account}"


def grant_from(text: str) -> Grant:
    """The inverse of :func:`grant_text`."""
    allowed, limit, reason, expires, *chosen, account = text.split(";")
    (language,) = chosen or ("",)
    return Grant(
        allowed=allowed == "1",
        limit_fen=int(limit),
        reason=GrantReason(reason),
        expires_at=from_ms(int(expires)),
        account_id=AccountId(UUID(account)) if account else None,
        language=Language(language) if language else None,
    )


def held_grant(text: str | None) -> Grant | None:
    """The grant of a car inside; one that this version cannot read is none, and the policy decides."""
    try:
        return grant_from(text) if text else None
    except (ValueError, ArithmeticError):
        return None


def given_text(benefits: Benefits | None) -> str:
    """What a stay is given, as the library has it; ``-`` as long as that is not known."""
    return "-" if benefits is None else benefits_text(benefits)


def seal_bytes(seal: Seal | None) -> bytes:
    """``key id;issued s;signature``, or nothing."""
    return (
        b"" if seal is None else f"{seal.key_id};{to_ms(seal.issued_at) // 1000};".encode() + seal.signature
    )


def seal_from(raw: bytes) -> Seal:
    """The inverse of :func:`seal_bytes` for a seal."""
    key_id, issued_s, signature = raw.split(b";", 2)
    return Seal(key_id=key_id.decode(), issued_at=from_ms(int(issued_s) * 1000), signature=signature)


def debt_text(debt: DebtNotice) -> str:
    """``entry;exit;owed;reference``."""
    return f"{debt.entry};{debt.exit};{debt.owed_fen};{debt.reference}"


def debt_from(text: str | None) -> DebtNotice | None:
    """The inverse of :func:`debt_text`; one that this version cannot read is none, and stops nobody."""
    try:
        entry, at_exit, owed, reference = (text or "").split(";")
        return DebtNotice(
            entry=Measure(entry), exit=Measure(at_exit), owed_fen=int(owed), reference=reference
        )
    except ValueError:
        return None
