"""An event as a controller of the garage's own making writes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parking.event import GateEvent

__all__ = ["event_body", "event_text"]


def event_body(event: GateEvent, shown: str = "") -> dict[str, Any]:
    """The fields of an event; ``shown`` is the token of a car without a plate."""
    vehicle: dict[str, Any] = {
        "plate": {"number": event.plate.number, "colour": event.plate.colour},
        "confidence": event.confidence,
    }
    return {
        "event_id": event.event_id,
        "garage_id": event.garage_id,
        "lane_id": event.lane_id,
        "kind": event.kind,
        "captured_at": event.captured_at.isoformat(timespec="milliseconds"),
        **({"token": shown, "image_reference": event.image_reference} if shown else vehicle),
        "offline": event.offline,
    }


def event_text(event: GateEvent, shown: str = "", **more: str) -> str:
    """The event as JSON, with the fields that a lasting connection needs besides."""
    return json.dumps({**more, **event_body(event, shown)}, ensure_ascii=False)
