"""Garages in the books: lanes, policies and price lists, and the catalog that the gates work from.

A tariff that is on record for a moment stays: cars inside may be priced by it. Every change of what gates
must know raises the revision of the catalog in the same statement.

Policies, tariffs and devices are stored as JSON. How they are written and read is given by the floor above,
in
:class:`CatalogTexts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parking.catalog import Catalog, Controller
from parking.errors import Conflict, Defect, InvalidInput, NotFound, Unavailable
from parking.garage import Direction, Garage
from parking.ids import ControllerId, GarageId, LaneId, partition_of
from parking.tariff import TariffSchedule, TariffVersion, version_id_of
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.plausible import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    import asyncpg

    from parking.device import Device
    from parking.garage import Policy
    from parking.ids import TariffVersionId
    from parking.tariff import Tariff

__all__ = ["CatalogTexts", "GarageRecord", "Garages"]

SETTLED_CURRENCY: Final = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogTexts:
    """Writes and reads the JSON of policies and tariffs, and reads that of devices."""

    policy_text: Callable[[Policy], str]
    policy_from: Callable[[str], Policy]
    tariff_text: Callable[[Tariff], str]
    tariff_from: Callable[[str], Tariff]
    device_from: Callable[[str], Device]


@dataclass(frozen=True, slots=True, kw_only=True)
class GarageRecord:
    """A garage as recorded; its gates know it only once it has a price list.

    ``position`` tells how soon a car can come here from another garage.
    """

    garage_id: GarageId
    name: str
    spaces: int
    lanes: Mapping[LaneId, Direction]
    policy: Policy
    tariffs: tuple[TariffVersion, ...] = ()
    operator_id: str = "main"
    """Whose it is: debts and policies on credit may reach over all garages of an operator."""
    position: Position | None = None

    @property
    def garage(self) -> Garage | None:
        """The garage as its gates see it."""
        if not self.tariffs:
            return None
        return Garage(
            garage_id=self.garage_id,
            name=self.name,
            spaces=self.spaces,
            lanes=self.lanes,
            tariffs=TariffSchedule(versions=self.tariffs),
            policy=self.policy,
        )


class Garages:
    """``partition_count`` is that of the installation."""

    def __init__(self, pool: asyncpg.Pool, *, partition_count: int, texts: CatalogTexts) -> None:
        self._pool = pool
        self._partition_count = partition_count
        self._texts = texts

    async def put(self, record: GarageRecord, now: datetime) -> None:
        """Add or replace a garage and add its tariffs; those on record stay.

        Raises :class:`Conflict` when another tariff is on record for the beginning of one of them.
        """
        texts = self._texts
        for version in record.tariffs:
            _check_settled_here(version.tariff)
        async with connection(self._pool) as held:
            revision = await held.fetchval(
                sql("garages/put"),
                partition_of(record.garage_id, self._partition_count),
                record.garage_id,
                record.name,
                record.spaces,
                texts.policy_text(record.policy),
                list(record.lanes),
                list(record.lanes.values()),
                [version.in_force_from for version in record.tariffs],
                [version.version_id for version in record.tariffs],
                [texts.tariff_text(version.tariff) for version in record.tariffs],
                now,
                record.operator_id,
                record.position.latitude_microdegrees if record.position else None,
                record.position.longitude_microdegrees if record.position else None,
            )
        if revision is None:
            raise Conflict("another tariff is on record for the moment from which one of these is in force")

    async def add_tariffs(
        self, garage_id: GarageId, versions: Iterable[TariffVersion], now: datetime
    ) -> None:
        """Put tariffs in force from their moments, all or none.

        Raises :class:`NotFound`, and :class:`Conflict` where another one is on record from such a moment.
        """
        ordered = sorted(versions, key=lambda one: one.in_force_from)
        for version in ordered:
            _check_settled_here(version.tariff)
        async with connection(self._pool) as held, held.transaction():
            for version in ordered:
                await self._add_tariff(held, garage_id, version, now)

    async def _add_tariff(
        self,
        held: asyncpg.pool.PoolConnectionProxy,
        garage_id: GarageId,
        version: TariffVersion,
        now: datetime,
    ) -> None:
        row = await held.fetchrow(
            sql("garages/add_tariff"),
            partition_of(garage_id, self._partition_count),
            garage_id,
            version.in_force_from,
            version.version_id,
            self._texts.tariff_text(version.tariff),
            now,
        )
        if row is None or not row["found"]:
            raise NotFound("there is no such garage")
        if row["recorded"] is None:
            raise Unavailable("somebody else changes this price list now")
        if row["recorded"] != version.version_id:
            since = version.in_force_from.isoformat()
            raise Conflict(f"another tariff is on record from {since}; choose a later moment")

    async def all(self) -> list[GarageRecord]:
        """Every garage, by id."""
        async with connection(self._pool) as held:
            return await self._records(held, None)

    async def one(self, garage_id: GarageId) -> GarageRecord:
        """One garage; raises :class:`NotFound`."""
        async with connection(self._pool) as held:
            found = await self._records(held, garage_id)
        if not found:
            raise NotFound("there is no such garage")
        return found[0]

    async def tariffs(self) -> dict[TariffVersionId, Tariff]:
        """Every tariff that was ever in force anywhere."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("garages/tariff_versions"))
        tariffs = (self._texts.tariff_from(row["definition"]) for row in rows)
        return {version_id_of(tariff): tariff for tariff in tariffs}

    async def revision(self) -> int:
        """The revision that :meth:`load_catalog` would have now."""
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("garages/revision"))
        return _revision(row)[0]

    async def load_catalog(self) -> Catalog:
        """What the gates must know, of one moment; a garage without a price list is not in it."""
        async with (
            connection(self._pool) as held,
            held.transaction(isolation="repeatable_read", readonly=True),
        ):
            revision, partition_count = _revision(await held.fetchrow(sql("garages/revision")))
            records = await self._records(held, None)
            controllers = await held.fetch(sql("garages/controllers"))
            keys = await held.fetch(sql("grants/keys"))
        texts = self._texts
        garages = {record.garage_id: garage for record in records if (garage := record.garage) is not None}
        return Catalog(
            revision=revision,
            partition_count=partition_count,
            garages=garages,
            controllers={
                row["token_id"]: _controller(row, garages[row["garage_id"]], texts.device_from)
                for row in controllers
                if row["garage_id"] in garages
            },
            grant_keys={row["key_id"]: row["public_key"] for row in keys if not row["revoked_at"]},
            revoked_keys=frozenset(row["key_id"] for row in keys if row["revoked_at"]),
        )

    async def _records(
        self, held: asyncpg.pool.PoolConnectionProxy, garage_id: GarageId | None
    ) -> list[GarageRecord]:
        tariffs = self._schedules(await held.fetch(sql("garages/tariffs"), garage_id))
        rows = await held.fetch(sql("garages/all"), garage_id)
        return [
            GarageRecord(
                garage_id=GarageId(row["garage_id"]),
                name=row["name"],
                spaces=row["spaces"],
                lanes=dict(zip(map(LaneId, row["lane_ids"]), map(Direction, row["directions"]), strict=True)),
                policy=self._texts.policy_from(row["policy"]),
                tariffs=tuple(tariffs.get(row["garage_id"], ())),
                operator_id=row["operator_id"],
                position=_position(row),
            )
            for row in rows
        ]

    def _schedules(self, rows: Iterable[asyncpg.Record]) -> dict[str, list[TariffVersion]]:
        known: dict[str, Tariff] = {}
        schedules: dict[str, list[TariffVersion]] = {}
        for row in rows:
            definition = row["definition"]
            if definition not in known:
                known[definition] = self._texts.tariff_from(definition)
            version = TariffVersion(in_force_from=row["in_force_from"], tariff=known[definition])
            schedules.setdefault(row["garage_id"], []).append(version)
        return schedules


def _check_settled_here(tariff: Tariff) -> None:
    """Refuse what a price may say and the gates and books would not follow."""
    if tariff.currency != SETTLED_CURRENCY:
        raise InvalidInput(f"the books are kept in {SETTLED_CURRENCY}", ("currency",))


def _revision(row: asyncpg.Record | None) -> tuple[int, int]:
    if row is None:
        raise Defect("the books hold no revision of the catalog")
    return row["revision"], row["partition_count"]


def _position(row: asyncpg.Record) -> Position | None:
    latitude, longitude = row["latitude_microdegrees"], row["longitude_microdegrees"]
    if latitude is None:
        return None
    return Position(latitude_microdegrees=latitude, longitude_microdegrees=longitude)


def _controller(row: asyncpg.Record, garage: Garage, device_from: Callable[[str], Device]) -> Controller:
    return Controller(
        controller_id=ControllerId(row["controller_id"]),
        garage_id=garage.garage_id,
        lane_ids=frozenset(map(LaneId, row["lane_ids"])) & garage.lanes.keys(),
        secret_sha256=row["secret_sha256"],
        device=device_from(row["device"]) if row["device"] is not None else None,
    )
