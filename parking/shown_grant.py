"""An exit of the past that shows the signed grant on which its garage, cut off, let the car out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.decision import Decision, Reason, Verdict
from parking.grant_token import Claims, TokenCheck, check_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parking.event import GateEvent

__all__ = ["check_shown", "shown_grant"]


def shown_grant(event: GateEvent, keys: Mapping[str, bytes]) -> Decision:
    """No barrier moves for it; the limit is that of a grant that holds good."""
    result, claims = check_shown(event, keys)
    if result is not TokenCheck.VALID or claims is None:
        return Decision(verdict=Verdict.HOLD, reason=Reason.GRANT_REFUSED)
    return Decision(verdict=Verdict.HOLD, reason=Reason.OFFLINE_GRANT, limit_fen=claims.limit_fen)


def check_shown(event: GateEvent, keys: Mapping[str, bytes]) -> tuple[TokenCheck, Claims | None]:
    """Check the token of an event as of the moment at which the car left."""
    return check_token(
        event.grant_token,
        keys,
        garage_id=event.garage_id,
        number=event.plate.number,
        at=event.captured_at,
    )
