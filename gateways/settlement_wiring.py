"""The parts of the settlement process, each made of what they share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from gateways.catalog_texts import CATALOG_TEXTS
from gateways.device_setup import DeviceSetup
from gateways.grant_signing import GrantSigner
from gateways.policy_file import POLICY_TEXTS
from gateways.retry_file import load_retry_schedule
from gateways.web.operator import Operator
from parking.live.gate_line import GateLine
from parking.live.granting import LiveDebtors, LiveGrants
from parking.live.sessions import Kept, Sessions
from settlement.biller import Biller, BillerSettings
from settlement.books.accounts import Accounts
from settlement.books.barriers import Barriers
from settlement.books.benefit_sources import benefit_sources
from settlement.books.chain import PostgresChainBooks
from settlement.books.charges import Charges
from settlement.books.claims import Claims
from settlement.books.corrections import Corrections
from settlement.books.coupons import Coupons
from settlement.books.debts import Debts
from settlement.books.exemptions import Exemptions
from settlement.books.garages import Garages
from settlement.books.granting import PostgresGrantBooks
from settlement.books.late_giving import PostgresLateBooks
from settlement.books.merchants import Merchants
from settlement.books.passes import Passes
from settlement.books.policies import Policies
from settlement.books.posting import PostgresRecordBooks
from settlement.books.prepayments import Prepayments
from settlement.books.review import Reviews
from settlement.books.standings import Standings
from settlement.books.stay_tokens import StayTokens
from settlement.books.tokens import Tokens
from settlement.books.views import Views
from settlement.collector import Collector, CollectorSettings
from settlement.coupon_desk import CouponDesk
from settlement.debtors import Debtors, DebtorsSettings
from settlement.granter import GROUP as GRANTER
from settlement.granter import Granter, GranterSettings
from settlement.late_giving import LateGiver
from settlement.plausible import Plausible
from settlement.regranting import Regranting
from settlement.retry import STANDARD
from settlement.sealer import Sealer, SealerSettings
from settlement.tariff_cache import TariffCache

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gateways.publisher import Publisher
    from gateways.readiness import Readiness
    from gateways.settings import Settings
    from gateways.settlement_metrics import SettlementMetrics
    from gateways.web.operating import Regrant
    from parking.clock import Clock
    from parking.ids import AccountId
    from parking.live.batching import BatchingConnection
    from parking.live.journal import LiveJournal
    from settlement.books.pool import Pool
    from settlement.coupon_desk import Tell
    from settlement.rail import Rail
    from settlement.retry import Schedule

__all__ = [
    "Parts",
    "biller_of",
    "collector_of",
    "debtors_of",
    "granter_of",
    "late_giver_of",
    "operator_of",
    "parts_of",
    "prepayments_of",
    "regrant_with",
    "sealer_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the loops of the process share."""

    settings: Settings
    clock: Clock
    live: BatchingConnection
    metrics: SettlementMetrics
    readiness: Readiness
    pool: Pool
    sessions: Sessions
    garages: Garages
    policies: Policies
    charges: Charges
    regranting: Regranting
    billed: Regranting
    """Whose bills were raised or taken back: that changes what other cars may leave unpaid, and no debt."""
    schedule: Schedule


def parts_of(
    settings: Settings,
    clock: Clock,
    live: BatchingConnection,
    metrics: SettlementMetrics,
    readiness: Readiness,
    pool: Pool,
) -> Parts:
    """The parts, made of what the process has opened."""
    count, regranting = settings.partition_count, Regranting()
    return Parts(
        settings=settings,
        clock=clock,
        live=live,
        metrics=metrics,
        readiness=readiness,
        pool=pool,
        sessions=Sessions(
            live, partition_count=count, kept=Kept(answers=timedelta(hours=settings.answers_kept_h))
        ),
        garages=Garages(pool, partition_count=count, texts=CATALOG_TEXTS),
        policies=Policies(pool, POLICY_TEXTS),
        charges=Charges(
            pool,
            owing_changed=regranting.note,
            plausible=Plausible(speed_kmh=settings.plausible_speed_kmh),
        ),
        regranting=regranting,
        billed=Regranting(),
        schedule=load_retry_schedule(settings.retry_file) if settings.retry_file else STANDARD,
    )


def granter_of(parts: Parts, journal: LiveJournal) -> Granter:
    """Grants for what the journal says."""
    return Granter(
        journal=journal,
        books=_grant_books(parts),
        grants=LiveGrants(
            parts.live,
            parts.clock,
            partition_count=parts.settings.partition_count,
            sign=GrantSigner(parts.settings.grant_keys, parts.clock).sign,
        ),
        clock=parts.clock,
        observer=parts.metrics,
        settings=GranterSettings(valid_for=timedelta(days=parts.settings.grant_valid_days)),
    )


