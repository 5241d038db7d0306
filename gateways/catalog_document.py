"""The catalog as JSON: how it travels through the live store and rests in a gate's local file."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Base64Bytes, BaseModel, ConfigDict, TypeAdapter, ValidationError

from parking.catalog import Catalog, Controller
from parking.device import Device
from parking.errors import Defect, InvalidInput
from parking.garage import Direction, Garage, Policy
from parking.ids import ControllerId, GarageId, LaneId
from parking.tariff import Tariff, TariffSchedule, TariffVersion

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "catalog_from_json",
    "catalog_to_json",
    "device_from_json",
    "device_to_json",
    "policy_from_json",
    "tariff_from_json",
    "tariff_to_json",
]

TARIFF = TypeAdapter(Tariff)
POLICY = TypeAdapter(Policy)
DEVICE = TypeAdapter(Device)


class Document(BaseModel):
    """Frozen; unknown fields are ignored, so that a newer writer can be read."""

    model_config = ConfigDict(frozen=True)


class TariffVersionDocument(Document):
    """A tariff and when it came into force."""

    in_force_from: datetime
    tariff: Tariff


class GarageDocument(Document):
    """One garage."""

    garage_id: str
    name: str
    spaces: int
    policy: Policy
    lanes: dict[str, Direction]
    tariffs: list[TariffVersionDocument]


class ControllerDocument(Document):
    """One controller's token, as its digest."""

    controller_id: str
    garage_id: str
    lane_ids: list[str]
    secret_sha256: Base64Bytes
    device: Device | None = None


class CatalogDocument(Document):
    """The whole."""

    revision: int
    partition_count: int
    garages: list[GarageDocument]
    controllers: dict[str, ControllerDocument]
    grant_keys: dict[str, Base64Bytes] = {}
    revoked_keys: list[str] = []


def tariff_to_json(tariff: Tariff) -> str:
    """A tariff as it is stored in the books."""
    return TARIFF.dump_json(tariff).decode()


def tariff_from_json(text: str) -> Tariff:
    """The inverse of :func:`tariff_to_json`."""
    return TARIFF.validate_json(text)


def policy_from_json(text: str) -> Policy:
    """A garage's policy as stored; what is missing has its default."""
    return POLICY.validate_json(text)


def device_to_json(device: Device) -> str:
    """A controller's device as it is stored in the books."""
    return DEVICE.dump_json(device).decode()


def device_from_json(text: str) -> Device:
    """The inverse of :func:`device_to_json`."""
    return DEVICE.validate_json(text)


def catalog_to_json(catalog: Catalog) -> bytes:
    """The document of a catalog."""
    document = CatalogDocument(
        revision=catalog.revision,
        partition_count=catalog.partition_count,
        garages=[_garage_document(garage) for garage in catalog.garages.values()],
        controllers={
            token_id: ControllerDocument(
                controller_id=controller.controller_id,
                garage_id=controller.garage_id,
                lane_ids=sorted(controller.lane_ids),
                secret_sha256=base64.b64encode(controller.secret_sha256),
                device=controller.device,
            )
            for token_id, controller in catalog.controllers.items()
        },
        grant_keys={key_id: base64.b64encode(key) for key_id, key in catalog.grant_keys.items()},
        revoked_keys=sorted(catalog.revoked_keys),
    )
    return document.model_dump_json().encode()


def catalog_from_json(text: bytes) -> Catalog:
    """The catalog of a document; :class:`Defect` when it is none."""
    try:
        return _catalog(CatalogDocument.model_validate_json(text))
    except ValidationError as error:
        first: ErrorDetails = error.errors(include_input=False)[0]
        raise Defect(f"the catalog cannot be read: {first['loc']}: {first['msg']}") from None
    except InvalidInput as error:
        raise Defect(f"the catalog cannot be read: {error}") from error


def _catalog(document: CatalogDocument) -> Catalog:
    return Catalog(
        revision=document.revision,
        partition_count=document.partition_count,
        garages={GarageId(one.garage_id): _garage(one) for one in document.garages},
        controllers={
            token_id: Controller(
                controller_id=ControllerId(one.controller_id),
                garage_id=GarageId(one.garage_id),
                lane_ids=frozenset(map(LaneId, one.lane_ids)),
                secret_sha256=one.secret_sha256,
                device=one.device,
            )
            for token_id, one in document.controllers.items()
        },
        grant_keys=document.grant_keys,
        revoked_keys=frozenset(document.revoked_keys),
    )


def _garage_document(garage: Garage) -> GarageDocument:
    return GarageDocument(
        garage_id=garage.garage_id,
        name=garage.name,
        spaces=garage.spaces,
        policy=garage.policy,
        lanes={str(lane_id): direction for lane_id, direction in garage.lanes.items()},
        tariffs=[
            TariffVersionDocument(in_force_from=one.in_force_from, tariff=one.tariff)
            for one in garage.tariffs.versions
        ],
    )


def _garage(one: GarageDocument) -> Garage:
    return Garage(
        garage_id=GarageId(one.garage_id),
        name=one.name,
        spaces=one.spaces,
        lanes={LaneId(lane_id): direction for lane_id, direction in one.lanes.items()},
        tariffs=TariffSchedule(
            versions=tuple(
                TariffVersion(in_force_from=version.in_force_from, tariff=version.tariff)
                for version in one.tariffs
            )
        ),
        policy=one.policy,
    )
