"""Keeps in touch with the city: heartbeats, and after a time without a line, what was missed.

What the city sends down is kept by its broker for a while, but not for ever. So whenever the broker is
reached again the city is told how full each garage is and asked for the grants of the cars inside; what
became of charges is asked for by the collector. A garage for which that fails is asked for again with the
next heartbeat.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from gateways.hangzhou.codes import city_time
from gateways.hangzhou.heard import DeparturePayInfo, read_message
from gateways.hangzhou.messages import GrantQuestion, Heartbeat, Operation
from gateways.hangzhou.reports import Reporting
from parking.errors import CallerError, DependencyError, InvalidInput

if TYPE_CHECKING:
    from gateways.hangzhou.client import CityClient, Reply
    from gateways.hangzhou.connection import Connection
    from gateways.hangzhou.metrics import CityMetrics
    from gateways.hangzhou.orders import Orders
    from gateways.hangzhou.reporter import Reporter
    from gateways.hangzhou.reports import Garage
    from parking.clock import Clock
    from parking.ids import GarageId

__all__ = ["Liaison"]

log = structlog.get_logger()
GRANTS_MAX: Final = 10_000
"""Of one garage; no garage holds more cars of drivers whom a city knows."""


@dataclass(slots=True, kw_only=True)
class Liaison:
    """For all garages of one connection."""

    connection: Connection
    client: CityClient
    reporter: Reporter
    orders: Orders
    clock: Clock
    metrics: CityMetrics
    missed: set[GarageId] = field(default_factory=set)
    """Garages of which it is not known what the city said lately."""

    async def line_is_back(self) -> None:
        """Catch up soon."""
        self.missed |= set(self.connection.garages)

    async def beat(self) -> None:
        """Say that each garage is there, and catch up; raises what the books and the line raise."""
        garages = await self.reporter.now()
        for garage in garages.values():
            beat = Heartbeat(parking_code=garage.city.parking_code, upload_time=city_time(self.clock.now()))
            await self._say(Operation.HEARTBEAT, beat.wire())
        await self.catch_up(garages)

    async def catch_up(self, garages: dict[GarageId, Garage] | None = None) -> None:
        """Tell how full garages are whose line was lost, and take the grants that were missed."""
        if not self.missed:
            return
        known = await self.reporter.now() if garages is None else garages
        for garage_id in sorted(self.missed & known.keys()):
            if await self._caught_up(known[garage_id]):
                self.missed.discard(garage_id)

    async def _caught_up(self, garage: Garage) -> bool:
        reporting = Reporting(connection=self.connection, now=self.clock.now())
        if await self._say(Operation.PARKING_STATE, reporting.state(garage).wire()) is None:
            return False
        question = GrantQuestion(parking_code=garage.city.parking_code)
        reply = await self._say(Operation.GET_GRANTS, question.wire())
        if reply is None:
            return False
        for info in self._grants(reply):
            try:
                await self.orders.grant(info)
            except CallerError as error:
                log.warning("city_grant_refused", error=str(error))
        return True

    def _grants(self, reply: Reply) -> list[DeparturePayInfo]:
        """Those of an answer; one that is not sealed, or not a list, has none."""
        if reply.data is None or (self.connection.open.sealed_replies and not reply.sealed):
            return []
        try:
            fields = json.loads(reply.data)
        except ValueError:
            return []
        listed = fields.get("data", fields) if isinstance(fields, dict) else fields
        grants = []
        for one in (listed if isinstance(listed, list) else [listed])[:GRANTS_MAX]:
            try:
                grants.append(read_message(json.dumps(one).encode(), DeparturePayInfo)[0])
            except InvalidInput as error:
                log.warning("city_grant_refused", error=str(error))
        return grants

    async def _say(self, operation: Operation, wire: bytes) -> Reply | None:
        try:
            reply = await self.client.call(operation, wire)
        except DependencyError:
            # For one garage the city is away for all of them.
            self.metrics.reported(operation, "failed")
            raise
        self.metrics.reported(operation, "arrived" if reply.taken else "refused")
        return reply if reply.taken else None
