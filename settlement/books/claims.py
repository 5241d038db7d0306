"""Whose a plate is: claims that are proven, transfers, and disputes of bindings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, NewType
from uuid import UUID

from parking.errors import Conflict, NotFound, NotPermitted
from parking.ids import AccountId
from parking.plate import Colour, Plate
from settlement.books.accounts import bind, unbind
from settlement.books.pool import connection
from settlement.books.statements import sql
from settlement.ownership import CodeProof, Kept

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import asyncpg

    from settlement.ownership import OwnershipProof

__all__ = ["Claim", "ClaimId", "Claims", "DisputeEnd", "PlateDispute"]

ClaimId = NewType("ClaimId", UUID)
UUID_BYTES = 16


@unique
class DisputeEnd(StrEnum):
    """How a person ended the dispute of a binding."""

    KEPT = "kept"
    TRANSFERRED = "transferred"
    """The plate is the claimant's."""
    UNBOUND = "unbound"
    """It is neither's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that waits for its proof; ``secret`` is for the holder of the plate alone, and kept nowhere."""

    claim_id: ClaimId
    secret: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateDispute:
    """A binding that somebody else disputes."""

    dispute_id: UUID
    plate: Plate
    account_id: AccountId
    claimant_id: AccountId
    note: str
    opened_by: str
    opened_at: datetime


class Claims:
    """``proof`` is the step by which a holder proves a plate."""

    def __init__(self, pool: asyncpg.Pool, proof: OwnershipProof | None = None) -> None:
        self._pool = pool
        self._proof = proof or CodeProof()

    async def claim(
        self, account_id: AccountId, plate: Plate, *, now: datetime, draw_bytes: Callable[[int], bytes]
    ) -> Claim:
        """Ask for the proof; raises :class:`NotFound`."""
        claim_id = ClaimId(UUID(bytes=draw_bytes(UUID_BYTES), version=4))
        secret, kept = self._proof.issue(draw_bytes)
        expires_at = now + self._proof.valid_for
        async with connection(self._pool) as held:
            opened = await held.fetchval(
                sql("claims/add"),
                claim_id,
                account_id,
                plate.number,
                plate.colour,
                kept.salt,
                kept.code_hash,
                now,
                expires_at,
                self._proof.tries,
            )
        if opened is None:
            raise NotFound("there is no such account, or it is closed")
        return Claim(claim_id=claim_id, secret=secret, expires_at=expires_at)

    async def confirm(self, claim_id: ClaimId, told: str, now: datetime) -> AccountId:
        """Bind the plate if the proof holds; each try counts, also one whose answer never arrived.

        Raises :class:`NotFound` when the claim is over, :class:`NotPermitted` for a wrong proof, and
        :class:`Conflict` when another account has the plate: that is for a dispute.
        """
        async with connection(self._pool) as held:
            row = await held.fetchrow(sql("claims/try"), claim_id, now)
            if row is None:
                raise NotFound("there is no such claim, or it is over")
            if not self._proof.holds(Kept(salt=row["salt"], code_hash=row["code_hash"]), told):
                raise NotPermitted(f"this is not what was issued; {row['tries_left']} tries are left")
            account_id = AccountId(row["account_id"])
            plate = Plate(number=row["number"], colour=Colour(row["colour"]))
            async with held.transaction():
                if await held.fetchval(sql("claims/confirm"), claim_id, now) is None:
                    raise NotFound("there is no such claim, or it is over")
                await bind(held, account_id, plate, now, by="proof")
        return account_id

    async def transfer(self, plate: Plate, giver: AccountId, taker: AccountId, now: datetime) -> None:
        """Take a plate from one account and give it to another, both or neither."""
        async with connection(self._pool) as held, held.transaction():
            await unbind(held, giver, plate, now)
            await bind(held, taker, plate, now, by="transfer")

    async def dispute(
        self, dispute_id: UUID, plate: Plate, claimant_id: AccountId, *, note: str, by: str, now: datetime
    ) -> AccountId:
        """Until a person decides, the binding counts for nobody; returns whose it is.

        Raises :class:`Conflict` when the plate is not bound to another account, or disputed already.
        """
        async with connection(self._pool) as held, held.transaction():
            owner = await held.fetchval(
                sql("claims/dispute"), dispute_id, plate.number, plate.colour, claimant_id, note, by, now
            )
            if owner is None:
                raise Conflict("this plate is bound to no other account, or disputed already")
        return AccountId(owner)

    async def end_dispute(
        self, dispute_id: UUID, end: DisputeEnd, *, by: str, now: datetime
    ) -> tuple[Plate, AccountId, AccountId]:
        """End it: the plate, who had it, and who claimed it. Raises :class:`NotFound`."""
        async with connection(self._pool) as held, held.transaction():
            row = await held.fetchrow(sql("claims/end_dispute"), dispute_id, end, by, now)
            if row is None:
                raise NotFound("there is no such dispute, or it is over")
            plate = Plate(number=row["number"], colour=Colour(row["colour"]))
            owner, claimant = AccountId(row["account_id"]), AccountId(row["claimant_id"])
            if end is not DisputeEnd.KEPT:
                await unbind(held, owner, plate, now)
            if end is DisputeEnd.TRANSFERRED:
                await bind(held, claimant, plate, now, by="dispute")
        return plate, owner, claimant

    async def disputes(self) -> list[PlateDispute]:
        """Those that wait for a person, oldest first, at most a thousand."""
        async with connection(self._pool) as held:
            rows = await held.fetch(sql("claims/disputes"))
        return [
            PlateDispute(
                dispute_id=row["dispute_id"],
                plate=Plate(number=row["number"], colour=Colour(row["colour"])),
                account_id=AccountId(row["account_id"]),
                claimant_id=AccountId(row["claimant_id"]),
                note=row["note"],
                opened_by=row["opened_by"],
                opened_at=row["opened_at"],
            )
            for row in rows
        ]
