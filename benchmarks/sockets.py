"""Events over WebSockets beside the same events as single requests, to the same gate, in turn.

128 lanes each: over HTTP a connection for every lane, over WebSockets one for every garage, with one event
under way for each lane. The durability is the same: that of the gate.
"""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.gate import DURABLE, SEED
from benchmarks.load import send_all
from benchmarks.processes import cpu_seconds
from benchmarks.report import context, spread
from benchmarks.socket_load import send_over_sockets
from benchmarks.stage import GARAGES, servers
from benchmarks.traffic import singles

if TYPE_CHECKING:
    from benchmarks.load import Load
    from benchmarks.stage import Servers
    from benchmarks.traffic import Request

__all__ = ["run"]

Turn = tuple["Load", float, float]
"""What a load came to, and the cores that the gate and the store used."""


async def run(*, small: bool) -> dict[str, object]:
    """Both ways in turn, each first in every other round, after a round that nobody counts."""
    rounds, events, lanes = (2, 400, 16) if small else (7, 20_000, 128)
    chance = random.Random(SEED)
    done: list[tuple[Turn, Turn]] = []
    async with servers() as both:
        for number in range(rounds + 1):
            load = [singles(chance, connections=lanes, events=events) for _ in range(2)]
            first = await _turn(both, load[0], sockets=number % 2 == 0)
            second = await _turn(both, load[1], sockets=number % 2 == 1)
            done.append((first, second) if number % 2 == 0 else (second, first))
    return _report(done[1:], lanes=lanes, small=small)


async def _turn(both: Servers, load: list[list[Request]], *, sockets: bool) -> Turn:
    pids = both.gate_pid, both.valkey_pid
    before = [cpu_seconds(pid) for pid in pids]
    send = send_over_sockets(both.gate_port, load) if sockets else send_all(both.gate_port, load, check=True)
    sent = await send
    gate_s, valkey_s = (cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    return sent, gate_s / sent.wall_s, valkey_s / sent.wall_s


def _report(done: list[tuple[Turn, Turn]], *, lanes: int, small: bool) -> dict[str, object]:
    over_sockets, requests = [one for one, _ in done], [one for _, one in done]
    ratios = [ours[0].rate / theirs[0].rate for ours, theirs in done]
    return {
        "benchmark": "socket",
        "ratio": round(median(ratios), 3),
        "rate": round(median(one.rate for one, _, _ in over_sockets)),
        "ceiling_rate": round(median(one.rate for one, _, _ in requests)),
        "unit": "events/s",
        "ceiling": "not a ceiling: single HTTP requests to the same gate process, same events, same run",
        "durable": DURABLE,
        "latency_ms": _latency(over_sockets),
        "latency_of_requests_ms": _latency(requests),
        "lanes": lanes,
        "sockets": min(lanes, GARAGES),
        "exits_share": 0.5,
        "rounds": len(done),
        "events_per_round": done[0][0][0].events,
        "ratio_spread": spread(ratios),
        "rate_spread": spread([one.rate for one, _, _ in over_sockets]),
        "gate_cores": round(median(gate for _, gate, _ in over_sockets), 2),
        "gate_cores_of_requests": round(median(gate for _, gate, _ in requests), 2),
        "valkey_cores": round(median(valkey for _, _, valkey in over_sockets), 2),
        "load_generator_cores": round(median(one.cpu_s / one.wall_s for one, _, _ in over_sockets), 2),
        "seed": SEED,
        **context("socket", small=small),
    }


def _latency(turns: list[Turn]) -> dict[str, float]:
    return {
        f"p{percent}": round(median(one.percentile_ms(percent / 100) for one, _, _ in turns), 2)
        for percent in (50, 99)
    }
