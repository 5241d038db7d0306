"""Reads the simulator's own books, to compare ours with them.

Unlike the port, these raise when the rail cannot be asked: half a statement must not pass for a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from pydantic import ValidationError

from gateways.rails.simulator.wire import MovementLine, Summary
from parking.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from gateways.rails.simulator.client import RailAddress
    from gateways.rails.simulator.faults import Kind

__all__ = ["StatementLine", "read_statement", "read_summary"]

STATEMENT_TIMEOUT_S = 300.0
SILENCE_MAX_S = 30.0
SUCCESS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """One movement of money, as the rail has it."""

    kind: Kind
    order_key: str
    attempt_key: str
    amount_fen: int
    paid_at: datetime
    rail_reference: str


async def read_statement(session: aiohttp.ClientSession, where: RailAddress) -> AsyncIterator[StatementLine]:
    """Every movement, in the rail's order; raises :class:`Unavailable` unless all of it was read."""
    timeout = aiohttp.ClientTimeout(total=STATEMENT_TIMEOUT_S, sock_read=SILENCE_MAX_S)
    try:
        async with session.get(f"{where.base}/v1/books", timeout=timeout, allow_redirects=False) as response:
            if response.status != SUCCESS:
                raise Unavailable(f"the rail's books answer with status {response.status}")
            async for raw in response.content:
                line = MovementLine.model_validate_json(raw)
                yield StatementLine(
                    kind=line.kind,
                    order_key=line.order_key,
                    attempt_key=line.attempt_key,
                    amount_fen=line.amount_fen,
                    paid_at=line.paid_at,
                    rail_reference=line.rail_reference,
                )
    except (aiohttp.ClientError, TimeoutError, OSError, ValidationError) as error:
        raise Unavailable(f"the rail's books cannot be read: {type(error).__name__}") from error


async def read_summary(session: aiohttp.ClientSession, where: RailAddress) -> Summary:
    """The totals of the rail's books; raises :class:`Unavailable`."""
    try:
        async with session.get(f"{where.base}/v1/books/summary", allow_redirects=False) as response:
            if response.status != SUCCESS:
                raise Unavailable(f"the rail's books answer with status {response.status}")
            return Summary.model_validate_json(await response.read())
    except (aiohttp.ClientError, TimeoutError, OSError, ValidationError) as error:
        raise Unavailable(f"the rail's books cannot be read: {type(error).__name__}") from error
