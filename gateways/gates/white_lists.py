"""The lists of cars that devices let out by themselves while nobody answers: those that hold a signed grant.

A grant given or taken back is told to the devices at the exits of its garage that keep such a list, until
each has confirmed it. One that is away is told when it is back; what it let out meanwhile it reports as
history. How much a car may owe no such list knows: as long as the device is cut off, a listed car leaves
whatever its fee is, and is billed.

What a device had on its list before this process knew it stays there until its grant expires: nothing says
how a list is emptied.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

import structlog

from gateways.gates.mqtt_protocol import Admitted
from parking.barrier import GateOutcome
from parking.errors import LeaveFirstError
from parking.garage import Direction
from parking.grant_token import claims_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.commands import CommandResult
    from gateways.gates.device_mqtt import MqttOrders
    from parking.catalog import Controller
    from parking.device import Device
    from parking.ids import GarageId
    from parking.live.granting import GrantChanges

__all__ = ["WhiteLists"]

log = structlog.get_logger()
LOOK_EVERY_S: Final = 1.0
AGAIN_AFTER_S: Final = 20.0
"""A device that did not confirm is left alone for so long."""


@dataclass(slots=True)
class Outstanding:
    """What a device has not confirmed yet, up to a place of its garage's grants."""

    place: str = ""
    admitted: dict[str, Admitted] = field(default_factory=dict)
    dismissed: dict[str, None] = field(default_factory=dict)

    def note(self, changes: GrantChanges) -> None:
        """Take over what changed at the garage."""
        if changes.whole:
            self.admitted.clear()
            self.dismissed.clear()
        for number, token in changes.given.items():
            claims = claims_in(token)
            self.admitted[number] = Admitted(number=number, since=claims.issued_at, until=claims.expires_at)
            self.dismissed.pop(number, None)
        for number in changes.taken:
            self.admitted.pop(number, None)
            self.dismissed[number] = None
        self.place = changes.place


class WhiteLists:
    """Of one gate process; ``changes`` reads what changed of a garage's signed grants since a place."""

    def __init__(
        self,
        orders: Iterable[MqttOrders],
        catalog: CatalogKeeper,
        changes: Callable[[GarageId, str], Awaitable[GrantChanges]],
    ) -> None:
        self._orders = {one.protocol.name: one for one in orders}
        self._catalog = catalog
        self._changes = changes

    def wanted(self, controller: Controller) -> bool:
        """Whether a device keeps a list that is told to it: by its options, at an exit."""
        device = controller.device
        orders = self._orders.get(device.protocol) if device is not None else None
        if device is None or orders is None or not orders.protocol.listed_at_once(device):
            return False
        garage = self._catalog.current.garages.get(controller.garage_id)
        lanes = garage.lanes if garage is not None else {}
        seen = {lanes.get(one.lane_id) for one in device.channels.values()}
        return not seen.isdisjoint({Direction.EXIT, Direction.BOTH})

    async def keep(self, controller: Controller) -> None:
        """Tell one device what changes, for ever."""
        device, outstanding = controller.device, Outstanding()
        if device is None:
            return
        while True:
            confirmed = True
            try:
                outstanding.note(await self._changes(controller.garage_id, outstanding.place))
                confirmed = await self._told(device, outstanding)
            except LeaveFirstError as error:
                log.debug("grants_not_read", error=str(error))
            except Exception:
                # One device must not end the lists of all others.
                log.exception("white_list_failed", controller=controller.controller_id)
            await asyncio.sleep(LOOK_EVERY_S if confirmed else AGAIN_AFTER_S)

    async def _told(self, device: Device, outstanding: Outstanding) -> bool:
        """Whether the device has confirmed all that is outstanding."""
        orders = self._orders[device.protocol]
        at_once = orders.protocol.listed_at_once(device)
        while outstanding.dismissed:
            numbers = list(islice(outstanding.dismissed, at_once))
            if not _confirmed(device, await orders.dismiss(device, numbers)):
                return False
            for number in numbers:
                outstanding.dismissed.pop(number, None)
        while outstanding.admitted:
            cars = list(islice(outstanding.admitted.values(), at_once))
            if not _confirmed(device, await orders.admit(device, cars)):
                return False
            for car in cars:
                outstanding.admitted.pop(car.number, None)
        return True


def _confirmed(device: Device, result: CommandResult) -> bool:
    if result.outcome is GateOutcome.REJECTED:
        log.warning("white_list_rejected", protocol=device.protocol, serial=device.serial, said=result.said)
    return result.outcome is GateOutcome.ACCEPTED
