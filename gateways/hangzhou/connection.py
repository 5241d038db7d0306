"""How this installation is connected to the platform: a TOML file, its keys beside it.

::

    access_id = "…"
    url = "http://platform.example:8990"
    private_key_file = "ours.key"
    platform_key_file = "platform.pub"

    [garage.kerry]
    parking_code = "330102000001"
    lanes = { "in-1" = "1", "out-1" = "2" }

What no source says of the interface is in the table ``[open]``, with the cautious choice as its default: what
is not known to mean "no" is asked about, what is not sealed is not believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from gateways.hangzhou.codes import PaidType
from gateways.hangzhou.envelope import read_private_key, read_public_key
from gateways.toml_file import Table, Wait, reading
from parking.errors import InvalidInput
from parking.ids import GarageId

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

__all__ = ["RAIL", "CityGarage", "Connection", "OpenQuestions", "load_connection"]

RAIL: Final = "hangzhou"
"""The city's name in charges, vouchers, reports and ledger accounts."""
GARAGES_MAX: Final = 500

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Number = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$")]
ResultCodes = frozenset[int]


class CityGarage(Table):
    """A garage as it is registered with the city; ``lanes`` are the numbers of its entries and exits."""

    parking_code: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    lanes: dict[Name, Number] = Field(default_factory=dict)
    open_places: Annotated[int, Field(ge=0)] | None = None
    """Places open to the public; without it, all."""
    gate_no: Annotated[str, Field(min_length=1, max_length=32)] = "0"
    operator_code: Annotated[str, Field(min_length=1, max_length=32)] = "0"


class OpenQuestions(Table):
    """What no source says, with what is assumed until the platform's people have said it."""

    declined: ResultCodes = frozenset()
    """``resultCode`` values to a charge that say: no, and not later either."""
    declined_for_now: ResultCodes = frozenset()
    """Those that say: no, but another bill number may be tried later."""
    known_bill: ResultCodes = frozenset()
    """Those that say: this bill is here already."""
    not_found: ResultCodes = frozenset({404})
    """Those that say, to a question about a bill: never heard of it."""
    failed_status: ResultCodes = frozenset()
    """``payStatus`` values of a payment that failed for good."""
    discounts_by_city: bool = True
    """Whether the garage gets ``actualPay`` and ``discountAmount`` together, or ``actualPay`` alone."""
    sealed_replies: bool = True
    """Believe an answer about money only when it is sealed as the messages of the broker are."""
    topic_prefix: Annotated[str, Field(pattern=r"^/?[a-z0-9/]*$", max_length=64)] = "hzcity/v2"
    """The description says ``hzcity/v2``; a client that is in use subscribes to ``/hzcity/v2``."""


class ConnectionTable(Table):
    """The file."""

    access_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    url: Annotated[str, Field(pattern=r"^https?://[^/?#\s]+(/[^?#\s]*)?$")]
    private_key_file: Path
    platform_key_file: Path
    mqtt_url: Annotated[str, Field(pattern=r"^mqtts?://[^/?#\s@]+$")] | None = None
    mqtt_password_file: Path | None = None
    timeout: Wait = Field(default="8s", validate_default=True)
    paid_types: dict[Annotated[str, Field(max_length=64)], PaidType] = Field(default_factory=dict)
    garage: dict[Name, CityGarage]
    open: OpenQuestions = OpenQuestions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The file, read and with its keys.

    ``paid_types`` says for each rail, and each way in which an attendant takes money, what the city calls it.
    """

    access_id: str
    url: str
    private_key: RSAPrivateKey
    platform_key: RSAPublicKey
    garages: dict[GarageId, CityGarage]
    mqtt_url: str | None = None
    mqtt_password: str | None = None
    timeout_s: float = 8.0
    paid_types: dict[str, PaidType]
    open: OpenQuestions

    def garage_of(self, parking_code: str) -> GarageId | None:
        """The garage with the city's code."""
        for garage_id, garage in self.garages.items():
            if garage.parking_code == parking_code:
                return garage_id
        return None


def load_connection(path: Path) -> Connection:
    """The connection that a file describes; :class:`InvalidInput` names file, place and reason."""
    with reading(path) as content:
        table = ConnectionTable.model_validate(content)
        codes = [garage.parking_code for garage in table.garage.values()]
        if not 0 < len(codes) <= GARAGES_MAX or len(set(codes)) < len(codes):
            raise InvalidInput(f"1 to {GARAGES_MAX} garages, each with a code of its own", ("garage",))
        return Connection(
            access_id=table.access_id,
            url=table.url.rstrip("/"),
            private_key=read_private_key(_beside(path, table.private_key_file)),
            platform_key=read_public_key(_beside(path, table.platform_key_file)),
            garages={GarageId(name): garage for name, garage in table.garage.items()},
            mqtt_url=table.mqtt_url,
            mqtt_password=_beside(path, table.mqtt_password_file).strip()
            if table.mqtt_password_file
            else None,
            timeout_s=table.timeout.total_seconds(),
            paid_types=table.paid_types,
            open=table.open,
        )


def _beside(path: Path, file: Path) -> str:
    try:
        return (path.parent / file).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}") from error
