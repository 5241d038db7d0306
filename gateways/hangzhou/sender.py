"""Sends what waits for the city, in order, garage by garage.

A report that does not get through holds up its garage alone, which rests, each time longer. One that the city
refuses again and again is put before a person, so that it stops no other.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateways.hangzhou.messages import Operation
from parking.errors import DependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.hangzhou.client import CityClient
    from gateways.hangzhou.metrics import CityMetrics
    from gateways.pictures.store import PictureStore
    from parking.clock import Clock
    from parking.ids import GarageId
    from settlement.visit_report import ReportBooks, Waiting

__all__ = ["Sender"]

BATCH: Final = 500
AT_ONCE: Final = 16
"""Garages that are sent for at a time: fewer than the client has connections for."""
REFUSALS_MAX: Final = 8
"""Then a report waits for a person; with the rests between, after about four minutes."""
PICTURE_MAX_BYTES: Final = 512 * 1024
REST_FIRST_S, REST_LONGEST_S = 1.0, 300.0


@dataclass(slots=True)
class Rest:
    """A garage whose reports do not get through."""

    until_s: float = 0.0
    next_s: float = REST_FIRST_S
    refusals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One round at a time; rests are in real time."""

    client: CityClient
    books: ReportBooks
    clock: Clock
    metrics: CityMetrics
    pictures: PictureStore
    rests: dict[GarageId, Rest] = field(default_factory=dict)

    async def step(self) -> int:
        """Send a batch; how many reports arrived. Raises what the books raise."""
        now_s = asyncio.get_running_loop().time()
        resting = [garage_id for garage_id, rest in self.rests.items() if rest.until_s > now_s]
        self.metrics.resting(len(resting))
        by_garage: dict[GarageId, list[Waiting]] = {}
        for one in await self.books.waiting(resting, BATCH):
            by_garage.setdefault(one.report.garage_id, []).append(one)
        arrived: list[Waiting] = []
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for garage_id, reports in by_garage.items():
                tasks.create_task(self._send(slots, garage_id, reports, arrived))
        if arrived:
            await self.books.arrived(arrived)
        await self._give_up([reports[0] for reports in by_garage.values() if reports[0] not in arrived])
        return len(arrived)

    async def _send(
        self,
        slots: asyncio.Semaphore,
        garage_id: GarageId,
        reports: Sequence[Waiting],
        arrived: list[Waiting],
    ) -> None:
        async with slots:
            for one in reports:
                operation = Operation(one.report.operation)
                try:
                    picture = await self._picture(one) if operation is Operation.PHOTO else None
                    if operation is Operation.PHOTO and picture is None:
                        self.metrics.reported(operation, "missing")
                        arrived.append(one)
                        continue
                    reply = await self.client.call(operation, one.report.body.encode(), picture)
                except DependencyError:
                    self.metrics.reported(operation, "failed")
                    self._rest(garage_id, refused=False)
                    return
                if not reply.taken:
                    self.metrics.reported(operation, "refused")
                    self._rest(garage_id, refused=True)
                    return
                self.metrics.reported(operation, "arrived")
                arrived.append(one)
                self.rests.pop(garage_id, None)

    async def _picture(self, photo: Waiting) -> bytes | None:
        """The picture, unless it is gone by now or larger than the city takes."""
        name: str = json.loads(photo.report.body)["data"]["name"]
        return await self.pictures.get(name, PICTURE_MAX_BYTES)

    def _rest(self, garage_id: GarageId, *, refused: bool) -> None:
        rest = self.rests.setdefault(garage_id, Rest())
        rest.until_s = asyncio.get_running_loop().time() + rest.next_s
        rest.next_s = min(2 * rest.next_s, REST_LONGEST_S)
        rest.refusals += int(refused)

    async def _give_up(self, first: Sequence[Waiting]) -> None:
        """Of garages that have been refused too often, set the report aside that stands in the way."""
        for one in first:
            rest = self.rests.get(one.report.garage_id)
            if rest is not None and rest.refusals >= REFUSALS_MAX:
                await self.books.refused(one, "the city refuses it", self.clock.now())
                del self.rests[one.report.garage_id]
