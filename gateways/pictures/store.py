"""What a store of pictures is: named by their content, as old as their last use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["PictureStore", "place_of"]


class PictureStore(Protocol):
    """Each raises :class:`Unavailable` when the store cannot do it now."""

    async def put(self, reference: str, picture: bytes, now: datetime) -> None:
        """Keep a picture whole or not at all; one that is there begins to be kept anew."""
        ...

    async def get(self, reference: str, bytes_max: int) -> bytes | None:
        """A picture, unless it is gone by now or larger."""
        ...

    async def forget(self, before: datetime) -> int:
        """Let go of what was last used before; how many that were."""
        ...


def place_of(reference: str) -> str:
    """The path of a picture in its store."""
    return f"{reference[:2]}/{reference}"
