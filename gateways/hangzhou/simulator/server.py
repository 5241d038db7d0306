"""The city's doors: one POST an operation, each in an envelope, and some for whoever runs a test.

::

    POST /api/v2/…              what a garage brings up or asks; JSON {resultCode, msg[, cipher, sign]}
    GET  /livez
    GET  /rail/v1/books …       the money, as the rail simulator shows its own, with the secret
    GET  /rail/v1/messages      every message, one JSON object a line, in the order in which they came first
    POST /rail/v1/fees          have the city ask for a car's bill: {"parkingCode", "plateNo", "plateColor"}
"""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateways.hangzhou.envelope import Envelope, seal, unseal
from gateways.hangzhou.heard import FeeQuestion, read_message
from gateways.hangzhou.messages import (
    AbnormalBill,
    ApplyPayment,
    CarIn,
    CarOut,
    Confirmation,
    DailyBill,
    Fee,
    GrantQuestion,
    Heartbeat,
    Operation,
    ParkingState,
    PayRecord,
    Photo,
    ResultQuestion,
    Up,
)
from gateways.hangzhou.simulator.city import Said
from gateways.rails.simulator.faults import Fault, Kind, plan_of
from gateways.rails.simulator.server import gone, live, spoilt
from parking.clock import to_ms
from parking.errors import CallerError, DependencyError, InvalidInput, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    from gateways.hangzhou.simulator.city import City
    from gateways.rails.simulator.faults import Profile
    from gateways.rails.simulator.server import RailServer
    from gateways.rails.simulator.teller import Spoilt

__all__ = ["CityServer"]

BODY_MAX_BYTES: Final = 1024 * 1024
PAGE: Final = 1_000
NOT_AUTHENTICATED: Final = 401
INVALID: Final = 400
QUESTIONS: Final = frozenset({Operation.GET_RESULT, Operation.GET_GRANTS})
MODELS: Final[dict[Operation, type[Up]]] = {
    Operation.CONFIRM_GRANT: Confirmation,
    Operation.GET_GRANTS: GrantQuestion,
    Operation.APPLY_PAYMENT: ApplyPayment,
    Operation.UPLOAD_FEE: Fee,
    Operation.CONFIRM_RESULT: Confirmation,
    Operation.GET_RESULT: ResultQuestion,
    Operation.ABNORMAL_BILL: AbnormalBill,
    Operation.CHECK_DAILY_BILL: DailyBill,
    Operation.HEARTBEAT: Heartbeat,
    Operation.CAR_IN: CarIn,
    Operation.CAR_OUT: CarOut,
    Operation.PAY_RECORD: PayRecord,
    Operation.PARKING_STATE: ParkingState,
    Operation.PHOTO: Photo,
}
"""The city takes what it knows and nothing else."""
PICTURE_MAX_BYTES: Final = 512 * 1024
KEYS: Final = ("photoID", "arriveID", "endID", "requestId", "billID", "uploadTime", "accountDate")
"""What tells two messages of one operation apart, whichever comes first in it."""


class CityServer:
    """The routes over one city."""

    def __init__(
        self,
        city: City,
        rail: RailServer,
        *,
        garages: Mapping[str, RSAPublicKey],
        key: RSAPrivateKey,
        profile: Profile,
        seed: int,
    ) -> None:
        """``garages`` are the keys of those who may speak, by ``accessID``."""
        self._city = city
        self._rail = rail
        self._garages = garages
        self._key = key
        self._profile = profile
        self._seed = seed
        self._struck: set[str] = set()

    def application(self) -> web.Application:
        """A fresh application."""
        guarded = self._rail.application()
        guarded.add_routes([web.get("/v1/messages", self._messages), web.post("/v1/fees", self._ask_fee)])
        application = web.Application(client_max_size=BODY_MAX_BYTES)
        application.add_routes([web.post(operation, self._taking(operation)) for operation in Operation])
        application.add_routes([web.get("/livez", live)])
        application.add_subapp("/rail", guarded)
        return application

    def _taking(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def take(request: web.Request) -> web.Response:
            try:
                form = await request.post()
                fields = self._opened(form)
                if operation is Operation.PHOTO:
                    _check_picture(str(form.get("file", "")))
                said = await self._heard(operation, fields, partial(gone, request))
            except NotAuthenticated as error:
                said = Said(code=NOT_AUTHENTICATED, message=str(error))
            except (CallerError, ValidationError) as error:
                said = Said(code=INVALID, message=type(error).__name__)
            except DependencyError as error:
                return web.Response(status=503, text=str(error))
            return self._answer(said) if isinstance(said, Said) else spoilt(request, said.fault)

        return take

    def _opened(self, form: Mapping[str, Any]) -> dict[str, Any]:
        key = self._garages.get(str(form.get("accessID")))
        if key is None:
            raise NotAuthenticated("nobody has this accessID")
        envelope = Envelope(cipher=str(form.get("cipher", "")), sign=str(form.get("sign", "")))
        try:
            message = json.loads(unseal(envelope, key))
        except ValueError:
            raise InvalidInput("not JSON") from None
        data = message.get("data") if isinstance(message, dict) else None
        if not isinstance(data, dict):
            raise InvalidInput("without data")
        return data

    async def _heard(
        self, operation: Operation, fields: dict[str, Any], gone: Callable[[], bool]
    ) -> Said | Spoilt:
        MODELS[operation].model_validate(fields)
        if operation in QUESTIONS:
            return await self._city.take(operation, fields, gone)
        key = next((str(fields[name]) for name in KEYS if name in fields), json.dumps(fields))
        plan = plan_of(self._profile, self._seed, Kind.CHARGE, f"{operation}/{key}", key, "message")
        upload = operation is not Operation.APPLY_PAYMENT
        if upload and plan.before is Fault.ERROR_BEFORE_CAPTURE and key not in self._struck:
            self._struck.add(key)
            return Said(code=500, message="the city had a fault")
        now_ms = to_ms(self._city.clock.now())
        copies = await self._city.books.keep(operation.rsplit("/", 1)[1], key, fields, now_ms=now_ms)
        if copies == 1 or not upload:
            said = await self._city.take(operation, fields, gone)
        else:
            said = Said(message="known")
        if upload and copies == 1 and plan.after is Fault.ERROR_AFTER_CAPTURE:
            return Said(code=500, message="the city had a fault")
        return said

    def _answer(self, said: Said) -> web.Response:
        fields: dict[str, Any] = {"resultCode": said.code, "msg": said.message}
        if said.data is not None:
            envelope = seal(json.dumps({"data": said.data}).encode(), self._key)
            fields |= {"cipher": envelope.cipher, "sign": envelope.sign}
        return web.json_response(fields)

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        last = 0
        while page := await self._city.books.messages(last, PAGE):
            lines = [
                json.dumps({"operation": one.operation, "copies": one.copies, "fields": one.fields})
                for one in page
            ]
            await response.write("".join(f"{line}\n" for line in lines).encode())
            last = page[-1].sequence
        await response.write_eof()
        return response

    async def _ask_fee(self, request: web.Request) -> web.Response:
        question, _ = read_message(await request.read(), FeeQuestion)
        self._city.publisher.ask_fee(question)
        return web.Response(status=202)


def _check_picture(text: str) -> None:
    try:
        picture = base64.b64decode(text, validate=True)
    except ValueError:
        picture = b""
    if not 0 < len(picture) <= PICTURE_MAX_BYTES:
        raise InvalidInput("a photo comes with a picture of at most 512 K")
