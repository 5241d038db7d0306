"""Hikvision cameras that cannot call us: we keep a connection to each, on which it sends its alerts.

One task for each such device (option ``intake=pull``), begun anew after a growing pause when the connection
ends or is silent: a camera sends a heartbeat every few seconds. A refused password ends it until the device
is configured anew. Nothing is acknowledged on this way: what a camera saw while the connection was down is
lost to us, so listening (``protocol.py``) is to be preferred where the camera can do it.

An alert's pictures come behind it, and nothing says which is the last: it is taken as soon as none has come
for a moment, or the connection ends.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Never

import structlog

from gateways.embedded.backoff import Backoff
from gateways.gates.device_tasks import DeviceTasks
from gateways.gates.forms import media_type
from gateways.gates.hikvision.parts import StreamParts
from gateways.gates.hikvision.protocol import HikvisionIsapi, is_pulled, message_from, ordered
from parking.errors import LeaveFirstError, NotAuthenticated, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    import aiohttp

    from gateways.gates.catalog_keeper import CatalogKeeper
    from gateways.gates.device_calls import DeviceCalls
    from gateways.gates.forms import Part
    from gateways.gates.protocol import Answered, Message
    from gateways.metrics import GateMetrics
    from parking.catalog import Controller
    from parking.device import Device

    Take = Callable[[Message, Controller, Device], Awaitable[Answered]]

__all__ = ["AlertStreams"]

log = structlog.get_logger()
PATH: Final = "/ISAPI/Event/notification/alertStream"
OPENED_WITHIN_S: Final = 5.0
SILENT_S: Final = 45.0
PICTURE_WAIT_S: Final = 0.3
PICTURES_WITHIN_S: Final = 2.0


class AlertStreams:
    """The connections of one gate process; ``take`` books a message, ``unseal`` opens a stored password."""

    def __init__(
        self,
        catalog: CatalogKeeper,
        calls: DeviceCalls,
        take: Take,
        unseal: Callable[[str], str],
        metrics: GateMetrics,
    ) -> None:
        self._catalog = catalog
        self._calls = calls
        self._take = take
        self._unseal = unseal
        self._metrics = metrics

    async def run(self) -> Never:
        """Keep the connections that the catalog wants, for ever."""
        await DeviceTasks(self._catalog, _is_wanted, self._keep, name="alerts").run()

    async def _keep(self, controller: Controller) -> None:
        """Connect, and again, until the password is refused."""
        backoff, clock = Backoff(), asyncio.get_running_loop().time
        if controller.device is None:
            return
        while True:
            started = clock()
            try:
                await self._listen(controller, controller.device)
            except NotAuthenticated as error:
                log.warning("alert_stream_refused", controller=controller.controller_id, error=str(error))
                return
            except LeaveFirstError as error:
                log.warning("alert_stream_lost", controller=controller.controller_id, error=str(error))
            except Exception:
                # One device must not end the connections of all others.
                log.exception("alert_stream_failed", controller=controller.controller_id)
            await asyncio.sleep(backoff.delay_after(clock() - started))

    async def _listen(self, controller: Controller, device: Device) -> Never:
        """Take what comes; raises :class:`Unavailable` in the end."""
        password = self._unseal(device.sealed_password) if device.sealed_password else ""
        async with self._calls.stream(device, password, PATH, opened_within_s=OPENED_WITHIN_S) as response:
            kind, parameters = media_type({"content-type": response.headers.get("Content-Type", "")})
            if not kind.startswith("multipart/") or not parameters.get("boundary"):
                raise Unavailable("the device answers with something else than a stream of alerts")
            parts, clock = StreamParts(parameters["boundary"]), asyncio.get_running_loop().time
            alert: list[Part] = []
            began = clock()
            while True:
                try:
                    data = await _more(response, PICTURE_WAIT_S if alert else SILENT_S)
                    found = parts.feed(data or b"")
                except Exception:
                    await self._take_alert(alert, controller, device)
                    raise
                for part in found:
                    if part.content_type.startswith("image/"):
                        alert += [part] if alert else []
                    else:
                        await self._take_alert(alert, controller, device)
                        alert, began = [part], clock()
                whole = data is None or not _may_have_pictures(alert) or clock() - began > PICTURES_WITHIN_S
                if alert and whole:
                    await self._take_alert(alert, controller, device)
                    alert = []
                elif data is None:
                    raise Unavailable("the device says nothing any more")

    async def _take_alert(self, alert: list[Part], controller: Controller, device: Device) -> None:
        """Book an alert; one that cannot be read ends nothing."""
        if not alert:
            return
        try:
            message = message_from(alert[0].body, ordered(alert[1:]), device)
            await self._take(message, controller, device)
        except LeaveFirstError as error:
            self._metrics.device_message(HikvisionIsapi.name, "", "refused")
            log.warning("device_message_refused", controller=controller.controller_id, error=str(error))
        else:
            self._metrics.device_message(HikvisionIsapi.name, type(message).__name__.lower(), "taken")


def _is_wanted(controller: Controller) -> bool:
    return controller.device is not None and is_pulled(controller.device)


def _may_have_pictures(alert: Iterable[Part]) -> bool:
    return any(b"ANPR" in part.body for part in alert if not part.content_type.startswith("image/"))


async def _more(response: aiohttp.ClientResponse, within_s: float) -> bytes | None:
    """What has arrived, ``None`` if nothing did in time; raises :class:`Unavailable` at the end."""
    try:
        async with asyncio.timeout(within_s):
            data: bytes = await response.content.readany()
    except TimeoutError:
        return None
    if not data:
        raise Unavailable("the device ended the stream")
    return data
