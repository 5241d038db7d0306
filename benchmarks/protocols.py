"""Every protocol at one gate, in turn: how long a decision takes and how many there are a second.

Entries alone, because a camera's clock is measured and put right: a stay of hours does not fit into seconds.
All are booked with the same durability, that of the gate. Protocols whose barrier is opened by a command have
no device behind them here, so each opening is refused at once. Over MQTT most of what is measured is the
broker, which is named; where there is none at hand, the others are measured without it. Its lanes and events
are fewer, and it is in no ratio.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.broker import NO_BROKER, running_broker
from benchmarks.broker_load import BrokerLoad, send_over_broker
from benchmarks.gate import DURABLE, SEED
from benchmarks.load import WrongAnswer, send_all
from benchmarks.makers import MAKERS, VZENITH_MQTT
from benchmarks.processes import cpu_seconds
from benchmarks.report import context, spread
from benchmarks.socket_load import send_over_sockets
from benchmarks.stage import cars_inside, servers
from benchmarks.traffic import BROKER_LANES_MAX, entries, publications, reports
from gateways.embedded import scratch_data_dir

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from benchmarks.broker import Broker
    from benchmarks.load import Load
    from benchmarks.stage import Servers

__all__ = ["run"]

HTTP, SOCKET, MQTT = "native_http", "native_ws", "native_mqtt"
BROKER_EVENTS_MAX: Final = 1_000
Turn = tuple["Load", float, float]
"""What a load came to, and the cores that the gate and the store used."""


async def run(*, small: bool) -> dict[str, object]:
    """All protocols in turn, begun with another one in each round, after a round that nobody counts."""
    rounds, events, lanes = (1, 160, 16) if small else (5, 5_000, 128)
    names, chance = [HTTP, SOCKET, *MAKERS], random.Random(SEED)
    done: dict[str, list[Turn]] = defaultdict(list)
    with scratch_data_dir() as folder:
        async with (
            running_broker(folder) as broker,
            servers(mqtt_url=broker.url if broker else None) as both,
            _over(broker, chance) as over,
        ):
            names += [MQTT, VZENITH_MQTT] if over else []
            for number in range(rounds + 1):
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    turn = await _turn(both, over, name, chance, events=events, lanes=lanes)
                    if number:
                        done[name].append(turn)
    report = _report({name: done[name] for name in names}, lanes=lanes, small=small)
    return {**report, "broker": broker.product if broker else NO_BROKER}


@asynccontextmanager
async def _over(broker: Broker | None, chance: random.Random) -> AsyncIterator[BrokerLoad | None]:
    """A connection to the broker over which the gate answers."""
    if broker is None:
        yield None
        return
    over = BrokerLoad(broker)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(over.connection.run(over.take))
        try:
            await over.until_ready(publications(MQTT, chance, lanes=1, events=1)[0][0])
            yield over
        finally:
            running.cancel()


async def _turn(
    both: Servers, over: BrokerLoad | None, name: str, chance: random.Random, *, events: int, lanes: int
) -> Turn:
    pids = both.gate_pid, both.valkey_pid
    send = _sending(both, over, name, chance, events=events, lanes=lanes)
    before, inside = [cpu_seconds(pid) for pid in pids], await cars_inside(both)
    sent = await send()
    gate_s, valkey_s = (cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    if await cars_inside(both) != inside + sent.events:
        raise WrongAnswer(f"{name}: not every car that was reported is inside")
    return sent, gate_s / sent.wall_s, valkey_s / sent.wall_s


def _sending(
    both: Servers, over: BrokerLoad | None, name: str, chance: random.Random, *, events: int, lanes: int
) -> Callable[[], Awaitable[Load]]:
    """How a load is sent that is made by now."""
    if over is not None and name in {MQTT, VZENITH_MQTT}:
        few = min(lanes, BROKER_LANES_MAX)
        published = publications(name, chance, lanes=few, events=min(events, BROKER_EVENTS_MAX))
        return partial(send_over_broker, over, published)
    if name in {HTTP, SOCKET}:
        load = entries(chance, connections=lanes, events=events)
        send = send_over_sockets if name == SOCKET else partial(send_all, check=True)
        return partial(send, both.gate_port, load)
    made = reports(name, chance, connections=lanes, events=events)
    return partial(send_all, both.gate_port, made, check=True)


def _report(done: dict[str, list[Turn]], *, lanes: int, small: bool) -> dict[str, object]:
    singles = [one.rate for one, _, _ in done[HTTP]]
    makers = [
        [turn[0].rate / single for turn, single in zip(turns, singles, strict=True)]
        for name, turns in done.items()
        if name in MAKERS
    ]
    rates = [one.rate for name, turns in done.items() if name in MAKERS for one, _, _ in turns]
    everything = [turn for turns in done.values() for turn in turns]
    return {
        "benchmark": "protocols",
        "ratio": round(median(median(ratios) for ratios in makers), 3),
        "rate": round(median(rates)),
        "ceiling_rate": round(median(singles)),
        "unit": "events/s",
        "ceiling": "not a ceiling: the native protocol's single requests, at the same gate in the same run",
        "durable": DURABLE,
        **{name: _figures(turns) for name, turns in done.items()},
        "latency_ms": _figures([turn for name in MAKERS for turn in done[name]])["latency_ms"],
        "lanes": lanes,
        "exits_share": 0,
        "rounds": len(singles),
        "events_per_round": done[HTTP][0][0].events,
        "ratio_spread": spread([ratio for ratios in makers for ratio in ratios]),
        "gate_cores": round(median(gate for _, gate, _ in everything), 2),
        "valkey_cores": round(median(valkey for _, _, valkey in everything), 2),
        "load_generator_cores": round(median(one.cpu_s / one.wall_s for one, _, _ in everything), 2),
        "seed": SEED,
        **context("protocols", small=small),
    }


def _figures(turns: list[Turn]) -> dict[str, object]:
    return {
        "rate": round(median(one.rate for one, _, _ in turns)),
        "latency_ms": {
            f"p{percent}": round(median(one.percentile_ms(percent / 100) for one, _, _ in turns), 2)
            for percent in (50, 99)
        },
        "gate_us_per_event": round(median(1e6 * gate / one.rate for one, gate, _ in turns)),
    }
