"""Factories for tests of what operators keep in the books."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from gateways.catalog_texts import CATALOG_TEXTS
from parking.garage import Direction, Policy
from parking.ids import AccountId, GarageId, LaneId
from parking.plate import Colour, VehicleClass, parse_plate
from parking.tariff import Rate, Tariff, TariffVersion, VehicleRule
from settlement.books.accounts import Agreement, NewAccount
from settlement.books.garages import GarageRecord, Garages
from settlement.plausible import Position

if TYPE_CHECKING:
    import asyncpg

__all__ = ["GARAGE", "NOON", "PARTITIONS", "garage_record", "garages_of", "new_account", "tariff_version"]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
GARAGE = GarageId("g1")
PARTITIONS = 64
LANES = {LaneId("in-1"): Direction.ENTRY, LaneId("out-1"): Direction.EXIT}


def garages_of(pool: asyncpg.Pool) -> Garages:
    return Garages(pool, partition_count=PARTITIONS, texts=CATALOG_TEXTS)


def tariff_version(price_fen: int = 400, *, days: int = 0) -> TariffVersion:
    then = Rate(block_minutes=30, block_price_fen=price_fen)
    large = VehicleRule(name="large", classes=(VehicleClass.LARGE,), percent=150)
    tariff = Tariff(tariff_id="office", name="Office", then=then, free_minutes=15, vehicles=(large,))
    return TariffVersion(in_force_from=NOON + timedelta(days=days - 365), tariff=tariff)


def garage_record(
    garage_id: str = GARAGE,
    *,
    spaces: int = 100,
    lanes: dict[LaneId, Direction] | None = None,
    tariffs: tuple[TariffVersion, ...] = (),
    policy: Policy | None = None,
    position: Position | None = None,
) -> GarageRecord:
    return GarageRecord(
        garage_id=GarageId(garage_id),
        name="West",
        spaces=spaces,
        lanes=LANES if lanes is None else lanes,
        policy=policy or Policy(),
        tariffs=tariffs,
        position=position,
    )


def new_account(number: int = 1, *plates: str, limit_fen: int = 5_000, reference: str = "") -> NewAccount:
    return NewAccount(
        account_id=AccountId(UUID(int=number)),
        holder=f"holder {number}",
        limit_fen=limit_fen,
        exposure_limit_fen=50_000,
        plates=tuple(parse_plate(plate, Colour.BLUE) for plate in plates),
        agreements=(Agreement(rail="simulator", reference=reference or f"agreement-{number}"),),
    )
