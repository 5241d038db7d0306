"""The fee of a stay by the price list of its garage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.errors import Defect
from parking.pricing import Stay, price

if TYPE_CHECKING:
    from datetime import datetime

    from parking.garage import Garage
    from parking.session import Session

__all__ = ["fee_of"]


def fee_of(session: Session, left_at: datetime, garage: Garage) -> int:
    """The whole fee of a stay that ends at ``left_at``, in fen."""
    tariff = garage.tariffs.version(session.tariff_version_id)
    if tariff is None:
        raise Defect(f"tariff version {session.tariff_version_id} is not known here")
    until = session.charged_until(left_at)
    return price(Stay(entered_at=session.entered_at, left_at=until, plate=session.plate), tariff).amount_fen
