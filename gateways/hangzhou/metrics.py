"""What passes between us and the city, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["CityMetrics"]


class CityMetrics:
    """Labels are words of the interface: no garage, no car."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._heard = Counter(
            "leave_first_city_messages", "Messages of the city", ("message", "result"), registry=registry
        )
        self._reports = Counter(
            "leave_first_city_reports", "Reports to the city", ("operation", "result"), registry=registry
        )
        self._connected = Gauge(
            "leave_first_city_connected", "Whether the city's broker is connected", registry=registry
        )
        self._resting = Gauge(
            "leave_first_city_garages_resting", "Garages whose reports do not get through", registry=registry
        )

    def heard(self, message: str, result: str) -> None:
        """A message came: it was taken, or refused."""
        self._heard.labels(message, result).inc()

    def reported(self, operation: str, result: str) -> None:
        """A report went out: it arrived, failed or was refused."""
        self._reports.labels(operation.rsplit("/", 1)[-1], result).inc()

    def connected(self, connected: bool) -> None:  # noqa: FBT001 - what is observed is just that
        """The broker came or went."""
        self._connected.set(int(connected))

    def resting(self, garages: int) -> None:
        """How many garages wait before they try again."""
        self._resting.set(garages)
