"""A small day through the whole stack: its result is proven, and it leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from gateways.demo.stack import open_stack
from parking.errors import Conflict
from tests.stores import processes_about

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {
    "vehicles", "events_sent", "open", "hold", "replayed", "sessions_closed", "bills", "charges_paid",
    "charges_unpaid", "charges_in_doubt", "lost", "double_charged", "imbalance_fen", "decision_ms", "wall_s",
    "events_per_s", "violations",
}  # fmt: skip
DAY_SECONDS = 110.0
READY_SECONDS = 60.0


def demo(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateways.cli", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    process = demo("--vehicles", "200", "--speed", "600", "--data-dir", str(tmp_path / "day"))
    yield process, tmp_path / "day"
    process.kill()
    process.wait()


def wait_until_it_serves(process: subprocess.Popen[str], folder: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    log_path = folder / "demo" / "serve.log"
    while not (log_path.exists() and "gate_url" in log_path.read_text()):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.1)


def test_a_day_is_settled_and_proven(tmp_path: Path) -> None:
    process = demo("--vehicles", "200", "--json", "--data-dir", str(tmp_path / "day"))
    output, said = process.communicate(timeout=DAY_SECONDS)
    assert process.returncode == 0, said
    result: dict[str, Any] = json.loads(output)
    assert result.keys() == KEYS
    wrong = {name: result[name] for name in ("lost", "double_charged", "imbalance_fen", "violations")}
    assert wrong == {"lost": 0, "double_charged": 0, "imbalance_fen": 0, "violations": []}
    assert result["vehicles"] == 200
    assert result["events_sent"] == result["open"] + result["hold"] + result["replayed"]
    # One turned back at the entry and one never left, and one was here the day before; two left, turned back,
    # and left again.
    assert (result["sessions_closed"], result["bills"]) == (199, 201)
    assert result["replayed"] == 5
    assert result["charges_paid"] > 100
    assert result["charges_unpaid"] >= 1
    assert result["charges_in_doubt"] == 0
    assert 0 < result["decision_ms"]["p50"] <= result["decision_ms"]["p99"]
    assert not list(processes_about(tmp_path / "day"))


def test_a_stop_in_the_middle_of_a_day_is_quiet_and_complete(
    running: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = running
    wait_until_it_serves(process, folder)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=READY_SECONDS)
    assert "Traceback" not in said
    assert process.returncode == 130
    assert not list(processes_about(folder))


def test_a_killed_demo_takes_its_processes_along(running: tuple[subprocess.Popen[str], Path]) -> None:
    process, folder = running
    wait_until_it_serves(process, folder)
    started = psutil.Process(process.pid).children(recursive=True)
    # The service, its gate process and its settlement, the rail, and both stores.
    assert len(started) >= 6
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=READY_SECONDS)
    _, left = psutil.wait_procs(started, timeout=READY_SECONDS)
    assert left == []


async def test_a_folder_holds_one_day(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    with pytest.raises(Conflict, match="another folder"):
        async with open_stack(tmp_path, seed=1):
            pass
