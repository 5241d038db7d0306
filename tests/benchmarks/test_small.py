"""Every benchmark runs to its end in its small size and says what a figure needs to mean anything.

How fast it was is not asserted: this machine may be busy.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVERY = {
    "ratio", "rate", "ceiling_rate", "durable", "machine", "command", "versions", "commit", "rounds",
}  # fmt: skip
GATES = {"latency_ms", "seed", "load_generator_cores", "gate_cores", "valkey_cores", "ratio_spread"}


async def run(*arguments: str) -> bytes:
    """Standard output of ``python -m benchmarks``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks", *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


@pytest.mark.parametrize(
    ("name", "also"),
    [
        ("gate", GATES),
        ("bulk", GATES | {"rate_per_core", "rate_per_gate_core"}),
        ("socket", GATES | {"latency_of_requests_ms"}),
        (
            "protocols",
            GATES | {"native_http", "native_ws", "native_mqtt", "vzenith-mqtt", "vzenith", "broker"},
        ),
        ("settle", set[str]()),
        ("price", {"median_us_simple", "median_us_nights", "median_us_everything"}),
    ],
)
async def test_a_benchmark_prints_one_object_that_says_what_it_means(name: str, also: set[str]) -> None:
    result = json.loads(await run(name, "--json", "--small"))
    assert (EVERY | also) - result.keys() == set()
    assert result["rate"] > 0
    assert result["ceiling_rate"] > 0
    assert result["ratio"] > 0
    assert any(word in result["durable"] for word in ("append-only file", "PostgreSQL", "Nothing is written"))
    assert result["command"] == f"python -m benchmarks {name} --small"


async def test_several_benchmarks_print_one_object_by_name() -> None:
    assert json.loads(await run("gate", "bulk", "--json", "--small")).keys() == {"gate", "bulk"}


async def test_a_person_reads_the_ratio_first() -> None:
    lines = (await run("gate", "--small")).decode().splitlines()
    assert lines[0] == "gate"
    assert lines[1].split()[0] == "ratio"
