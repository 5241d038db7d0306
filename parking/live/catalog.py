"""The published catalog in the live store: a revision and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from parking.live.keys import CONFIG

if TYPE_CHECKING:
    from parking.live.batching import BatchingConnection

__all__ = ["publish", "published", "published_revision"]


async def publish(live: BatchingConnection, revision: int, text: bytes) -> None:
    """Replace what is published."""
    await live.call("HSET", CONFIG, "revision", revision, "text", text)


async def published_revision(live: BatchingConnection) -> int | None:
    """The revision that the gates can see."""
    revision = await live.call("HGET", CONFIG, "revision")
    return None if revision is None else int(revision)


async def published(live: BatchingConnection, known_revision: int | None) -> bytes | None:
    """The published text, unless it is the known revision or nothing was ever published."""
    revision = await published_revision(live)
    if revision is None or revision == known_revision:
        return None
    text: bytes | None = await live.call("HGET", CONFIG, "text")
    return text
