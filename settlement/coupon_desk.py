"""Gives and revokes coupons, and has the gates of a car inside know at once.

A coupon is recorded before any gate is told of it. After that it is looked whether a car of its plate is
inside: one that comes later finds the coupon by itself, when it is found out what its stay is given.

A revocation tells the gates first. A car that is still inside then has the coupon no more and cannot leave by
it; one that has left may have used it, which its bill will say, and the coupon stays. So of an exit and a
revocation at the same moment exactly one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from parking.errors import Conflict, NotFound
from settlement.coupon_life import CouponState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from datetime import datetime

    from parking.clock import Clock
    from parking.ids import GarageId, SessionId
    from parking.live.outcomes import Inside
    from parking.session import Session
    from settlement.merchant import CouponId, MerchantKey, TemplateId
    from settlement.observe import CouponObserver

__all__ = [
    "CarsInside",
    "CouponBooks",
    "CouponDesk",
    "CouponRecord",
    "Given",
    "Refusal",
    "Refused",
    "Request",
    "Revocation",
    "Tell",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A coupon to give, under the merchant's own id, for a plate or for one stay of it alone."""

    key: MerchantKey
    coupon_id: CouponId
    template_id: TemplateId
    number: str
    only_session_id: SessionId | None
    given_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CouponRecord:
    """A coupon as recorded; ``session_id`` is the stay that has it, ``owed_fen`` what it has cost."""

    coupon_id: CouponId
    template_id: TemplateId
    number: str
    only_session_id: SessionId | None
    session_id: SessionId | None
    state: CouponState
    given_by: str
    given_at: datetime
    valid_until: datetime
    reserved_fen: int
    owed_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A coupon is given; ``fresh`` when this call did it."""

    coupon: CouponRecord
    fresh: bool


@unique
class Refusal(StrEnum):
    """Why a coupon is not given."""

    BUDGET = "budget"
    """The merchant's budget does not bear it."""
    PER_STAY = "per_stay"
    """As many of this template as one stay can use wait for the plate already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A coupon is not given."""

    refusal: Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """How far a revocation has come: not yet ``revoked`` when the stay ``session_id`` may have used it."""

    number: str
    session_id: SessionId | None
    revoked: bool


class CouponBooks(Protocol):
    """Where coupons are kept."""

    async def give(self, request: Request, now: datetime) -> Given | Refused:
        """Give a coupon, once.

        Raises :class:`NotFound`, and :class:`Conflict` when the id was used for another coupon or the
        template is not given any more.
        """
        ...

    async def find(self, key: MerchantKey, coupon_id: CouponId) -> CouponRecord:
        """One coupon; raises :class:`NotFound`."""
        ...

    async def some(
        self, key: MerchantKey, *, states: Collection[CouponState], before: tuple[datetime, str], limit: int
    ) -> list[CouponRecord]:
        """Coupons of a merchant, latest giving first."""
        ...

    async def expire(self, key: MerchantKey, now: datetime) -> None:
        """End those that can be used no more, so that lists and sums are true of ``now``."""
        ...

    async def revoke(self, key: MerchantKey, coupon_id: CouponId, now: datetime) -> Revocation | None:
        """Let no further stay have it; ``None`` when it is given no more."""
        ...

    async def end_revoking(
        self, key: MerchantKey, coupon_id: CouponId, now: datetime, *, revoked: bool
    ) -> None:
        """The stay that had it has it no more, or may have used it, and then it stays as it was."""
        ...


class CarsInside(Protocol):
    """The cars inside, as the gates know them."""

    async def find(self, garage_id: GarageId, number: str) -> Inside:
        """The car inside with this plate number."""
        ...


Tell: TypeAlias = "Callable[[Session], Awaitable[bool]]"
"""Finds out anew what a car inside is given and tells its gates; ``False`` when it is inside no more."""

SAYS: Final = {
    Refusal.BUDGET: "the merchant's budget does not bear another such coupon",
    Refusal.PER_STAY: "as many of these as one stay can use wait for the plate already",
}
ENDED: Final = {
    CouponState.USED: "the coupon is used",
    CouponState.EXPIRED: "the coupon has expired",
}


class CouponDesk:
    """Coupons as merchants use them."""

    def __init__(
        self, *, books: CouponBooks, cars: CarsInside, tell: Tell, clock: Clock, observer: CouponObserver
    ) -> None:
        self.books = books
        self._cars = cars
        self._tell = tell
        self._clock = clock
        self._observer = observer

    async def give(self, request: Request) -> Given:
        """Give a coupon, once; repeating it after an error does no harm.

        Raises :class:`NotFound`; :class:`Conflict` when the stay is over, the id was used for another coupon,
        or the coupon is refused.
        """
        await self._check_stay(request)
        given = await self.books.give(request, self._clock.now())
        if isinstance(given, Refused):
            self._observer.coupon_refused(reason=given.refusal)
            raise Conflict(SAYS[given.refusal])
        if given.coupon.state is CouponState.GIVEN:
            session = await self._inside(request.key.garage_id, request.number)
            if session is not None:
                await self._tell(session)
        if given.fresh:
            self._observer.coupon_given()
        return given

    async def revoke(self, key: MerchantKey, coupon_id: CouponId) -> CouponRecord:
        """Take a coupon back that no exit has used; repeating it after an error does no harm.

        Raises :class:`NotFound`, and :class:`Conflict` when it is used, or its car has left.
        """
        revocation = await self.books.revoke(key, coupon_id, self._clock.now())
        if revocation is None:
            return await self._ended(key, coupon_id)
        if not revocation.revoked:
            session = await self._inside(key.garage_id, revocation.number)
            still_inside = (
                session is not None
                and session.session_id == revocation.session_id
                and await self._tell(session)
            )
            await self.books.end_revoking(key, coupon_id, self._clock.now(), revoked=still_inside)
            if not still_inside:
                self._observer.coupon_refused(reason="left")
                raise Conflict("the car has left, and may have used it")
        self._observer.coupon_revoked()
        return await self.books.find(key, coupon_id)

    async def _check_stay(self, request: Request) -> None:
        """A coupon for one stay alone is given while it lasts; one that is given already is so anyway."""
        if request.only_session_id is None:
            return
        session = await self._inside(request.key.garage_id, request.number)
        if session is not None and session.session_id == request.only_session_id:
            return
        try:
            await self.books.find(request.key, request.coupon_id)
        except NotFound:
            self._observer.coupon_refused(reason="left")
            raise Conflict("that stay is over") from None

    async def _ended(self, key: MerchantKey, coupon_id: CouponId) -> CouponRecord:
        coupon = await self.books.find(key, coupon_id)
        if coupon.state in ENDED:
            self._observer.coupon_refused(reason=coupon.state)
            raise Conflict(ENDED[coupon.state])
        return coupon

    async def _inside(self, garage_id: GarageId, number: str) -> Session | None:
        return (await self._cars.find(garage_id, number)).session
