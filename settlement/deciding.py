"""What the gates are told of a car: its driver's standing and debts, judged by the policy of the garage.

Pure. A decision carries the version of the policy and every rule that fired, to be recorded before any gate
acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from settlement.policy import STANDARD, Place, policy_version_id_of
from settlement.returning import found_at
from settlement.standing import grant_of, judge
from settlement.voucher import vouched, voucher_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from parking.grant import Grant
    from parking.ids import GarageId
    from parking.session import Session
    from settlement.policy import PolicyVersionId, StandingPolicy
    from settlement.returning import Found
    from settlement.standing import Fired, Judgement, OpenBill, Standing
    from settlement.voucher import Voucher

__all__ = ["EVERYWHERE", "Decided", "Known", "PolicyBook", "decide"]

EVERYWHERE: Final = "*"
"""Stands for every operator that has no policy of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the books know behind a plate at one moment.

    ``standing`` is ``None`` when no account has bound it; ``plate_bills`` are bills of the plate that no
    account has to pay; at the garages ``waived_at`` an attendant has let it pass; ``vouchers`` are what
    others promise to pay for it.
    """

    standing: Standing | None = None
    plate_bills: tuple[OpenBill, ...] = ()
    waived_at: frozenset[GarageId] = frozenset()
    vouchers: tuple[Voucher, ...] = ()

    @property
    def bills(self) -> tuple[OpenBill, ...]:
        """All for which a lane may stop the car."""
        return self.plate_bills if self.standing is None else (*self.standing.bills, *self.plate_bills)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBook:
    """The policies in force, by operator, and whose the garages are."""

    policies: Mapping[str, StandingPolicy] = field(default_factory=dict)
    operators: Mapping[GarageId, str] = field(default_factory=dict)

    def place(self, garage_id: GarageId) -> Place:
        """A garage and whose it is."""
        return Place(garage_id=garage_id, operator_id=self.operators.get(garage_id, EVERYWHERE))

    def policy_at(self, place: Place) -> StandingPolicy:
        """The policy that decides there."""
        return self.policies.get(place.operator_id) or self.policies.get(EVERYWHERE) or STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision about a car inside, as it is told and recorded."""

    session: Session
    grant: Grant
    found: Found | None
    policy_version_id: PolicyVersionId
    fired: tuple[Fired, ...]


def decide(
    session: Session, known: Known, book: PolicyBook, *, now: datetime, expires_at: datetime
) -> Decided:
    """Judge one car inside."""
    place = book.place(session.garage_id)
    policy = book.policy_at(place)
    own = judge(known.standing, place, policy, now)
    on_voucher = _on_voucher(own, session, known)
    judgement = on_voucher or own
    found = found_at(place, known.bills, policy, now, waived=session.garage_id in known.waived_at)
    return Decided(
        session=session,
        # Whoever vouches pays: the bill is then no account's.
        grant=grant_of(judgement, known.standing if on_voucher is None else None, expires_at),
        found=found,
        policy_version_id=policy_version_id_of(policy),
        fired=judgement.fired if found is None else (*judgement.fired, *found.fired),
    )


def _on_voucher(own: Judgement, session: Session, known: Known) -> Judgement | None:
    voucher = voucher_of(session, known.vouchers)
    return None if voucher is None else vouched(own, voucher)
