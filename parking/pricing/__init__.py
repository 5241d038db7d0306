"""The price of a stay with its proof."""

from __future__ import annotations

from parking.pricing.changes import price_by_schedule, price_over
from parking.pricing.price import price
from parking.pricing.stay import Stay, Visit

__all__ = ["Stay", "Visit", "price", "price_by_schedule", "price_over"]
