"""How the books write down policies, tariffs and devices: as the catalog's own JSON."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from gateways.catalog_document import device_from_json, policy_from_json, tariff_from_json, tariff_to_json
from parking.garage import Policy
from settlement.books.garages import CatalogTexts

__all__ = ["CATALOG_TEXTS"]

POLICY: Final = TypeAdapter(Policy)

CATALOG_TEXTS: Final = CatalogTexts(
    policy_text=lambda policy: POLICY.dump_json(policy).decode(),
    policy_from=policy_from_json,
    tariff_text=tariff_to_json,
    tariff_from=tariff_from_json,
    device_from=device_from_json,
)
