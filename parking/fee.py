"""The fee of a stay: the same at the gate, in the books, and whenever a bill is priced again.

What settles it travels with the session: its times and plate, the version of the price list at entry, what it
is given, the visits that it continues, and the changes of the price list where that splits stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.benefits import NO_BENEFITS
from parking.errors import Defect
from parking.price_facts import PriceChange
from parking.pricing import Stay, price, price_over
from parking.tariff import TariffVersion, WhenReplaced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from parking.benefits import Benefits
    from parking.garage import Garage
    from parking.ids import TariffVersionId
    from parking.plate import Plate, VehicleClass
    from parking.pricing import Visit
    from parking.proof import Price
    from parking.session import Session
    from parking.tariff import Tariff

__all__ = ["changes_until", "fee_of", "price_of", "stay_of", "stay_with"]


def fee_of(session: Session, left_at: datetime, garage: Garage) -> int:
    """The whole fee of a stay that ends at ``left_at``, in fen."""
    stay = stay_of(session, left_at)
    tariff = _tariff(session, garage)
    if tariff.when_replaced is WhenReplaced.SPLIT:
        return price_over(stay, tariff, garage.tariffs.after(session.entered_at)).amount_fen
    return price(stay, tariff).amount_fen


def changes_until(session: Session, left_at: datetime, garage: Garage) -> tuple[PriceChange, ...]:
    """The changes of the price list within a stay that it splits; none where it does not."""
    if _tariff(session, garage).when_replaced is not WhenReplaced.SPLIT:
        return ()
    return tuple(
        PriceChange(at=one.in_force_from, tariff_version_id=one.version_id)
        for one in garage.tariffs.after(session.entered_at)
        if one.in_force_from < left_at
    )


def price_of(
    stay: Stay,
    version_id: TariffVersionId,
    changes: Sequence[PriceChange],
    tariffs: Mapping[TariffVersionId, Tariff],
) -> Price:
    """The price of a stay by what was recorded of it; :class:`Defect` for a version that nobody knows."""
    unknown = {version_id, *(one.tariff_version_id for one in changes)} - tariffs.keys()
    if unknown:
        raise Defect(f"nobody knows the tariff {min(unknown)}")
    later = [TariffVersion(in_force_from=one.at, tariff=tariffs[one.tariff_version_id]) for one in changes]
    return price_over(stay, tariffs[version_id], later)


def stay_of(session: Session, left_at: datetime) -> Stay:
    """What is priced when the session ends at ``left_at``."""
    until = session.charged_until(left_at)
    return stay_with(session.benefits, session.earlier, session.plate, session.entered_at, until)


def stay_with(
    benefits: Benefits | None,
    earlier: tuple[Visit, ...],
    plate: Plate,
    entered_at: datetime,
    until: datetime,
    vehicle_class: VehicleClass | None = None,
) -> Stay:
    """A stay with what it is given, ``None`` as long as that is not known, and what it continues.

    ``vehicle_class`` is what a person has found, ``None`` what the plate says.
    """
    given = benefits or NO_BENEFITS
    return Stay(
        entered_at=entered_at,
        left_at=until,
        plate=plate,
        coupons=given.coupons,
        covered=given.covered,
        exempt=given.exempt,
        earlier=earlier,
        vehicle_class=vehicle_class,
    )


def _tariff(session: Session, garage: Garage) -> Tariff:
    tariff = garage.tariffs.version(session.tariff_version_id)
    if tariff is None:
        raise Defect(f"tariff version {session.tariff_version_id} is not known here")
    return tariff
