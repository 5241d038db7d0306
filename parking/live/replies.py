"""How the live store's replies to the steps of a session are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from parking.errors import CallerError, Conflict, Defect
from parking.live.codec import answer_from, session_from
from parking.live.grant_codec import debt_from, held_grant
from parking.live.outcomes import Changed, Inside, Issued, Outcome, Owes, Remembered, Written

if TYPE_CHECKING:
    from parking.decision import Decision
    from parking.ids import GarageId, SessionId

__all__ = ["issued_token", "read_back", "seen", "written"]

CAR_FIELDS: Final = ("s", "f", "v", "e", "g", "p", "pa", "pu", "d", "b", "y", "t")
"""The fields of a car in the order of ``lf1_find``."""


def _remembered(reply: list[bytes]) -> Remembered | Changed | Owes | None:
    """What a reply says unless the step was taken."""
    match reply[0]:
        case b"conflict":
            raise Conflict("this event_id was used for an event with other content")
        case b"failed":
            raise Defect(f"the live store failed at a step: {reply[1].decode(errors='replace')}")
        case b"replayed":
            return Remembered(*_read(reply[1].decode()))
        case b"changed":
            return Changed()
        case b"owes":
            return Owes(debt_from(reply[1].decode()))
        case _:
            return None


def seen(garage_id: GarageId, reply: list[Any]) -> Outcome:
    """The remembered answer, or the car inside."""
    return _remembered(reply) or _inside(garage_id, reply[1:])


def issued_token(reply: list[bytes]) -> Outcome:
    """The remembered answer, or what was issued."""
    return _remembered(reply) or Issued(reply[1].decode() if reply[1] else "")


def written(proposed: str, as_proposed: Written, reply: list[bytes]) -> Outcome:
    """What became of a step; nearly always what was proposed, which then need not be read back."""
    if reply[0] != b"new":
        known = _remembered(reply)
        if known is not None:
            return known
    text = reply[1].decode()
    return as_proposed if text == proposed else Written(*_read(text))


def read_back(reply: list[bytes]) -> Outcome:
    """What became of a step whose answer the store has chosen."""
    return _remembered(reply) or Written(*_read(reply[1].decode()))


def _read(text: str) -> tuple[Decision, SessionId | None]:
    try:
        return answer_from(text)
    except ValueError as error:
        raise Defect("a remembered answer cannot be read by this version") from error


def _inside(garage_id: GarageId, found: list[Any]) -> Inside:
    if found[0] is None:
        return Inside(session=None, grant=None)
    fields = {
        name: value.decode() for name, value in zip(CAR_FIELDS, found, strict=True) if value is not None
    }
    try:
        session = session_from(garage_id, fields)
    except (KeyError, ValueError, TypeError, ArithmeticError, CallerError) as error:
        raise Defect("a session cannot be read by this version") from error
    return Inside(
        session=session,
        grant=held_grant(fields.get("g")),
        debt=debt_from(fields.get("d")),
        token_digest=fields.get("t", ""),
    )
