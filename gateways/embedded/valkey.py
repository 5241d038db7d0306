"""The embedded live store: Valkey, every write on disk before its answer.

The append-only file is the only copy: no snapshots, no eviction, nothing listening on a network. It is
rewritten when it has doubled. A tail that was torn by a crash is cut off; it was never acknowledged.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from typing_extensions import override

from gateways.embedded.binaries import valkey_binary
from gateways.embedded.data_dir import socket_folder
from gateways.embedded.keeper import Store
from gateways.embedded.orphans import end_orphans
from gateways.embedded.process import Command

if TYPE_CHECKING:
    from pathlib import Path

    from gateways.embedded.data_dir import DataDir
    from gateways.embedded.keeper import Log

__all__ = ["Valkey"]

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "pidfile": "valkey.pid",
    "dir": ".",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "always",
    "aof-use-rdb-preamble": "yes",
    "aof-load-truncated": "yes",
    "auto-aof-rewrite-percentage": "100",
    "auto-aof-rewrite-min-size": "64mb",
    "maxmemory-policy": "noeviction",
}
PROBE_SECONDS = 1.0


class Valkey(Store):
    """Valkey in the data folder."""

    def __init__(self, data_dir: DataDir, log: Log) -> None:
        self._folder = data_dir.path / "valkey"
        self._log_path = data_dir.log / "valkey.log"
        self._socket = socket_folder(data_dir.path) / "valkey.sock"
        self._log = log

    @property
    @override
    def name(self) -> str:
        return "Valkey"

    @property
    @override
    def stop_signal(self) -> signal.Signals:
        return signal.SIGTERM

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"unix://{self._socket}"

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self._socket

    @override
    def prepare(self) -> Command:
        program = valkey_binary()
        met = end_orphans(
            self._folder, program.name, pid_file=self._folder / "valkey.pid", ask=self.stop_signal
        )
        if met:
            self._log.warning("orphans_ended", store=self.name, pids=sorted(met))
        options = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        return Command(
            argv=(str(program), *options, "--unixsocket", str(self._socket)),
            folder=self._folder,
            environment={"LC_ALL": "C", "TZ": "UTC"},
            log_path=self._log_path,
        )

    @override
    async def is_ready(self, pid: int) -> bool:
        """``PING`` is answered; while the file is loaded, and until the socket is there, it is not."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(b"PING\r\n")
                    return await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
        except OSError:  # a time-out is one, too
            return False
