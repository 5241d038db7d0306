"""Journal records for tests: a car that comes, leaves, turns back, with the amounts a gate would name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from parking.benefits import NO_BENEFITS
from parking.decision import Decision, Reason, Verdict
from parking.event import GateEvent, Kind
from parking.fee import stay_of
from parking.ids import AccountId, EventId, GarageId, LaneId, Partition, partition_of, session_id_of
from parking.journal import Record, Result
from parking.plate import Colour, Plate
from parking.pricing import price
from parking.session import Session, Step
from parking.tariff import Rate, Tariff, Tier, version_id_of
from settlement.record_books import Tariffs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parking.benefits import Benefits
    from parking.ids import TariffVersionId

__all__ = ["GARAGE", "MORNING", "TARIFF", "TARIFFS", "Car", "FixedTariffs", "unfit"]

MORNING = datetime(2026, 5, 4, 8, tzinfo=UTC)
GARAGE = GarageId("west")
PARTITIONS = 64
TARIFF = Tariff(
    tariff_id="office",
    name="Office",
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6_000,
    free_minutes=15,
)
TARIFFS = {version_id_of(TARIFF): TARIFF}


class FixedTariffs(Tariffs):
    """Knows one tariff."""

    @override
    async def of(self, version_ids: set[TariffVersionId]) -> Mapping[TariffVersionId, Tariff]:
        return TARIFFS


@dataclass
class Car:
    """One car; each method is the record of what it does next."""

    name: str
    garage_id: GarageId = GARAGE
    account_id: AccountId | None = None
    prepaid_fen: int = 0
    benefits: Benefits | None = NO_BENEFITS
    entered_at: datetime = MORNING
    events: int = 0
    session: Session = field(init=False)

    def __post_init__(self) -> None:
        self.session = self._new_session()

    @property
    def partition(self) -> Partition:
        return partition_of(self.garage_id, PARTITIONS)

    def enters(self) -> Record:
        return self._record(
            Kind.ENTRY, self.entered_at, Step.ENTERED, Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY)
        )

    def enters_again(self, after: timedelta) -> Record:
        """Nobody saw it leave."""
        superseded, self.entered_at = self.session, self.entered_at + after
        self.session = self._new_session()
        return replace(self.enters(), superseded=superseded)

    def never_came_in(self, goes_on: Session) -> Record:
        """The answer to its second entry was lost, and the gate stayed shut: the stay before goes on."""
        decision = Decision(verdict=Verdict.HOLD, reason=Reason.OUTAGE_POLICY)
        record = self._record(Kind.ENTRY, self.entered_at, Step.ENTRY_UNDONE, decision)
        self.session, self.entered_at = replace(goes_on, version=goes_on.version + 1), goes_on.entered_at
        return replace(record, resumed=self.session)

    def leaves(self, after: timedelta = timedelta(hours=2), *, reason: Reason = Reason.GRANTED) -> Record:
        left_at = self.entered_at + after
        self.session = replace(
            self.session,
            version=self.session.version + 1,
            left_at=left_at,
            account_id=self.account_id,
            prepaid_fen=self.prepaid_fen,
            benefits=self.benefits,
        )
        stay = stay_of(self.session, left_at)
        decision = Decision(verdict=Verdict.OPEN, reason=reason, amount_fen=price(stay, TARIFF).amount_fen)
        return self._record(Kind.EXIT, left_at, Step.LEFT, decision)

    def turns_back(self, after: timedelta = timedelta(hours=2, minutes=5)) -> Record:
        step = Step.EXIT_UNDONE if self.session.left_at is not None else Step.ENTRY_UNDONE
        self.session = replace(self.session, left_at=None)
        decision = Decision(verdict=Verdict.OPEN, reason=Reason.TURN_BACK)
        return self._record(Kind.TURN_BACK, self.entered_at + after, step, decision)

    def was_held(self) -> Record:
        """The answer to its exit was lost, and the gate stayed shut."""
        at = self.session.left_at or self.entered_at
        self.session = replace(self.session, left_at=None)
        decision = Decision(verdict=Verdict.HOLD, reason=Reason.OUTAGE_POLICY)
        return self._record(Kind.EXIT, at, Step.EXIT_UNDONE, decision)

    def is_not_known(self, after: timedelta = timedelta(hours=2)) -> Record:
        """At the exit, without an entry."""
        decision = Decision(verdict=Verdict.HOLD, reason=Reason.NO_ENTRY)
        record = self._record(Kind.EXIT, self.entered_at + after, Step.LEFT, decision)
        return replace(record, step=None, session=None, result=Result.QUARANTINED)

    def _new_session(self) -> Session:
        return Session(
            session_id=session_id_of(self.garage_id, EventId(f"{self.name}-{self.events}")),
            garage_id=self.garage_id,
            plate=Plate(number=f"浙A{self.name.upper():0>5}", colour=Colour.BLUE),
            entered_at=self.entered_at,
            entry_lane_id=LaneId("in-1"),
            entry_event_id=EventId(f"{self.name}-{self.events}"),
            tariff_version_id=version_id_of(TARIFF),
        )

    def _record(self, kind: Kind, at: datetime, step: Step, decision: Decision) -> Record:
        event = GateEvent(
            event_id=EventId(f"{self.name}-{self.events}"),
            garage_id=self.garage_id,
            lane_id=LaneId("in-1" if kind is Kind.ENTRY else "out-1"),
            kind=kind,
            captured_at=at,
            plate=self.session.plate,
            confidence=0.97,
        )
        self.events += 1
        return Record(
            position=f"{self.name}-{self.events}",
            partition=self.partition,
            event=event,
            received_at=at,
            result=Result.APPLIED,
            decision=decision,
            step=step,
            session=self.session,
        )


def unfit(record: Record) -> Record:
    """The same record with an amount that the stay does not cost."""
    return replace(record, decision=replace(record.decision, amount_fen=record.decision.amount_fen + 100))
