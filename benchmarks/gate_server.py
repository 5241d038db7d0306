"""The gate process of a benchmark: the product's own, settings from the environment, no supervisor."""

from __future__ import annotations

from gateways.gate_process import run_gates
from gateways.process import run
from gateways.settings import load_settings

__all__ = ()

if __name__ == "__main__":
    settings = load_settings()
    run(run_gates(settings, number=0, lifeline_fd=None), settings, process="gate-0")
