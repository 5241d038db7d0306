"""What the city keeps of a garage's messages; the bills are in the books of the payment rail simulator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from gateways.rails.simulator.books import open_books

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from gateways.group_commit import GroupCommit

__all__ = ["CityBooks", "Kept", "open_city_books"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message, and how often it came."""

    sequence: int
    operation: str
    fields: dict[str, Any]
    copies: int


def open_city_books(path: Path) -> sqlite3.Connection:
    """Open the file, with the tables of both."""
    connection = open_books(path)
    connection.execute(sql_text("create_messages"))
    return connection


class CityBooks:
    """The messages, written by group commit; each is on disk before it is answered."""

    def __init__(self, writer: GroupCommit) -> None:
        self._writer = writer

    async def keep(self, operation: str, key: str, fields: dict[str, Any], *, now_ms: int) -> int:
        """Keep a message; how often it has come by now."""
        return await self._writer.submit(partial(_keep, operation, key, json.dumps(fields), now_ms))

    async def messages(self, after: int, limit: int) -> list[Kept]:
        """A page of them."""
        return await self._writer.submit(partial(_messages, after, limit))

    async def collected(self, parking_code: str, day: str) -> tuple[int, int]:
        """How many of a garage's bills of a day were paid by now, and their sum in fen."""
        return await self._writer.submit(partial(_collected, parking_code, day))


def _keep(operation: str, key: str, body: str, now_ms: int, connection: sqlite3.Connection) -> int:
    row = {"operation": operation, "message_key": key, "body": body, "received_ms": now_ms}
    (copies,) = connection.execute(sql_text("insert_message"), row).fetchone()
    return int(copies)


def _messages(after: int, limit: int, connection: sqlite3.Connection) -> list[Kept]:
    rows = connection.execute(sql_text("messages"), {"after": after, "limit": limit}).fetchall()
    return [Kept(sequence=row[0], operation=row[1], fields=json.loads(row[2]), copies=row[3]) for row in rows]


def _collected(parking_code: str, day: str, connection: sqlite3.Connection) -> tuple[int, int]:
    of = {"subject": parking_code, "day": day}
    bills, total_fen = connection.execute(sql_text("collected"), of).fetchone()
    return int(bills), int(total_fen)


@cache
def sql_text(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return resources.files("gateways.hangzhou.simulator").joinpath("sql", f"{name}.sql").read_text("utf-8")
