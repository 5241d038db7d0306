"""The connection that batches by itself: everybody gets an answer, and nobody gets another's."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import pytest

from gateways.embedded import embedded_stores
from parking.errors import Busy, Defect, DependencyError, OutcomeUnknown, Unavailable
from parking.live.batching import BatchingConnection
from parking.live.journal import library_text
from tests.live.held_line import held_line
from tests.stores import RecordingLog, valkey_command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

DEADLINE_S = 20.0


class Options(TypedDict, total=False):
    """What a test may choose."""

    batch_max: int
    waiting_max: int
    reply_timeout_s: float
    observe_batch: Callable[[int], None]


@asynccontextmanager
async def batching(url: str, **options: Unpack[Options]) -> AsyncIterator[BatchingConnection]:
    """A started connection; it is stopped, and all its tasks are over, afterwards."""
    live = BatchingConnection(url, library=library_text(), **options)
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        await live.start(tasks)
        try:
            yield live
        finally:
            live.stop()


async def outcome(call: Awaitable[object]) -> object:
    """What a caller gets: the reply, or the error as a value."""
    try:
        return await call
    except (DependencyError, Defect) as error:
        return error


async def ask(live: BatchingConnection, number: int) -> object:
    """Whether caller ``number`` got its own reply, or its error."""
    reply = await outcome(_echo(live, number))
    return reply == str(number).encode() if isinstance(reply, bytes) else reply


async def _echo(live: BatchingConnection, number: int) -> object:
    return await live.call("ECHO", str(number))


async def connected_again(live: BatchingConnection) -> None:
    while not live.connected:  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0.005)


async def all_of(calls: list[Awaitable[object]]) -> list[Any]:
    async def one(call: Awaitable[object]) -> object:
        return await call

    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one(call)) for call in calls]
    return [task.result() for task in running]


async def test_a_crowd_shares_its_round_trips_and_everybody_gets_his_own_reply(valkey_url: str) -> None:
    sizes: list[int] = []
    async with batching(valkey_url, batch_max=100, observe_batch=sizes.append) as live:
        replies = await all_of([ask(live, number) for number in range(1000)])
    assert replies == [True] * 1000
    assert max(sizes) == 100
    assert len(sizes) < 20


async def test_a_lone_call_does_not_wait_for_company(valkey_url: str) -> None:
    sizes: list[int] = []
    async with batching(valkey_url, observe_batch=sizes.append) as live:
        assert await ask(live, 7) is True
    assert sizes == [1]


async def test_cancelled_callers_harm_nobody(valkey_url: str) -> None:
    chance = random.Random(20260101)
    async with batching(valkey_url, batch_max=50) as live:
        for wave in range(20):
            async with asyncio.TaskGroup() as tasks:
                callers = [tasks.create_task(ask(live, wave * 1000 + number)) for number in range(200)]
                for _ in range(chance.randint(0, 4)):
                    await asyncio.sleep(0)
                leaving = chance.sample(callers, 100)
                for caller in leaving:
                    caller.cancel()
            stayed = [caller for caller in callers if caller not in leaving]
            assert [caller.result() for caller in stayed] == [True] * 100
        assert await ask(live, 99) is True


async def test_a_call_that_is_no_command_fails_alone(valkey_url: str) -> None:
    async with batching(valkey_url) as live:
        good = [live.call("ECHO", str(number)) for number in range(3)]
        no_word: Any = object()
        with pytest.raises(TypeError):
            await live.call("ECHO", no_word)
        assert [await one for one in good] == [b"0", b"1", b"2"]


async def test_an_error_reply_goes_to_its_caller_alone(valkey_url: str) -> None:
    async with batching(valkey_url) as live:
        replies = await all_of([ask(live, 1), outcome(live.call("NO-SUCH-COMMAND")), ask(live, 2)])
    assert replies[0] is True
    assert isinstance(replies[1], Defect)
    assert replies[2] is True


async def test_two_batches_are_in_flight_and_the_rest_waits_for_the_next(
    valkey_url: str, tmp_path: Path
) -> None:
    sizes: list[int] = []
    async with (
        held_line(valkey_url, tmp_path) as line,
        batching(line.url, observe_batch=sizes.append) as live,
    ):
        line.open.clear()
        async with asyncio.TaskGroup() as tasks:
            callers = []
            for number in range(26):
                callers.append(tasks.create_task(ask(live, number)))
                await asyncio.sleep(0.001)
            assert sizes == [1, 1]
            assert live.waiting == 24
            line.open.set()
        assert [caller.result() for caller in callers] == [True] * 26
        assert sizes == [1, 1, 24]


async def test_a_full_queue_refuses_and_what_waits_is_served(valkey_url: str, tmp_path: Path) -> None:
    async with (
        held_line(valkey_url, tmp_path) as line,
        batching(line.url, waiting_max=10, batch_max=1) as live,
    ):
        line.open.clear()
        async with asyncio.TaskGroup() as tasks:
            callers = []
            for number in range(12):
                callers.append(tasks.create_task(ask(live, number)))
                await asyncio.sleep(0.001)
            assert isinstance(await outcome(_echo(live, 13)), Busy)
            line.open.set()
        assert [caller.result() for caller in callers] == [True] * 12


@pytest.mark.parametrize("passed", [0, 3, 700, 5_000])
async def test_a_line_cut_in_the_middle_of_a_batch_leaves_nobody_waiting(
    valkey_url: str, tmp_path: Path, passed: int
) -> None:
    async with held_line(valkey_url, tmp_path) as line, batching(line.url, batch_max=100) as live:
        line.reply_bytes_left = passed
        replies = await all_of([ask(live, number) for number in range(1000)])
        assert line.cuts == 1
        assert False not in replies
        failed = [reply for reply in replies if reply is not True]
        assert failed
        assert all(isinstance(error, OutcomeUnknown | Unavailable) for error in failed)
        await connected_again(live)
        assert await ask(live, 7) is True


async def test_a_silent_server_is_given_up(valkey_url: str, tmp_path: Path) -> None:
    async with held_line(valkey_url, tmp_path) as line, batching(line.url, reply_timeout_s=0.2) as live:
        line.open.clear()
        assert isinstance(await ask(live, 1), OutcomeUnknown)
        line.open.set()
        await connected_again(live)
        assert await ask(live, 2) is True


async def test_a_killed_server_answers_everybody_and_is_found_again(data_dir: Path) -> None:
    async with (
        embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()) as stores,
        batching(str(stores.valkey_url), batch_max=20) as live,
    ):
        async with asyncio.TaskGroup() as tasks:
            callers = [tasks.create_task(ask(live, number)) for number in range(2000)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            os.kill(int(stores.valkey_pid or 0), signal.SIGKILL)
        results = [caller.result() for caller in callers]
        assert False not in results
        failed = [result for result in results if result is not True]
        assert failed
        assert all(isinstance(error, OutcomeUnknown | Unavailable) for error in failed)
        await connected_again(live)
        assert await ask(live, 7) is True


async def test_a_server_that_forgot_the_functions_is_taught_again(valkey_url: str) -> None:
    async with batching(valkey_url) as live:
        assert valkey_command(valkey_url, "FUNCTION", "FLUSH") == "+OK"
        looks = [outcome(live.call("FCALL_RO", "lf1_look", 2, "{p1}e", "{p1}c", "digest")) for _ in range(50)]
        replies = await all_of([*looks, ask(live, 1)])
    assert [reply[0] for reply in replies[:-1]] == [b"new"] * 50
    assert replies[-1] is True


async def test_nobody_waits_for_a_server_that_is_not_there(tmp_path: Path) -> None:
    async with batching(f"unix://{tmp_path}/nobody.sock") as live:
        assert not live.connected
        assert isinstance(await outcome(_echo(live, 1)), Unavailable)


async def test_stopping_answers_everybody(valkey_url: str, tmp_path: Path) -> None:
    async with held_line(valkey_url, tmp_path) as line, batching(line.url, batch_max=5) as live:
        line.open.clear()
        async with asyncio.TaskGroup() as tasks:
            callers = [tasks.create_task(ask(live, number)) for number in range(20)]
            await asyncio.sleep(0.01)
            live.stop()
    kinds = [type(caller.result()) for caller in callers]
    assert sorted(kinds, key=str) == [OutcomeUnknown] * 10 + [Unavailable] * 10


async def test_links_that_idle_notice_that_their_server_is_gone(data_dir: Path) -> None:
    async with (
        embedded_stores(data_dir, valkey=True, postgres=False, log=RecordingLog()) as stores,
        batching(str(stores.valkey_url)) as live,
    ):
        assert await ask(live, 1) is True
        os.kill(int(stores.valkey_pid or 0), signal.SIGKILL)
        while live.connected:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.005)
        assert isinstance(await ask(live, 2), Unavailable)
        await connected_again(live)
        assert [await ask(live, number) for number in range(3, 8)] == [True] * 5
