"""The journal: every record to every group, in order, again after a failure, and let go when all have it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from parking.errors import DependencyError
from parking.event import Kind
from parking.journal import Record, Unreadable
from parking.live.journal import GROUPS, LiveJournal, open_journal
from parking.live.keys import journal_key
from tests.scenarios.stage import PARTITIONS, an_event, garage_of, stage
from tests.stores import valkey_command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.scenarios.stage import Stage

BILLER, GRANTER = GROUPS
SOON, NOW = timedelta(milliseconds=20), timedelta(0)


@asynccontextmanager
async def both(url: str) -> AsyncIterator[tuple[Stage, LiveJournal]]:
    async with stage(url) as on, open_journal(url, partition_count=PARTITIONS, reader="r1") as journal:
        yield on, journal


async def pass_by(on: Stage, count: int) -> list[str]:
    names = [f"e{number}" for number in range(count)]
    for number, name in enumerate(names):
        await on.desk.answer(an_event(name, plate=f"浙A{number:05}"), garage_of())
    return names


def ids(records: list[Record | Unreadable]) -> list[str]:
    return [one.event.event_id for one in records if isinstance(one, Record)]


async def test_every_group_reads_every_record_in_order_and_once(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        names = await pass_by(on, 10)
        for group in GROUPS:
            read = [*await journal.read(group, 4, SOON), *await journal.read(group, 100, SOON)]
            assert ids(read) == names
            assert await journal.read(group, 100, SOON) == []


async def test_what_is_not_settled_comes_back_with_its_count(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        names = await pass_by(on, 3)
        first = await journal.read(BILLER, 10, SOON)
        await journal.settle(BILLER, {first[0].partition: [first[0].position]})
        for deliveries in (2, 3):
            back = await journal.redelivered(BILLER, 10, NOW)
            assert (ids([one for one, _ in back]), {times for _, times in back}) == (names[1:], {deliveries})
        assert await journal.redelivered(BILLER, 10, timedelta(minutes=1)) == []
        assert ids([one for one, _ in await journal.redelivered(BILLER, 1, NOW)]) == names[1:2]


async def test_another_reader_takes_over(valkey_url: str) -> None:
    async with (
        both(valkey_url) as (on, journal),
        open_journal(valkey_url, partition_count=PARTITIONS, reader="r2") as other,
    ):
        names = await pass_by(on, 3)
        await journal.read(BILLER, 2, SOON)
        assert ids(await other.read(BILLER, 10, SOON)) == names[2:]
        assert ids([one for one, _ in await other.redelivered(BILLER, 10, NOW)]) == names


async def test_a_record_is_let_go_when_every_group_has_settled_it(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        await pass_by(on, 3)
        for group, left in ((BILLER, 3), (GRANTER, 0)):
            read = await journal.read(group, 10, SOON)
            await journal.settle(group, {read[0].partition: [one.position for one in read]})
            assert len(await on.journal()) == left
        await on.desk.answer(an_event("later", Kind.EXIT), garage_of())
        assert ids(await journal.read(BILLER, 10, SOON)) == ["later"]


async def test_what_one_group_holds_back_stays_with_all_that_follows(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        names = await pass_by(on, 4)
        for group in GROUPS:
            read = await journal.read(group, 10, SOON)
            settled = [one.position for one in read if one is not read[1] or group == BILLER]
            await journal.settle(group, {read[0].partition: settled})
        assert [one.event.event_id for one in await on.journal()] == names[1:]


async def test_the_backlog_counts_what_is_unread_and_what_is_unsettled(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        assert (await journal.backlog(BILLER)).records == 0
        await pass_by(on, 5)
        read = await journal.read(BILLER, 3, SOON)
        assert (await journal.backlog(BILLER)).records == 5
        await journal.settle(BILLER, {read[0].partition: [read[0].position]})
        backlog = await journal.backlog(BILLER)
        assert backlog.records == 4
        assert backlog.oldest_ms >= 0


async def test_what_nobody_can_read_is_shown_as_it_is_and_stops_nothing(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        await pass_by(on, 1)
        await on.live.call("XADD", journal_key(on.partition), "*", "e", b"\xff{", "r", "applied")
        good, bad = await journal.read(BILLER, 10, SOON)
        assert isinstance(good, Record)
        assert isinstance(bad, Unreadable)
        assert (bad.partition, bad.raw["r"]) == (on.partition, "applied")
        await journal.settle(BILLER, {bad.partition: [good.position, bad.position]})
        assert await journal.redelivered(BILLER, 10, NOW) == []


async def test_it_goes_on_after_the_store_has_lost_everything(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        await journal.read(BILLER, 10, SOON)
        assert valkey_command(valkey_url, "FLUSHALL") == "+OK"
        assert valkey_command(valkey_url, "FUNCTION", "FLUSH") == "+OK"
        with pytest.raises(DependencyError):
            await journal.read(BILLER, 10, SOON)
        names = await pass_by(on, 2)
        read = await journal.read(BILLER, 10, SOON)
        assert ids(read) == names
        await journal.settle(BILLER, {read[0].partition: [one.position for one in read]})
        assert await journal.redelivered(BILLER, 10, NOW) == []


@pytest.mark.parametrize(
    ("field", "damage"),
    [
        (
            "e",
            '{"i":"x","g":"kerry","l":"in","k":"entry","c":99999999999999999,"q":0,"n":"A","o":"blue","f":1,"z":0}',
        ),
        ("e", '{"i":"x","g":"kerry","l":"in","k":"entry","c":0,"q":0,"n":"A","o":"blue","f":7,"z":0}'),
        ("e", '{"i":"x","g":"kerry","l":"in","k":"entry","c":0,"q":0,"n":"a·b","o":"blue","f":1,"z":0}'),
        ("e", "[]"),
        ("d", "open;vip;0;0;"),
        ("r", "unheard_of"),
    ],
)
async def test_a_damaged_record_is_handed_over_as_such(valkey_url: str, field: str, damage: str) -> None:
    async with both(valkey_url) as (on, journal):
        await pass_by(on, 1)
        (sound,) = await journal.read(BILLER, 10, SOON)
        key = journal_key(sound.partition)
        ((_, fields),) = await on.live.call("XRANGE", key, "-", "+")
        written = dict(zip(fields[::2], fields[1::2], strict=True)) | {field.encode(): damage.encode()}
        await on.live.call("XADD", key, "*", *[part for pair in written.items() for part in pair])
        (damaged,) = await journal.read(BILLER, 10, SOON)
        assert isinstance(damaged, Unreadable)
        assert damaged.raw[field] == damage


async def test_nothing_is_let_go_while_a_group_is_missing(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        names = await pass_by(on, 2)
        read = await journal.read(GRANTER, 10, SOON)
        key = journal_key(read[0].partition)
        await on.live.call("XGROUP", "DESTROY", key, BILLER)
        await journal.settle(GRANTER, {read[0].partition: [one.position for one in read]})
        assert await on.live.call("XLEN", key) == len(names)


async def test_settling_after_everything_was_flushed_is_no_defect(valkey_url: str) -> None:
    async with both(valkey_url) as (on, journal):
        await pass_by(on, 1)
        (record,) = await journal.read(BILLER, 10, SOON)
        await on.live.call("FLUSHALL")
        await journal.settle(BILLER, {record.partition: [record.position]})
        with pytest.raises(DependencyError):
            await journal.redelivered(BILLER, 10, NOW)
        assert await journal.redelivered(BILLER, 10, NOW) == []


async def look_for_ever(journal: LiveJournal) -> None:
    while True:
        await journal.backlog(BILLER)


async def test_a_cancelled_reader_ends(valkey_url: str) -> None:
    async with both(valkey_url) as (_, journal):
        for milliseconds in range(40):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02 + milliseconds / 1000):
                    await look_for_ever(journal)
