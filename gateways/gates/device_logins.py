"""Which stored passwords of devices are still tried, for all gate processes together.

Devices lock an account after a few wrong passwords, and then no barrier opens. So one wrong try is the last:
the stored password is not used again until an operator stores one anew, which is another sealed text even for
the same password. The live store tells that to the other processes and to those that come later; a password
of which nothing is known is tried by one process while the others wait, for a moment: a car stands there. Two
may still try in the same moment: one that was taken until then, where it was changed on the device. A process
that is killed while it tries tells nobody. And where the live store does not answer, each process goes by
what it has learned itself.

Within a process calls to one device go one after another.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager
from hashlib import blake2b
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from gateways.gates.at_once import at_once
from parking.errors import NotAuthenticated
from parking.live.logins import LoginState, begin_login, note_login

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from parking.device import Device
    from parking.live.batching import BatchingConnection

__all__ = ["REFUSED", "Attempt", "DeviceLogins"]

DEVICES_MAX: Final = 20_000
LOOK_EVERY_S: Final = 0.05
MARK_BYTES: Final = 8
REFUSED: Final = "the device refused its password, which is not tried again until it is stored anew"


class Attempt:
    """One call that may be made; who makes it says what it has shown of the password."""

    def __init__(self) -> None:
        self.shown: LoginState | None = None


class Login:
    """One stored password of one device."""

    def __init__(self, device: Device) -> None:
        told = f"{device.address}\x1f{device.username}\x1f{device.sealed_password}"
        self.name = blake2b(told.encode(), digest_size=16).hexdigest()
        self.turn = asyncio.Lock()
        self.refused = False


class DeviceLogins:
    """Of one gate process."""

    def __init__(self, live: BatchingConnection) -> None:
        self._live = live
        self._process = token_hex(MARK_BYTES)
        self._logins: OrderedDict[tuple[str, str, str], Login] = OrderedDict()

    @asynccontextmanager
    async def attempt(self, device: Device, within_s: float) -> AsyncIterator[Attempt]:
        """The turn to call a device, which ends with :class:`TimeoutError`.

        :class:`NotAuthenticated` when its password was refused before. What the call has shown is told to all
        when its time is over, so that an answer in time stays one.
        """
        login, attempt = self._login(device), Attempt()
        until = asyncio.get_running_loop().time() + within_s
        async with asyncio.timeout_at(until):
            await login.turn.acquire()
        known: LoginState | None = None
        try:
            async with asyncio.timeout_at(until):
                known = await self._known(login) if device.username else None
                if known is LoginState.REFUSED:
                    raise NotAuthenticated(REFUSED)
                yield attempt
        finally:
            if attempt.shown is not None and attempt.shown is not known:
                login.refused = attempt.shown is LoginState.REFUSED
                await at_once(note_login(self._live, login.name, attempt.shown))
            login.turn.release()

    async def _known(self, login: Login) -> LoginState | None:
        """What is known, once nobody else is trying it."""
        if login.refused:
            return LoginState.REFUSED
        while True:
            known = await at_once(begin_login(self._live, login.name, self._process))
            if known is not LoginState.TRIED:
                return known
            await asyncio.sleep(LOOK_EVERY_S)

    def _login(self, device: Device) -> Login:
        key = (device.address, device.username, device.sealed_password)
        login = self._logins.get(key) or self._logins.setdefault(key, Login(device))
        self._logins.move_to_end(key)
        if len(self._logins) > DEVICES_MAX:
            self._logins.popitem(last=False)
        return login
