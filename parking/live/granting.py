"""What settlement tells the gates of cars inside, and of debtors who may come; and the grants to hand out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from parking.clock import to_ms
from parking.grant_token import claims_of, token_of
from parking.live.codec import session_from
from parking.live.grant_codec import debt_text, given_text, grant_from, grant_text, seal_bytes, seal_from
from parking.live.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from parking.clock import Clock
    from parking.debt import DebtNotice
    from parking.grant import Grant, Granted
    from parking.grant_token import Seal
    from parking.ids import GarageId
    from parking.live.batching import BatchingConnection
    from parking.live.keys import GarageKeys
    from parking.plate import Plate
    from parking.session import Session

__all__ = ["GrantChanges", "LiveDebtors", "LiveGrants", "grants_since"]

Done = TypeVar("Done")
SIGNED_FIELDS: Final = ("s", "f", "v", "g")
"""What a token says, in the hash of a car."""
CARS_AT_A_TIME: Final = 500
"""As many as are read together, so that lanes are served in between."""


class LiveGrants:
    """Grants for cars inside; all of a push share a few round trips.

    ``sign`` seals the token by which a controller can prove a grant; without it none are handed out.
    """

    def __init__(
        self,
        live: BatchingConnection,
        clock: Clock,
        *,
        partition_count: int,
        sign: Callable[[Session, Grant], Seal | None] | None = None,
    ) -> None:
        self._live = live
        self._clock = clock
        self._sign = sign or (lambda session, grant: None)  # noqa: ARG005 - signs nothing
        self._keys = Keys(partition_count)

    async def push(self, grants: Sequence[Granted]) -> Sequence[bool]:
        """Give each session its grant; says of each whether its car is still inside."""
        return await _all_of([self.give(one) for one in grants])

    async def withdraw(self, sessions: Sequence[Session]) -> None:
        """Take back the signed grants of cars that have left."""
        await _all_of([self._withdraw(session) for session in sessions])

    async def give(self, granted: Granted) -> bool:
        """Give a session its grant; ``False`` when the car is not inside any more."""
        session = granted.session
        keys = self._keys.of(session.garage_id)
        number = session.plate.number
        seal = self._sign(session, granted.grant) if granted.grant.allowed else None
        done = await self._live.call(
            "FCALL", "lf1_grant", 5, keys.car(number), *keys.handouts, keys.changes,
            str(session.session_id), grant_text(granted.grant),
            debt_text(granted.debt) if granted.debt is not None else "", seal_bytes(seal), number,
            to_ms(self._clock.now()), given_text(granted.benefits),
        )  # fmt: skip
        return bool(done)

    async def _withdraw(self, session: Session) -> None:
        keys = self._keys.of(session.garage_id)
        number = session.plate.number
        await self._live.call(
            "FCALL", "lf1_withdraw", 5, keys.car(number), *keys.handouts, keys.changes,
            number, to_ms(self._clock.now()),
        )  # fmt: skip


class LiveDebtors:
    """The debtors for whom a garage's entries do more than open, by plate."""

    def __init__(self, live: BatchingConnection, *, partition_count: int) -> None:
        self._live = live
        self._keys = Keys(partition_count)

    async def replace(self, garage_id: GarageId, notices: Mapping[Plate, DebtNotice]) -> None:
        """These, and no others."""
        keys = self._keys.of(garage_id)
        key = keys.debtors
        known: list[bytes] = await self._live.call("HKEYS", key)
        fields = {_field(plate): debt_text(notice) for plate, notice in notices.items()}
        gone = [field for raw in known if (field := raw.decode()) not in fields]
        if gone:
            await self._live.call("HDEL", key, *gone)
            await _all_of([self._tell(keys, field) for field in gone])
        if fields:
            await self._live.call("HSET", key, *(word for pair in fields.items() for word in pair))

    async def put(self, garage_id: GarageId, plate: Plate, notice: DebtNotice | None) -> None:
        """One debtor; ``None``: he owes nothing that matters there."""
        keys, field = self._keys.of(garage_id), _field(plate)
        if notice is None:
            await self._live.call("HDEL", keys.debtors, field)
        else:
            await self._live.call("HSET", keys.debtors, field, debt_text(notice))
        await self._tell(keys, field)

    async def _tell(self, keys: GarageKeys, field: str) -> None:
        await self._live.call("SPUBLISH", keys.changes, keys.debtor(field.partition(";")[0]))


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantChanges:
    """Signed grants given and plate numbers taken back since a place; ``whole``: forget all that came before.

    ``place`` is where to go on from.
    """

    place: str
    whole: bool
    given: Mapping[str, str]
    taken: Sequence[str]


async def grants_since(
    live: BatchingConnection, garage_id: GarageId, place: str, *, partition_count: int
) -> GrantChanges:
    """What changed since ``place`` (``""``: since ever); the whole where a place is not known any more.

    The tokens are put together from what is known of the cars. One that leaves while they are read is not
    given any more: it is taken back by a later change.
    """
    epoch, _, change = place.partition(".")
    if not (epoch.isdigit() and change.isdigit()):
        epoch, change = "", "0"
    keys = Keys(partition_count).of(garage_id)
    reply: list[bytes] = await live.call("FCALL_RO", "lf1_grants", 3, *keys.handouts, epoch, change)
    words = [one.decode() for one in reply]
    end = words.index("#")
    given: dict[str, str] = {}
    for start in range(3, end, CARS_AT_A_TIME):
        numbers = words[start : min(start + CARS_AT_A_TIME, end)]
        cars = await _all_of([_fields_of(live, keys.car(number)) for number in numbers])
        tokens = {number: _token(garage_id, car) for number, car in zip(numbers, cars, strict=True)}
        given |= {number: token for number, token in tokens.items() if token}
    return GrantChanges(
        place=f"{words[0]}.{words[1]}", whole=words[2] == "1", given=given, taken=words[end + 1 :]
    )


async def _fields_of(live: BatchingConnection, car: str) -> list[bytes | None]:
    found: list[bytes | None] = await live.call("HMGET", car, *SIGNED_FIELDS, "k")
    return found


def _token(garage_id: GarageId, found: list[bytes | None]) -> str | None:
    """The token of a car; ``None`` of one that has none, is gone, or cannot be read by this version."""
    *values, raw = found
    if raw is None or None in values:
        return None
    fields = {name: value.decode() for name, value in zip(SIGNED_FIELDS, values, strict=True) if value}
    try:
        session, grant, seal = session_from(garage_id, fields), grant_from(fields["g"]), seal_from(raw)
    except (KeyError, ValueError, TypeError, ArithmeticError):
        return None
    return token_of(claims_of(session, grant, seal.issued_at), seal)


def _field(plate: Plate) -> str:
    return f"{plate.number};{plate.colour}"


async def _all_of(acts: Sequence[Coroutine[Any, Any, Done]]) -> list[Done]:
    try:
        async with asyncio.TaskGroup() as tasks:
            under_way = [tasks.create_task(act) for act in acts]
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    return [task.result() for task in under_way]
