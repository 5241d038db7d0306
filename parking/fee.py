"""The fee of a stay by the price list of its garage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.benefits import NO_BENEFITS
from parking.errors import Defect
from parking.pricing import Stay, price

if TYPE_CHECKING:
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.garage import Garage
    from parking.plate import Plate
    from parking.session import Session

__all__ = ["fee_of", "stay_of", "stay_with"]


def fee_of(session: Session, left_at: datetime, garage: Garage) -> int:
    """The whole fee of a stay that ends at ``left_at``, in fen."""
    tariff = garage.tariffs.version(session.tariff_version_id)
    if tariff is None:
        raise Defect(f"tariff version {session.tariff_version_id} is not known here")
    return price(stay_of(session, left_at), tariff).amount_fen


def stay_of(session: Session, left_at: datetime) -> Stay:
    """What is priced when the session ends at ``left_at``: the same at the gate and in the books."""
    until = session.charged_until(left_at)
    return stay_with(session.benefits, session.plate, session.entered_at, until)


def stay_with(benefits: Benefits | None, plate: Plate, entered_at: datetime, until: datetime) -> Stay:
    """A stay with what it is given; ``None`` as long as that is not known."""
    given = benefits or NO_BENEFITS
    return Stay(
        entered_at=entered_at,
        left_at=until,
        plate=plate,
        coupons=given.coupons,
        covered=given.covered,
        exempt=given.exempt,
    )
