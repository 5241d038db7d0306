"""Pushes grants to the garages' partitions of the live store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parking.grant import Grant
    from parking.ids import GarageId
    from parking.live.sessions import Sessions
    from parking.session import Session

__all__ = ["LiveGrants"]


class LiveGrants:
    """Grants for cars inside; all of a push share a few round trips."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def push(self, grants: list[tuple[GarageId, Session, Grant]]) -> None:
        """Give each session its grant; one that has ended meanwhile is passed over."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for _, session, grant in grants:
                    tasks.create_task(self._sessions.push_grant(session, grant))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group
