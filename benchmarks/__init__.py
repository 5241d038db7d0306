"""Benchmarks: ours beside the ceiling, in one run on one machine.

Absolute figures hold for the machine and the run that made them; the ratio is the claim. Each benchmark
says what was on disk when the answer left, and has a small size that runs with the tests.
"""
