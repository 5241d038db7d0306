"""What can happen in a day: the acts, and when each of them is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from parking.event import GateEvent
    from parking.ids import AccountId
    from parking.plate import Plate

__all__ = [
    "Act", "Correct", "Deliver", "Give", "LoseToken", "Pay", "PayDebt", "Prepay", "Report", "Resolve",
    "Settle", "Step", "TakeToken",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A controller sends an event, ``times`` over; ``once_charged``: only when the last exit was charged."""

    event: GateEvent
    times: int = 1
    once_charged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """A controller that was cut off sends what happened meanwhile."""

    events: tuple[GateEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """An attendant looks at the picture of an unsure reading, and names the plate."""

    event: GateEvent
    plate: Plate


@dataclass(frozen=True, slots=True, kw_only=True)
class Pay:
    """A driver who was held at ``event`` pays the fee; only the player knows who has to."""

    event: GateEvent
    session_id: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayDebt:
    """A driver who was held at ``event`` for earlier stays pays them, by ``reference``."""

    event: GateEvent
    reference: str
    owed_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Give:
    """A merchant gives a coupon to the car that came in by ``event``."""

    event: GateEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepay:
    """The driver of the car that came in by ``event`` pays at a machine inside."""

    event: GateEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeToken:
    """The driver who comes in by ``event`` gets a token: of his account, or if he has none the lane's."""

    event: GateEvent
    account_id: AccountId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoseToken:
    """An attendant finds the entry ``event`` by time and picture, and gives its driver another token."""

    event: GateEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """On a real day settlement has long done its part by now; time stands still until it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct:
    """An attendant has the bill of a car put right that turned back unreported, and left at ``event``."""

    event: GateEvent


Act = Report | Deliver | Resolve | Correct | Pay | PayDebt | Give | Prepay | TakeToken | LoseToken | Settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done at a moment; ``car`` orders what concerns one car, None concerns no single one."""

    at: datetime
    car: int | None
    act: Act
