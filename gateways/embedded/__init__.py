"""Stores that need no installation: Valkey and PostgreSQL, run from packages as children of ours.

``embedded_stores`` starts them under one data folder, keeps them running and stops them. They are the
real servers with normal durability, reachable over Unix sockets only.
"""

from __future__ import annotations

from gateways.embedded.binaries import postgres_binary
from gateways.embedded.data_dir import DataDirInUse, DataDirUnusable, default_data_dir, scratch_data_dir
from gateways.embedded.keeper import StoreNotStarted, StoreState
from gateways.embedded.stores import EmbeddedStores, StoreAddresses, embedded_stores, running_stores

__all__ = [
    "DataDirInUse",
    "DataDirUnusable",
    "EmbeddedStores",
    "StoreAddresses",
    "StoreNotStarted",
    "StoreState",
    "default_data_dir",
    "embedded_stores",
    "postgres_binary",
    "running_stores",
    "scratch_data_dir",
]
