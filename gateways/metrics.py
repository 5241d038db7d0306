"""What operators watch, by Prometheus conventions; no plate, session or account in any label."""

from __future__ import annotations

import asyncio
import collections
from time import perf_counter
from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from prometheus_client import CollectorRegistry

    from parking.barrier import BarrierRecord
    from parking.catalog import Controller
    from parking.decision import Decision
    from parking.desk import Answer

__all__ = ["GateMetrics", "ProcessMetrics"]

LATENCY_BUCKETS_S = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LAG_SAMPLE_S = 0.25


class GateMetrics:
    """The gates' side."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = Counter(
            "leave_first_decisions", "Answers to gates", ("decision", "reason"), registry=registry
        )
        self._events = Counter("leave_first_gate_events", "Gate events", ("result",), registry=registry)
        self._latency = Histogram(
            "leave_first_decision_seconds",
            "From the request's body read to its answer",
            buckets=LATENCY_BUCKETS_S,
            registry=registry,
        )
        self._batch = Histogram(
            "leave_first_live_batch_calls",
            "Calls that shared one round trip to the live store",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self.spooled = Gauge(
            "leave_first_spooled_events",
            "Events on local disk that wait for the live store",
            registry=registry,
        )
        self.sockets = Gauge(
            "leave_first_gate_sockets", "WebSockets that controllers keep open", registry=registry
        )
        self.mqtt_connected = Gauge(
            "leave_first_mqtt_connected", "Whether the MQTT broker is connected", registry=registry
        )
        self.mqtt_controllers = Gauge(
            "leave_first_mqtt_controllers", "Controllers that are online over MQTT", registry=registry
        )
        self._skew = Gauge(
            "leave_first_device_clock_skew_seconds",
            "By how much a device's clock is ahead of ours",
            ("garage", "controller", "protocol"),
            registry=registry,
        )
        self._device_messages = Counter(
            "leave_first_device_messages",
            "Messages of devices that speak their maker's protocol",
            ("protocol", "kind", "result"),
            registry=registry,
        )
        self._barriers = Counter(
            "leave_first_barrier_records",
            "What barriers were told and what was seen of them",
            ("act", "outcome"),
            registry=registry,
        )
        self.barrier_records_lost = Counter(
            "leave_first_barrier_records_lost",
            "Barrier records that found no room while the live store was away",
            registry=registry,
        )
        self._pictures = Counter(
            "leave_first_device_pictures", "Pictures that devices sent", ("result",), registry=registry
        )
        self._by_decision: dict[tuple[str, str], Counter] = {}
        self._answered = self._events.labels("answered")
        self._replayed = self._events.labels("replayed")
        self._refused = self._events.labels("refused")

    def answered(self, decision: Decision, *, replayed: bool, seconds: float) -> None:
        """One answer left."""
        self._counter(decision.verdict, decision.reason).inc()
        (self._replayed if replayed else self._answered).inc()
        self._latency.observe(seconds)

    def answered_many(self, answers: Iterable[Answer]) -> None:
        """The answers to a backlog left; no driver waited for them, so none has a latency."""
        kinds = collections.Counter(
            (one.decision.verdict, one.decision.reason, one.replayed) for one in answers
        )
        for (verdict, reason, replayed), count in kinds.items():
            self._counter(verdict, reason).inc(count)
            (self._replayed if replayed else self._answered).inc(count)

    def _counter(self, verdict: str, reason: str) -> Counter:
        counter = self._by_decision.get((verdict, reason))
        if counter is None:
            counter = self._by_decision[verdict, reason] = self._decisions.labels(verdict, reason)
        return counter

    def device_skew(self, controller: Controller, protocol: str, skew: timedelta) -> None:
        """How far ahead a device's clock is."""
        self._skew.labels(controller.garage_id, controller.controller_id, protocol).set(skew.total_seconds())

    def picture(self, result: str) -> None:
        """A picture was kept, refused or lost."""
        self._pictures.labels(result).inc()

    def barrier(self, record: BarrierRecord) -> None:
        """Something is known of a barrier."""
        self._barriers.labels(record.act, record.outcome).inc()

    def device_message(self, protocol: str, kind: str, result: str) -> None:
        """One message of a device was taken, or refused."""
        self._device_messages.labels(protocol, kind, result).inc()

    def refused(self) -> None:
        """One event was refused."""
        self._refused.inc()

    def batch_sent(self, size: int) -> None:
        """One batch went to the live store."""
        self._batch.observe(size)


class ProcessMetrics:
    """What every process of ours reports."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._lag = Gauge(
            "leave_first_loop_lag_seconds", "How late the event loop ran its last timer", registry=registry
        )

    async def watch_loop(self) -> None:
        """Measure for ever."""
        while True:
            due = perf_counter() + LAG_SAMPLE_S
            await asyncio.sleep(LAG_SAMPLE_S)
            self._lag.set(max(0.0, perf_counter() - due))
