"""What the settlement loops report about themselves; the top floor counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.errors import LeaveFirstError
    from settlement.record_books import Booked

__all__ = ["CouponObserver", "Observer", "SilentObserver"]


class Observer(Protocol):
    """Told what happened; must not raise or wait."""

    def batch_posted(self, *, records: int, seconds: float, booked: Booked) -> None:
        """A batch of journal records is in the books."""
        ...

    def exits_billed(self, *, lags_s: Sequence[float]) -> None:
        """For each new exit of a batch, the time from leaving to being billed."""
        ...

    def record_failed(self, *, detail: str) -> None:
        """A record could not be booked this time, and is tried again later."""
        ...

    def booking_broken(self, error: Exception) -> None:
        """Booking raised what no part of it should raise."""
        ...

    def record_set_aside(self, *, detail: str) -> None:
        """A record could not be booked and waits for a person."""
        ...

    def grants_pushed(self, *, grants: int, seconds: float) -> None:
        """Grants are with the gates."""
        ...

    def benefits_awaited(self, *, closings: int) -> None:
        """So many bills are not charged yet because it is not known what their stays are given."""
        ...

    def benefits_looked_up(self, *, corrected: bool) -> None:
        """It is known now of one of them; ``corrected`` when its bill asked for too much."""
        ...

    def debtors_told(self, *, plates: int, left_out: bool) -> None:
        """The entries know so many plates of debtors; ``left_out``: more owe than they may know."""
        ...

    def loop_held_up(self, *, loop: str, error: LeaveFirstError, retry_in_s: float) -> None:
        """A loop waits for a store; nothing is lost meanwhile."""
        ...


class CouponObserver(Protocol):
    """Told what became of coupons; must not raise or wait."""

    def coupon_given(self) -> None:
        """A coupon is in the books."""
        ...

    def coupon_revoked(self) -> None:
        """It is taken back."""
        ...

    def coupon_refused(self, *, reason: str) -> None:
        """A coupon was not given, or not taken back."""
        ...


class SilentObserver(Observer, CouponObserver):
    """Tells nobody."""

    @override
    def batch_posted(self, *, records: int, seconds: float, booked: Booked) -> None:
        return

    @override
    def exits_billed(self, *, lags_s: Sequence[float]) -> None:
        return

    @override
    def record_failed(self, *, detail: str) -> None:
        return

    @override
    def booking_broken(self, error: Exception) -> None:
        return

    @override
    def record_set_aside(self, *, detail: str) -> None:
        return

    @override
    def grants_pushed(self, *, grants: int, seconds: float) -> None:
        return

    @override
    def benefits_awaited(self, *, closings: int) -> None:
        return

    @override
    def benefits_looked_up(self, *, corrected: bool) -> None:
        return

    @override
    def debtors_told(self, *, plates: int, left_out: bool) -> None:
        return

    @override
    def loop_held_up(self, *, loop: str, error: LeaveFirstError, retry_in_s: float) -> None:
        return

    @override
    def coupon_given(self) -> None:
        return

    @override
    def coupon_revoked(self) -> None:
        return

    @override
    def coupon_refused(self, *, reason: str) -> None:
        return
