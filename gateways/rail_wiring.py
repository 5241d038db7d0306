"""Which payment rails there are: the one module that names concrete ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.rails.simulator.client import RailAddress, open_rail_session, open_simulator_rail
from gateways.rails.simulator.receiver import SIMULATOR, SimulatorNotices
from gateways.rails.simulator.settings import read_secrets
from gateways.rails.simulator.statement import read_statement
from settlement.charge import Direction
from settlement.verify import Capture

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from aiohttp import web

    from gateways.settings import Settings
    from parking.clock import Clock
    from settlement.notices import NoticeDesk
    from settlement.rail import Rail

__all__ = ["add_notice_routes", "open_rails", "rail_captures"]

DIRECTIONS = {"charge": Direction.COLLECT, "refund": Direction.REFUND}


async def open_rails(settings: Settings, opened: AsyncExitStack) -> dict[str, Rail]:
    """The configured rails by name, closed with ``opened``."""
    where = _simulator(settings)
    if where is None:
        return {}
    return {SIMULATOR: await opened.enter_async_context(open_simulator_rail(where))}


def add_notice_routes(app: web.Application, settings: Settings, *, desk: NoticeDesk, clock: Clock) -> None:
    """Let the configured rails report outcomes."""
    if _simulator(settings) is not None:
        notices = SimulatorNotices(desk=desk, clock=clock, secrets=_secrets(settings))
        app.router.add_post(f"/v1/rails/{SIMULATOR}/notices", notices.take)


async def rail_captures(settings: Settings) -> dict[str, list[Capture]]:
    """What each configured rail has in its own books; raises ``Unavailable`` unless all was read."""
    where = _simulator(settings)
    if where is None:
        return {}
    async with open_rail_session(where) as session:
        return {
            SIMULATOR: [
                Capture(
                    direction=DIRECTIONS[line.kind],
                    order_key=line.order_key,
                    attempt_key=line.attempt_key,
                    amount_fen=line.amount_fen,
                )
                async for line in read_statement(session, where)
            ]
        }


def _simulator(settings: Settings) -> RailAddress | None:
    if settings.simulator_rail_url is None:
        return None
    return RailAddress(address=settings.simulator_rail_url, secret=_secrets(settings)[0])


def _secrets(settings: Settings) -> tuple[str, ...]:
    file = settings.simulator_rail_secret_file
    return tuple(read_secrets(file.read_text(encoding="utf-8"))) if file else ()
