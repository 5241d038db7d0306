"""What settlement reports: counted as it happens, or read from the stores every few seconds."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog
from prometheus_client import Counter, Gauge, Histogram
from typing_extensions import override

from parking.errors import LeaveFirstError
from parking.live.journal import GROUPS
from settlement.charge import Direction, Move, State
from settlement.collector import ChargeObserver
from settlement.coupon_life import CouponStep
from settlement.observe import CouponObserver, Observer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from prometheus_client import CollectorRegistry

    from parking.clock import Clock
    from parking.live.journal import LiveJournal
    from settlement.books.charges import ChargeCount, Charges
    from settlement.books.ledger_totals import LedgerTotals
    from settlement.books.pool import Pool
    from settlement.charge import Attempt
    from settlement.outcomes import Decision
    from settlement.rail import Answer
    from settlement.record_books import Booked

__all__ = ["SettlementMetrics"]

log = structlog.get_logger()
LAG_BUCKETS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600, 86_400)
BATCH_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
SAMPLE_EVERY_S: Final = 2.0
CHARGES_EVERY: Final = 2
IMBALANCE_EVERY: Final = 5
TELL_EVERY_S: Final = 5.0
"""What stands in the way of every turn is counted each time and logged this often."""


class SettlementMetrics(Observer, CouponObserver, ChargeObserver):
    """Counts for the loops, and a sampler for what only the stores know."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._registry = registry
        self._tell_from_s: dict[str, float] = {}
        self._records = self._counter("records_booked", "Journal records booked")
        self._bills = self._counter("bills", "Bills raised")
        self._coupons = self._counter("coupons", "Coupons that took a step", "step")
        self._refused = self._counter("coupons_refused", "Coupons not given, or not revoked", "reason")
        self._batch = self._histogram("posting_batch_records", "Records in one posting", BATCH_BUCKETS)
        self._posting = self._histogram("posting_seconds", "One posting", LAG_BUCKETS_S)
        self._to_billed = self._histogram("exit_to_billed_seconds", "From exit to bill", LAG_BUCKETS_S)
        self._to_paid = self._histogram("exit_to_paid_seconds", "From exit to payment", LAG_BUCKETS_S)
        self._failed = self._counter("record_failures", "Times that a journal record could not be booked")
        self._set_aside = self._counter("records_set_aside", "Journal records that wait for a person")
        self._grants = self._counter("grants_pushed", "Grants pushed to gates")
        self._awaited = self._gauge(
            "bills_waiting_for_benefits", "Not charged until it is known what their stays are given"
        )
        self._looked_up = self._counter("benefits_looked_up_late", "Of those, found out since", "corrected")
        self._debtors = self._gauge("debtors_at_entries", "Plates of debtors that the entries know")
        self._left_out = self._gauge("debtors_left_out", "1 while more owe than the entries may know")
        self._are_left_out = False
        self._held_up = self._counter("loop_held_up", "Waits of a loop for a store", "loop")
        self._answers = self._counter("rail_answers", "Answers of rails", "rail", "answer", "question")
        self._call = self._histogram("rail_call_seconds", "One call of a rail", LAG_BUCKETS_S, "rail")
        self._moves = self._counter("charge_moves", "Charges that reached a state", "rail", "state")
        self._backlog = self._gauge("journal_backlog_records", "Records not yet settled", "group")
        self._backlog_age = self._gauge("journal_backlog_seconds", "Age of the oldest of them", "group")
        by_state = ("direction", "rail", "state")
        self._charges = self._gauge("open_charges", "Charges neither paid nor voided", *by_state)
        self._charges_fen = self._gauge("open_charges_fen", "Their amounts", *by_state)
        self._doubts = self._gauge("charges_in_doubt", "Unknown outcomes")
        self._doubts_age = self._gauge("charges_in_doubt_seconds", "Age of the oldest of them")
        self._imbalance = self._gauge("ledger_imbalance_fen", "What the ledger is out by; always 0")
        self._pool = self._gauge("postgres_connections", "Connections of the pool", "state")

    @property
    def registry(self) -> CollectorRegistry:
        """Where further parts of the process count."""
        return self._registry

    def _counter(self, name: str, means: str, *labels: str) -> Counter:
        return Counter(f"leave_first_{name}", means, labels, registry=self._registry)

    def _gauge(self, name: str, means: str, *labels: str) -> Gauge:
        return Gauge(f"leave_first_{name}", means, labels, registry=self._registry)

    def _histogram(self, name: str, means: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"leave_first_{name}", means, labels, buckets=buckets, registry=self._registry)

    @override
    def batch_posted(self, *, records: int, seconds: float, booked: Booked) -> None:
        self._records.inc(booked.fresh)
        self._bills.inc(booked.bills)
        self._coupons.labels(CouponStep.USED).inc(booked.coupons_used)
        self._coupons.labels(CouponStep.FREED).inc(booked.coupons_freed)
        self._batch.observe(records)
        self._posting.observe(seconds)

    @override
    def coupon_given(self) -> None:
        self._coupons.labels(CouponStep.GIVEN).inc()

    @override
    def coupon_revoked(self) -> None:
        self._coupons.labels(CouponStep.REVOKED).inc()

    @override
    def coupon_refused(self, *, reason: str) -> None:
        self._refused.labels(reason).inc()

    @override
    def exits_billed(self, *, lags_s: Sequence[float]) -> None:
        for lag_s in lags_s:
            self._to_billed.observe(lag_s)

    @override
    def record_failed(self, *, detail: str) -> None:
        self._failed.inc()
        if self._may_tell("record_failed"):
            log.warning("record_failed", detail=detail)

    @override
    def booking_broken(self, error: Exception) -> None:
        if self._may_tell("booking_broken"):
            log.error("booking_broken", exc_info=error)

    @override
    def record_set_aside(self, *, detail: str) -> None:
        self._set_aside.inc()
        log.error("record_set_aside", detail=detail)

    @override
    def grants_pushed(self, *, grants: int, seconds: float) -> None:
        self._grants.inc(grants)

    @override
    def benefits_awaited(self, *, closings: int) -> None:
        self._awaited.set(closings)

    @override
    def benefits_looked_up(self, *, corrected: bool) -> None:
        self._looked_up.labels(str(corrected).lower()).inc()

    @override
    def debtors_told(self, *, plates: int, left_out: bool) -> None:
        self._debtors.set(plates)
        self._left_out.set(left_out)
        if left_out and not self._are_left_out:
            log.warning("debtors_left_out", known_at_entries=plates)
        self._are_left_out = left_out

    @override
    def loop_held_up(self, *, loop: str, error: LeaveFirstError, retry_in_s: float) -> None:
        self._held_up.labels(loop).inc()
        log.warning("loop_held_up", loop=loop, error=str(error), retry_in_s=retry_in_s)

    @override
    def rail_answered(self, attempt: Attempt, answer: Answer, *, question: bool, took_s: float) -> None:
        rail = attempt.charge.rail or "none"
        self._answers.labels(rail, type(answer).__name__.lower(), str(question).lower()).inc()
        self._call.labels(rail).observe(took_s)

    @override
    def outcomes_booked(self, decisions: Sequence[Decision], now: datetime) -> None:
        for decision in decisions:
            if isinstance(decision, Move) and decision.step is not None:
                charge = decision.attempt.charge
                self._moves.labels(charge.rail or "none", decision.state).inc()
                if decision.state is State.PAID and charge.direction is Direction.COLLECT:
                    self._to_paid.observe((now - charge.raised_at).total_seconds())

    @override
    def collector_hindered(self, error: LeaveFirstError) -> None:
        self._held_up.labels("collector").inc()
        if self._may_tell("collector_hindered"):
            log.warning("collector_hindered", error=str(error))

    def _may_tell(self, event: str) -> bool:
        """Whether ``event``, which may come again and again, is to be logged this time."""
        now_s = monotonic()
        if now_s < self._tell_from_s.get(event, 0.0):
            return False
        self._tell_from_s[event] = now_s + TELL_EVERY_S
        return True

    async def sample(self, journal: LiveJournal, charges: Charges, pool: Pool, ledger: LedgerTotals) -> None:
        """Read for ever what only the stores know; charges less often than backlogs."""
        turn = 0
        while True:
            try:
                await self._sample_backlog(journal)
                if turn % CHARGES_EVERY == 0:
                    self._show_charges(await charges.open_summary())
                if turn % IMBALANCE_EVERY == 0:
                    self._imbalance.set(await ledger.out_by_fen())
            except LeaveFirstError as error:
                log.warning("metrics_not_sampled", error=str(error))
            self._pool.labels("used").set(pool.get_size() - pool.get_idle_size())
            self._pool.labels("idle").set(pool.get_idle_size())
            turn += 1
            await asyncio.sleep(SAMPLE_EVERY_S)

    async def _sample_backlog(self, journal: LiveJournal) -> None:
        for group in GROUPS:
            backlog = await journal.backlog(group)
            self._backlog.labels(group).set(backlog.records)
            self._backlog_age.labels(group).set(backlog.oldest_ms / 1000)

    def _show_charges(self, counts: Sequence[ChargeCount]) -> None:
        self._charges.clear()
        self._charges_fen.clear()
        for one in counts:
            labels = (one.direction, one.rail or "none", one.state)
            self._charges.labels(*labels).set(one.charges)
            self._charges_fen.labels(*labels).set(one.amount_fen)
        doubts = [one for one in counts if one.state in {State.IN_DOUBT, State.REVIEW}]
        self._doubts.set(sum(one.charges for one in doubts))
        now = self._clock.now()
        ages = [(now - one.oldest_moved_at).total_seconds() for one in doubts]
        self._doubts_age.set(max(ages, default=0))
