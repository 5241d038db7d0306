"""When each controller was heard of, as the gate processes tell it and operators read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from parking.clock import from_ms, to_ms
from parking.live.keys import HEARD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from parking.ids import ControllerId, GarageId
    from parking.live.batching import BatchingConnection

    Key = tuple[GarageId, ControllerId]

__all__ = ["Heard", "heard_of", "note_heard"]

SEPARATOR: Final = "\x1f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of a controller; ``skew_s``, where it was measured, is by how much its clock is ahead.

    ``gone_at`` is when its last will said that it had gone.
    """

    at: datetime | None = None
    heartbeat_at: datetime | None = None
    skew_s: int | None = None
    gone_at: datetime | None = None


async def note_heard(live: BatchingConnection, heard: Mapping[Key, Heard]) -> None:
    """Write down what is new; what is ``None`` stays as it was."""
    fields: list[str | int] = []
    for key, one in heard.items():
        name = SEPARATOR.join(key)
        if one.at is not None:
            fields += [f"{name}{SEPARATOR}a", to_ms(one.at)]
        if one.heartbeat_at is not None:
            fields += [f"{name}{SEPARATOR}b", to_ms(one.heartbeat_at)]
        if one.skew_s is not None:
            fields += [f"{name}{SEPARATOR}s", one.skew_s]
        if one.gone_at is not None:
            fields += [f"{name}{SEPARATOR}g", to_ms(one.gone_at)]
    if fields:
        await live.call("HSET", HEARD, *fields)


async def heard_of(live: BatchingConnection, keys: Sequence[Key]) -> dict[Key, Heard]:
    """What is known of some controllers."""
    if not keys:
        return {}
    names = [f"{SEPARATOR.join(key)}{SEPARATOR}{letter}" for key in keys for letter in "absg"]
    values = [None if one is None else int(one) for one in await live.call("HMGET", HEARD, *names)]
    return {
        key: Heard(at=_moment(at_ms), heartbeat_at=_moment(beat_ms), skew_s=skew_s, gone_at=_moment(gone_ms))
        for key, at_ms, beat_ms, skew_s, gone_ms in zip(keys, *(values[n::4] for n in range(4)), strict=True)
    }


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)
