"""Puts cars and remembered answers back into a live store that lost them; what is there stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.clock import to_ms
from parking.live.codec import decision_text, session_facts
from parking.live.keys import Keys
from parking.price_facts import earlier_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.ids import SessionId
    from parking.live.batching import BatchingConnection
    from parking.session import Session

__all__ = ["Restoring"]


class Restoring:
    """``answers_kept`` is how long answers are remembered from now."""

    def __init__(self, live: BatchingConnection, *, partition_count: int, answers_kept: timedelta) -> None:
        self._live = live
        self._keys = Keys(partition_count)
        self._keep_ms = int(answers_kept.total_seconds() * 1000)

    async def car(self, session: Session, token_digest: str = "") -> bool:
        """Put one car inside; ``False`` when a car of its number is there."""
        keys = self._keys.of(session.garage_id)
        number = session.plate.number
        put = await self._live.call(
            "FCALL", "lf1_restore", 3, keys.car(number), keys.inside, keys.left(number),
            str(session.session_id), session_facts(session), session.version, to_ms(session.entered_at),
            number, earlier_text(session.earlier), token_digest, *_prepaid(session),
        )  # fmt: skip
        return bool(put)

    async def answer(self, event: GateEvent, decision: Decision, session_id: SessionId | None) -> bool:
        """Remember one answer; ``False`` when one is remembered."""
        key = self._keys.of(event.garage_id).event(event.event_id)
        text = f"{event.digest()};{decision_text(decision)};{session_id or ''}"
        return bool(await self._live.call("SET", key, text, "NX", "PX", self._keep_ms))


def _prepaid(session: Session) -> Iterable[int]:
    if session.prepaid_at is None or session.prepaid_until is None:
        return ()
    return (session.prepaid_fen, to_ms(session.prepaid_at), to_ms(session.prepaid_until))
