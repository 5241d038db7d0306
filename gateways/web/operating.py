"""What the operator API works with: books, live store, time, chance, and two ways to tell the gates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gateways.web.controller_wire import DeviceIn
    from parking.clock import Clock
    from parking.device import Device
    from parking.ids import AccountId
    from parking.live.gate_line import GateLine
    from parking.live.sessions import Sessions
    from settlement.books.accounts import Accounts
    from settlement.books.barriers import Barriers
    from settlement.books.charges import Charges
    from settlement.books.claims import Claims
    from settlement.books.corrections import Corrections
    from settlement.books.debts import Debts
    from settlement.books.exemptions import Exemptions
    from settlement.books.garages import Garages
    from settlement.books.merchants import Merchants
    from settlement.books.passes import Passes
    from settlement.books.policies import Policies
    from settlement.books.prepayments import Prepayments
    from settlement.books.review import Reviews
    from settlement.books.standings import Standings
    from settlement.books.stay_tokens import StayTokens
    from settlement.books.tokens import Tokens
    from settlement.books.views import Views
    from settlement.coupon_desk import CouponDesk

__all__ = ["Devices", "Operator", "Regrant", "Republish"]


class Regrant(Protocol):
    """Decides anew what the cars of some accounts that are inside may leave unpaid, and tells the gates."""

    async def __call__(self, *account_ids: AccountId, unbound_numbers: Sequence[str] = ()) -> object:
        """Repeating it does no harm; ``unbound_numbers`` are plates that they have just let go."""
        ...


class Republish(Protocol):
    """Publishes the catalog to the gates if it has changed."""

    async def __call__(self) -> None:
        """Repeating it does no harm."""
        ...


class Devices(Protocol):
    """What is known of makers' protocols, which this floor's other side brings."""

    def device(self, given: DeviceIn, token_id: str, secret: str) -> Device:
        """The device that an operator describes; raises :class:`InvalidInput`."""
        ...

    def setup(self, device: Device, token_id: str, secret: str) -> tuple[str, str]:
        """The address that is typed into it, and how."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What the operator API works with; ``draw_bytes`` draws that many random bytes for secrets and ids."""

    garages: Garages
    tokens: Tokens
    accounts: Accounts
    barriers: Barriers
    prepayments: Prepayments
    reviews: Reviews
    corrections: Corrections
    views: Views
    policies: Policies
    standings: Standings
    debts: Debts
    claims: Claims
    stay_tokens: StayTokens
    merchants: Merchants
    coupons: CouponDesk
    exemptions: Exemptions
    passes: Passes
    rails: Collection[str]
    """The names of the rails that are configured: nobody else can be charged through."""
    charges: Charges
    sessions: Sessions
    gates: GateLine
    devices: Devices
    clock: Clock
    draw_bytes: Callable[[int], bytes]
    regrant: Regrant
    republish: Republish
