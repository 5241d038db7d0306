"""Gate decisions beside the ceiling: our gate and the bare server take the same load in turn.

``gate``: one event a request over 128 connections, as lanes send them. ``bulk``: 500 events a body over a
few connections, as controllers send what they kept while they were offline. Half of all are exits.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.load import send_all
from benchmarks.processes import cpu_seconds
from benchmarks.report import context, spread
from benchmarks.stage import servers
from benchmarks.traffic import BATCH_EVENTS, batches, singles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.load import Load
    from benchmarks.stage import Servers
    from benchmarks.traffic import Request

__all__ = ["DURABLE", "SEED", "bulk", "gate"]

SEED = 1
DURABLE = (
    "Every event, its session and its answer were in Valkey's append-only file, written and fsynced"
    " (appendfsync always), before the answer left."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One turn of each server; processor use in cores."""

    ours: Load
    bare: Load
    gate_cores: float
    valkey_cores: float
    bare_cores: float


async def gate(*, small: bool) -> dict[str, object]:
    """Single events: decisions a second beside the bare server."""
    rounds, events, connections = (2, 400, 16) if small else (7, 20_000, 128)
    make = partial(singles, connections=connections, events=events)
    return _report("gate", await _rounds(make, rounds), connections=connections, small=small)


async def bulk(*, small: bool) -> dict[str, object]:
    """Backlogs: events a second, also for each core that was used."""
    rounds, bodies, connections = (2, 4, 2) if small else (7, 96, 8)
    make = partial(batches, connections=connections, bodies=bodies)
    done = await _rounds(make, rounds)
    report = _report("bulk", done, connections=connections, small=small)
    return report | {
        "events_per_body": BATCH_EVENTS,
        "rate_per_gate_core": round(median(one.ours.rate / one.gate_cores for one in done)),
        "rate_per_core": round(median(one.ours.rate / (one.gate_cores + one.valkey_cores) for one in done)),
    }


async def _rounds(make: Callable[[random.Random], Sequence[Sequence[Request]]], count: int) -> list[Round]:
    """So many rounds after one that nobody counts, each server first in every other one."""
    chance = random.Random(SEED)
    async with servers() as both:
        await _round(both, make(chance), ours_first=True)
        return [await _round(both, make(chance), ours_first=number % 2 == 0) for number in range(count)]


async def _round(both: Servers, requests: Sequence[Sequence[Request]], *, ours_first: bool) -> Round:
    pids = (both.gate_pid, both.valkey_pid, both.bare_pid)
    before = [cpu_seconds(pid) for pid in pids]
    bare = None if ours_first else await send_all(both.bare_port, requests, check=False)
    ours = await send_all(both.gate_port, requests, check=True)
    bare = bare or await send_all(both.bare_port, requests, check=False)
    gate_s, valkey_s, bare_s = (cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    return Round(
        ours=ours,
        bare=bare,
        gate_cores=gate_s / ours.wall_s,
        valkey_cores=valkey_s / ours.wall_s,
        bare_cores=bare_s / bare.wall_s,
    )


def _report(name: str, done: list[Round], *, connections: int, small: bool) -> dict[str, object]:
    ratios = [one.ours.rate / one.bare.rate for one in done]
    return {
        "benchmark": name,
        "ratio": round(median(ratios), 3),
        "rate": round(median(one.ours.rate for one in done)),
        "ceiling_rate": round(median(one.bare.rate for one in done)),
        "unit": "events/s",
        "ceiling": "a bare aiohttp, uvloop and pydantic server, one process, same requests, same run",
        "durable": DURABLE,
        "latency_ms": {
            "p50": round(median(one.ours.percentile_ms(0.5) for one in done), 2),
            "p99": round(median(one.ours.percentile_ms(0.99) for one in done), 2),
        },
        "connections": connections,
        "exits_share": 0.5,
        "rounds": len(done),
        "events_per_round": done[0].ours.events,
        "ratio_spread": spread(ratios),
        "rate_spread": spread([one.ours.rate for one in done]),
        "ceiling_rate_spread": spread([one.bare.rate for one in done]),
        "gate_cores": round(median(one.gate_cores for one in done), 2),
        "ceiling_cores": round(median(one.bare_cores for one in done), 2),
        "valkey_cores": round(median(one.valkey_cores for one in done), 2),
        "load_generator_cores": round(median(one.ours.cpu_s / one.ours.wall_s for one in done), 2),
        "seed": SEED,
        **context(name, small=small),
    }
