"""A line between a client and a Unix socket that can be held, let go, and cut in the middle of a reply."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

__all__ = ["HeldLine", "held_line"]

CHUNK = 65_536


class HeldLine:
    """``open`` lets replies pass; ``reply_bytes_left`` cuts the line when so many have passed."""

    def __init__(self, server_path: str) -> None:
        self._server_path = server_path
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.open = asyncio.Event()
        self.open.set()
        self.reply_bytes_left: int | None = None
        self.cuts = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        there, back = await asyncio.open_unix_connection(self._server_path)
        self._writers |= {writer, back}
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._forth(reader, back))
                ways.create_task(self._replies(there, writer))
        finally:
            self._writers -= {writer, back}

    def cut(self) -> None:
        """Cut every connection, without a word."""
        self.cuts += 1
        self.reply_bytes_left = None
        for writer in self._writers:
            writer.transport.abort()

    async def _forth(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                writer.write(chunk)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                await self.open.wait()
                left = self.reply_bytes_left
                writer.write(chunk if left is None else chunk[:left])
                if left is not None:
                    self.reply_bytes_left = left - len(chunk)
                    if left <= len(chunk):
                        await writer.drain()
                        self.cut()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def held_line(valkey_url: str, folder: Path) -> AsyncIterator[HeldLine]:
    """A line to a Valkey on a Unix socket."""
    line = HeldLine(urlsplit(valkey_url).path)
    path = folder / "line.sock"
    server = await asyncio.start_unix_server(line.carry, path)
    line.url = f"unix://{path}"
    try:
        yield line
    finally:
        server.close()
        line.open.set()
        line.cut()
        await asyncio.sleep(0.05)