def late_giver_of(parts: Parts, journal: LiveJournal) -> LateGiver:
    """What stays are given whose gates did not know it."""
    pool, count = parts.pool, parts.settings.partition_count

    async def behind() -> timedelta:
        return timedelta(milliseconds=(await journal.backlog(GRANTER)).oldest_ms)

    return LateGiver(
        books=PostgresLateBooks(
            pool,
            sources=benefit_sources(pool, partition_count=count),
            corrections=_corrections(parts),
            garages=parts.garages,
        ),
        behind=behind,
        owing_changed=parts.regranting.note,
        clock=parts.clock,
        observer=parts.metrics,
    )


def debtors_of(parts: Parts) -> Debtors:
    """What the entries know of debtors."""
    settings = parts.settings
    return Debtors(
        books=_grant_books(parts),
        notices=LiveDebtors(parts.live, partition_count=settings.partition_count),
        clock=parts.clock,
        observer=parts.metrics,
        settings=DebtorsSettings(every_s=settings.debtors_refresh_ms / 1000, plates_max=settings.debtors_max),
    )


async def regrant_with(
    granter: Granter, debtors: Debtors, *account_ids: AccountId, unbound_numbers: Sequence[str] = ()
) -> None:
    """Tell the cars inside, and the entries, how some drivers stand by now."""
    await granter.regrant(*account_ids, unbound_numbers=unbound_numbers)
    await debtors.refresh(account_ids, unbound_numbers)


def biller_of(parts: Parts, journal: LiveJournal) -> Biller:
    """Bills for what the journal says."""
    settings = parts.settings
    return Biller(
        journal=journal,
        books=PostgresRecordBooks(
            parts.pool, collect_delay=settings.collect_delay, owing_changed=parts.billed.note
        ),
        tariffs=TariffCache(parts.garages.tariffs),
        clock=parts.clock,
        observer=parts.metrics,
        settings=BillerSettings(batch=settings.biller_batch_max, poison_after=settings.poison_after),
    )


def collector_of(parts: Parts, rails: Mapping[str, Rail]) -> Collector:
    """Money by these rails."""
    return Collector(
        books=parts.charges,
        rails=rails,
        clock=parts.clock,
        schedule=parts.schedule,
        settings=CollectorSettings(),
        observer=parts.metrics,
    )


def sealer_of(parts: Parts) -> Sealer:
    """The chain of the ledger."""
    settings = SealerSettings(every_s=parts.settings.seal_every_s, settled_s=parts.settings.seal_after_s)
    return Sealer(
        books=PostgresChainBooks(parts.pool), clock=parts.clock, observer=parts.metrics, settings=settings
    )


def prepayments_of(parts: Parts) -> Prepayments:
    """What is paid inside."""
    return Prepayments(parts.pool, partition_count=parts.settings.partition_count)


def operator_of(
    parts: Parts, regrant: Regrant, tell: Tell, publisher: Publisher, *, rails: Collection[str]
) -> Operator:
    """What the operator API works with."""
    pool, count = parts.pool, parts.settings.partition_count
    return Operator(
        garages=parts.garages,
        tokens=Tokens(pool),
        accounts=Accounts(pool),
        barriers=Barriers(pool, partition_count=count),
        prepayments=prepayments_of(parts),
        reviews=Reviews(pool),
        corrections=_corrections(parts),
        views=Views(pool, partition_count=count),
        policies=parts.policies,
        standings=Standings(pool, partition_count=count),
        debts=Debts(pool, partition_count=count),
        claims=Claims(pool),
        stay_tokens=StayTokens(pool, partition_count=count),
        merchants=Merchants(pool, partition_count=count),
        coupons=CouponDesk(
            books=Coupons(pool, partition_count=count),
            cars=parts.sessions,
            tell=tell,
            clock=parts.clock,
            observer=parts.metrics,
        ),
        exemptions=Exemptions(pool),
        passes=Passes(pool, partition_count=count),
        rails=rails,
        charges=parts.charges,
        sessions=parts.sessions,
        gates=GateLine(parts.live),
        devices=DeviceSetup(parts.settings),
        clock=parts.clock,
        draw_bytes=secrets.token_bytes,
        regrant=regrant,
        republish=publisher.republish,
    )


def _corrections(parts: Parts) -> Corrections:
    settings = parts.settings
    return Corrections(
        parts.pool, partition_count=settings.partition_count, collect_delay=settings.collect_delay
    )


def _grant_books(parts: Parts) -> PostgresGrantBooks:
    count = parts.settings.partition_count
    return PostgresGrantBooks(
        parts.pool,
        parts.policies,
        partition_count=count,
        sources=benefit_sources(parts.pool, partition_count=count),
    )
