"""What comes of a step of a session."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parking.debt import DebtNotice
    from parking.decision import Decision
    from parking.event import GateEvent
    from parking.grant import Grant
    from parking.ids import SessionId
    from parking.session import Session

__all__ = ["Changed", "Inside", "Issued", "Outcome", "Owes", "Remembered", "Written"]


@dataclass(frozen=True, slots=True)
class Remembered:
    """This event was answered before, and how."""

    decision: Decision
    session_id: SessionId | None


@dataclass(frozen=True, slots=True)
class Written:
    """The step is written; ``session_id`` is the session it concerned."""

    decision: Decision
    session_id: SessionId | None


@dataclass(frozen=True, slots=True)
class Changed:
    """The session is no longer as it was looked at: look again."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a look found: the session of the car inside, if there is one, its grant and its debts.

    A car without a plate leaves by the token of ``token_digest``.
    """

    session: Session | None
    grant: Grant | None
    debt: DebtNotice | None = None
    token_digest: str = ""

    def is_shown(self, event: GateEvent) -> bool:
        """Whether an event shows this car: by its plate, or by the token that it leaves by now."""
        return not event.token_digest or self.leaves_by(event.token_digest)

    def leaves_by(self, token_digest: str) -> bool:
        """Whether this car leaves by the token of that digest."""
        return hmac.compare_digest(self.token_digest, token_digest)


@dataclass(frozen=True, slots=True)
class Owes:
    """The driver who comes in owes; nothing has changed. ``None``: what, this version cannot read."""

    debt: DebtNotice | None


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that may come in until a moment, as the live store has it; ``""`` where it has none."""

    record: str

    def lets_in(self, event: GateEvent) -> bool:
        """Whether it is the token that an event shows, in time."""
        until_ms = self.record.rpartition(";")[2]
        return self.is_of(event.token_digest) and event.captured_ms <= int(until_ms)

    def is_of(self, token_digest: str) -> bool:
        """Whether it is the token of that digest."""
        return hmac.compare_digest(self.record.partition(";")[0], token_digest)


Outcome = Remembered | Written | Changed | Inside | Owes | Issued
