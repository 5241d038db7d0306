"""Who a device is, by what little it can do.

The secret is in the path that is typed into the device, in a bearer token, or the password of Basic
authentication: all three are one controller's access token. Digest authentication (RFC 7616) needs a stored
HA1 in place of the token's hash; its MD5 is what devices have. Where a device can do nothing, its address on
the network stands for it. Whatever the proof, it is one controller's: it speaks for its own lanes alone.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import TYPE_CHECKING, Final
from urllib.request import parse_http_list, parse_keqv_list

from gateways.web.access import read_token
from parking.clock import to_ms
from parking.device import Proof
from parking.errors import LeaveFirstError, NotAuthenticated, NotPermitted

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.gates.catalog_keeper import CatalogKeeper
    from parking.catalog import Controller
    from parking.clock import Clock

__all__ = ["REALM", "Caller", "DeviceAccess", "DigestWanted", "digest_ha1"]

REALM: Final = "leave-first"
NONCE_VALID_MS: Final = 300_000
"""Devices that keep a nonce longer are told that it is stale, and repeat with a new one."""


class DigestWanted(LeaveFirstError):
    """The device must prove itself by Digest authentication; ``challenge`` is the header that says so."""

    def __init__(self, challenge: str) -> None:
        super().__init__("Digest authentication is needed")
        self.challenge = challenge


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What a request says of who sent it; ``token`` is the secret part of its path, empty on a fixed path."""

    protocol: str
    token: str
    authorization: str
    method: str
    uri: str
    remote: str


def digest_ha1(user: str, password: str) -> str:
    """What is stored of a password for Digest authentication."""
    return _md5(f"{user}:{REALM}:{password}")


class DeviceAccess:
    """Finds the controller of a request; ``nonce_key`` is 32 bytes of chance."""

    def __init__(
        self,
        catalog: CatalogKeeper,
        holder: Callable[[str, str], Controller],
        clock: Clock,
        *,
        nonce_key: bytes,
    ) -> None:
        self._catalog = catalog
        self._holder = holder
        self._clock = clock
        self._nonce_key = nonce_key

    def controller(self, caller: Caller) -> Controller:
        """Whose request it is; :class:`NotAuthenticated`, :class:`NotPermitted`, :class:`DigestWanted`."""
        controller = self._proven(caller)
        device = controller.device
        if device is None or device.protocol != caller.protocol:
            raise NotPermitted("this token is for another protocol")
        if not device.may_call_from(caller.remote):
            raise NotPermitted("this device may not call from there")
        return controller

    def _proven(self, caller: Caller) -> Controller:
        if caller.token:
            return self._by_token(caller.token, Proof.TOKEN)
        if not caller.authorization.isascii():
            raise NotAuthenticated("no proof of ours has such signs")
        scheme, _, rest = caller.authorization.partition(" ")
        match scheme.lower():
            case "bearer":
                return self._by_token(rest.strip(), Proof.TOKEN)
            case "basic":
                return self._by_token(_basic_password(rest), Proof.TOKEN)
            case "digest":
                return self._by_digest(rest, caller)
            case _:
                return self._by_address(caller)

    def _by_token(self, text: str, proof: Proof) -> Controller:
        controller = self._holder(*read_token(text))
        if controller.device is None or controller.device.proof is not proof:
            raise NotAuthenticated("this device proves itself in another way")
        return controller

    def _by_address(self, caller: Caller) -> Controller:
        """The one controller that this address stands for; a device that can do Digest is asked for it."""
        devices = [
            (one, one.device)
            for one in self._catalog.current.controllers.values()
            if one.device is not None and one.device.protocol == caller.protocol
        ]
        found = [
            one
            for one, device in devices
            if device.proof is Proof.ADDRESS and device.may_call_from(caller.remote)
        ]
        if len(found) == 1:
            return found[0]
        if any(device.proof is Proof.DIGEST for _, device in devices):
            raise DigestWanted(self._challenge(stale=False))
        raise NotAuthenticated("nothing here says which device this is")

    def _by_digest(self, fields: str, caller: Caller) -> Controller:
        try:
            given = parse_keqv_list(parse_http_list(fields))
        except (ValueError, IndexError):
            raise NotAuthenticated("this is no Digest authentication") from None
        controller = self._catalog.current.controllers.get(given.get("username", ""))
        ha1 = controller.device.digest_ha1 if controller is not None and controller.device is not None else ""
        expected = _digest_response(given, ha1, caller.method)
        right = hmac.compare_digest(expected, given.get("response", "").encode())
        if not right or not ha1 or controller is None or given.get("uri") != caller.uri:
            raise DigestWanted(self._challenge(stale=False))
        if not self._nonce_holds(given.get("nonce", "")):
            raise DigestWanted(self._challenge(stale=True))
        return controller

    def _challenge(self, *, stale: bool) -> str:
        nonce = self._nonce(to_ms(self._clock.now()))
        more = ", stale=true" if stale else ""
        return f'Digest realm="{REALM}", qop="auth", algorithm=MD5, nonce="{nonce}"{more}'

    def _nonce(self, at_ms: int) -> str:
        seal = hmac.digest(self._nonce_key, str(at_ms).encode(), sha256).hex()[:32]
        return f"{at_ms}-{seal}"

    def _nonce_holds(self, nonce: str) -> bool:
        at_ms = nonce.partition("-")[0]
        if not (at_ms.isascii() and at_ms.isdigit() and len(at_ms) < 16):  # noqa: PLR2004 - a moment in ms
            return False
        fresh = abs(to_ms(self._clock.now()) - int(at_ms)) <= NONCE_VALID_MS
        return hmac.compare_digest(self._nonce(int(at_ms)).encode(), nonce.encode()) and fresh


def _basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        raise NotAuthenticated("this is no Basic authentication") from None


def _digest_response(given: dict[str, str], ha1: str, method: str) -> bytes:
    """What the device must have computed; devices of before RFC 2617 send no ``qop``."""
    ha2 = _md5(f"{method}:{given.get('uri', '')}")
    nonce = given.get("nonce", "")
    if "qop" in given:
        middle = f"{nonce}:{given.get('nc', '')}:{given.get('cnonce', '')}:{given['qop']}"
    else:
        middle = nonce
    return _md5(f"{ha1}:{middle}:{ha2}").encode()


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
