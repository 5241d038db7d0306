"""Devices over a message broker: whose topic it is, what is made of it, and the commands that go back.

A device has no secret here: the broker lets each write to its own topics alone, and the serial number in them
names one controller. Messages of one device are taken one after the other, those of several side by side.
What cannot be taken is dropped and counted, as a broker would only bring it again; a retained message is one
of the past that every connection gets anew, and is left alone.

**Commands are published with QoS 0.** A broker keeps what it promised to deliver, and would open a barrier
for a device that comes back after an hour. A command that was lost is a device that is unreachable.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from typing_extensions import override

from gateways.gates.commands import COMMAND_TIMEOUT_S, BarrierCommands, CommandResult
from gateways.gates.mqtt_protocol import CommandReply, Order
from gateways.mqtt.connection import all_taken
from parking.barrier import GateOutcome
from parking.device import Proof
from parking.errors import DependencyError, LeaveFirstError, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.device_intake import DeviceIntake
    from gateways.gates.mqtt_protocol import Admitted, MqttProtocol, Publication
    from gateways.gates.protocol import Signals
    from gateways.metrics import GateMetrics
    from gateways.mqtt.connection import MqttConnection
    from gateways.mqtt.options import Received
    from parking.catalog import Catalog, Controller
    from parking.clock import Clock
    from parking.device import Device

    Key = tuple[str, str]
    """A protocol's name and a serial number."""

__all__ = ["DeviceMqtt", "MqttOrders"]

log = structlog.get_logger()


class MqttOrders(BarrierCommands):
    """Tells the devices of one protocol to open, and hears what they say of it."""

    def __init__(
        self, protocol: MqttProtocol, connection: MqttConnection, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self.protocol = protocol
        self._connection = connection
        self._clock = clock
        self._new_id = new_id
        self._waiting: dict[tuple[str, str], asyncio.Future[CommandReply]] = {}

    @override
    async def open(self, device: Device, channel: str, password: str) -> CommandResult:
        order = self._order()
        return await self._confirmed(device, order, self.protocol.opening(device, channel, order))

    async def admit(self, device: Device, cars: Sequence[Admitted]) -> CommandResult:
        """Put cars on a device's own list."""
        order = self._order()
        return await self._confirmed_soon(device, order, self.protocol.admitting(cars, device, order))

    async def dismiss(self, device: Device, numbers: Sequence[str]) -> CommandResult:
        """Take cars off a device's own list."""
        order = self._order()
        return await self._confirmed_soon(device, order, self.protocol.dismissing(numbers, device, order))

    async def show(self, signals: Signals, device: Device) -> None:
        """Have something shown and said; one that cannot be told now has lost nothing but that."""
        told = self.protocol.shown(signals, device, self._order())
        if told is None:
            return
        try:
            await self._publish(told)
        except DependencyError as error:
            log.debug("mqtt_signals_lost", error=str(error))

    def heard(self, serial: str, reply: CommandReply) -> None:
        """A device has said something of a command; of one that nobody waits for, nothing follows."""
        waiting = self._waiting.get((serial, reply.command_id))
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def _confirmed_soon(self, device: Device, order: Order, told: Publication) -> CommandResult:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return await self._confirmed(device, order, told)
        except TimeoutError:
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said="no answer in time")

    async def _confirmed(self, device: Device, order: Order, told: Publication) -> CommandResult:
        """What the device says of a command; waits as long as its caller lets it."""
        key = device.serial, order.command_id
        reply = self._waiting[key] = asyncio.get_running_loop().create_future()
        try:
            await self._publish(told)
            heard = await reply
        except DependencyError as error:
            return CommandResult(outcome=GateOutcome.UNREACHABLE, said=str(error))
        finally:
            del self._waiting[key]
        outcome = GateOutcome.ACCEPTED if heard.accepted else GateOutcome.REJECTED
        return CommandResult(outcome=outcome, said=heard.said)

    def _order(self) -> Order:
        return Order(command_id=self._new_id(), at=self._clock.now())

    async def _publish(self, one: Publication) -> None:
        await self._connection.publish(one.topic, one.payload, qos=0)


class DeviceMqtt:
    """Takes what devices publish, of all protocols."""

    def __init__(
        self,
        orders: Iterable[MqttOrders],
        catalog: CatalogKeeper,
        intake: DeviceIntake,
        metrics: GateMetrics,
    ) -> None:
        self._orders = {one.protocol.name: one for one in orders}
        self._catalog = catalog
        self._intake = intake
        self._metrics = metrics
        self._known: tuple[Catalog | None, dict[Key, Controller | None]] = None, {}

    async def take(self, batch: Sequence[Received]) -> None:
        """Take a batch; :class:`OutcomeUnknown` when a message could not be booked and must come again."""
        of_devices: dict[Key, list[Received]] = {}
        for one in batch:
            key = None if one.retained else self._key(one.topic)
            if key is not None:
                of_devices.setdefault(key, []).append(one)
        await all_taken(self._take_all(key, several) for key, several in of_devices.items())

    def _key(self, topic: str) -> Key | None:
        for name, orders in self._orders.items():
            serial = orders.protocol.serial_of(topic)
            if serial is not None:
                return name, serial
        return None

    async def _take_all(self, key: Key, several: list[Received]) -> None:
        for one in several:
            try:
                await self._take(key, one)
            except DependencyError:
                raise
            except LeaveFirstError as error:
                self._metrics.device_message(key[0], "", "refused")
                log.warning("device_message_refused", protocol=key[0], serial=key[1], error=str(error))

    async def _take(self, key: Key, received: Received) -> None:
        orders, controller = self._orders[key[0]], self._controller(key)
        device = controller.device if controller is not None else None
        if controller is None or device is None:
            raise NotAuthenticated("no device of this serial number is configured, or more than one")
        for message in orders.protocol.parse(received.topic, received.payload, device):
            if isinstance(message, CommandReply):
                orders.heard(key[1], message)
                continue
            answered = await self._intake.take(message, controller, device)
            self._metrics.device_message(key[0], type(message).__name__.lower(), "taken")
            await orders.show(answered.signals, device)

    def _controller(self, key: Key) -> Controller | None:
        """Whose topic it is; nobody's where two devices claim one serial number."""
        catalog = self._catalog.current
        if self._known[0] is not catalog:
            self._known = catalog, _by_serial(catalog)
        return self._known[1].get(key)


def _by_serial(catalog: Catalog) -> dict[Key, Controller | None]:
    known: dict[Key, Controller | None] = {}
    for one in catalog.controllers.values():
        if one.device is not None and one.device.proof is Proof.BROKER:
            key = one.device.protocol, one.device.serial
            known[key] = None if key in known else one
    return known
