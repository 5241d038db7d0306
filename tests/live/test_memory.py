"""What a car inside costs in the live store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from parking.clock import Clock
from parking.decision import Decision, Reason, Verdict
from parking.event import GateEvent, Kind
from parking.garage import Policy
from parking.grant import Grant, Granted, GrantReason
from parking.grant_token import claims_of, seal_of
from parking.ids import AccountId, EventId, GarageId, LaneId, Partition, partition_of
from parking.journal import Record
from parking.language import Language
from parking.live.batching import BatchingConnection
from parking.live.granting import LiveGrants
from parking.live.journal import GROUPS, library_text, open_journal
from parking.live.sessions import Sessions
from parking.plate import Colour, parse_plate
from tests.scenarios.stage import TARIFF
from tests.stores import valkey_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from parking.grant_token import Seal
    from parking.live.journal import LiveJournal
    from parking.session import Session

CARS = 5_000
PARTITIONS = 4
BYTES_PER_CAR_MAX = 1024
"""Also where controllers get signed grants, so that every granted car has the seal of a token."""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
GARAGE = GarageId("garage-of-usual-name")


class Still(Clock):
    @override
    def now(self) -> datetime:
        return NOW


def event_of_car(number: int) -> GateEvent:
    """An entry with ids as long as controllers make them."""
    return GateEvent(
        event_id=EventId(f"entry-lane-01-20260302-{number:08}"),
        garage_id=GARAGE,
        lane_id=LaneId("entry-lane-01"),
        kind=Kind.ENTRY,
        captured_at=NOW + timedelta(seconds=number),
        plate=parse_plate(f"浙AD{number:05}", Colour.GREEN),
        confidence=0.987,
    )


def signed(session: Session, grant: Grant) -> Seal:
    """Sealed by a key with an id as long as real ones."""
    return seal_of(claims_of(session, grant, NOW), KEY, "20260302T080000-01234567")


@pytest.mark.parametrize("sign", [None, signed])
async def test_a_car_inside_takes_little_with_its_answer_and_its_grant(
    valkey_url: str, sign: Callable[[Session, Grant], Seal | None] | None
) -> None:
    live = BatchingConnection(valkey_url, library=library_text())
    sessions = Sessions(live, partition_count=PARTITIONS)
    grants = LiveGrants(live, Still(), partition_count=PARTITIONS, sign=sign)
    async with (
        open_journal(valkey_url, partition_count=PARTITIONS, reader="test") as journal,
        asyncio.TaskGroup() as tasks,
    ):
        await live.start(tasks)
        await settle_all(journal)
        before = used_bytes(valkey_url)
        async with asyncio.TaskGroup() as entries:
            for number in range(CARS):
                entries.create_task(enter(sessions, grants, event_of_car(number)))
        grown = (used_bytes(valkey_url) - before) / CARS
        await settle_all(journal)
        per_car = (used_bytes(valkey_url) - before) / CARS
        assert await sessions.occupancy(GARAGE) == CARS
        live.stop()
    assert int(valkey_command(valkey_url, "XLEN", f"{{p{partition_of(GARAGE, PARTITIONS)}}}j")[1:]) == 0
    assert per_car < grown, "what was settled must be let go"
    assert 200 < per_car <= BYTES_PER_CAR_MAX


async def enter(sessions: Sessions, grants: LiveGrants, event: GateEvent) -> None:
    await sessions.take(
        sessions.steps.enter(
            event,
            decision=Decision(verdict=Verdict.OPEN, reason=Reason.ENTRY),
            decision_if_twice=Decision(verdict=Verdict.OPEN, reason=Reason.DUPLICATE_ENTRY),
            tariff=TARIFF,
            policy=Policy(),
            received_at=NOW,
        )
    )
    found = await sessions.find(event.garage_id, event.plate.number)
    assert found.session is not None
    grant = Grant(
        allowed=True,
        limit_fen=50_000,
        reason=GrantReason.GOOD_STANDING,
        expires_at=NOW + timedelta(days=30),
        account_id=AccountId(UUID(int=1)),
        language=Language.CHINESE,
    )
    assert await grants.give(Granted(session=found.session, grant=grant))


async def settle_all(journal: LiveJournal) -> None:
    """Read and let go of everything, as both readers do."""
    for group in GROUPS:
        while read := await journal.read(group, 1000, timedelta(milliseconds=1)):
            by_partition: dict[Partition, list[str]] = {}
            for record in read:
                assert isinstance(record, Record)
                by_partition.setdefault(record.partition, []).append(record.position)
            await journal.settle(group, by_partition)


def used_bytes(valkey_url: str) -> int:
    lines = valkey_command(valkey_url, "INFO", "memory").split("\r\n")
    (line,) = [one for one in lines if one.startswith("used_memory_dataset:")]
    return int(line.partition(":")[2])
