"""Whose a plate is: proven by its holder, handed on, or disputed; cars inside are granted anew each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateways.web.access import Scope
from gateways.web.operator_accounts import account_id_from
from gateways.web.operator_wire import PlateColourQuery, PlateIn
from gateways.web.plate_wire import (
    ClaimMade,
    ConfirmIn,
    PlateDisputeEndIn,
    PlateDisputeIn,
    PlateDisputeMade,
    PlateDisputeOut,
    PlateDisputesOut,
    TransferIn,
)
from gateways.web.routes import Nothing, Route
from parking.errors import NotFound
from parking.ids import AccountId
from parking.plate import parse_plate
from settlement.books.claims import ClaimId

if TYPE_CHECKING:
    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.books.claims import PlateDispute

__all__ = ["plate_routes"]

UUID_BYTES = 16
TAKEN = {409: "Another account has the plate: that is for a dispute."}


def plate_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    desk = PlateDesk(operator)
    return [
        Route(
            method="POST", path="/v1/accounts/{account_id}/plate-claims", scope=Scope.FULL,
            summary="Claim a plate; the code in the answer is for its holder alone.",
            body=PlateIn, answer=ClaimMade, status=201, handle=desk.claim,
        ),
        Route(
            method="POST", path="/v1/plate-claims/{claim_id}/confirm", scope=Scope.FULL,
            summary="Prove a claim by its code and bind the plate; wrong codes are counted.",
            statuses={**TAKEN, 403: "Not the code that was issued.", 404: "It is over."},
            body=ConfirmIn, answer=None, handle=desk.confirm,
        ),
        Route(
            method="POST", path="/v1/accounts/{account_id}/plates/{number}/transfer", scope=Scope.FULL,
            summary="Hand a plate on to another account.",
            query=PlateColourQuery, body=TransferIn, answer=None, handle=desk.transfer,
        ),
        Route(
            method="GET", path="/v1/plate-disputes", scope=Scope.READ,
            summary="Disputes of bindings that wait for a person.", answer=PlateDisputesOut,
            handle=desk.disputes,
        ),
        Route(
            method="POST", path="/v1/plate-disputes", scope=Scope.FULL,
            summary="Dispute a binding; until that is ended the plate vouches for nobody.",
            statuses={409: "The plate is bound to no other account, or disputed already."},
            body=PlateDisputeIn, answer=PlateDisputeMade, status=201, handle=desk.dispute,
        ),
        Route(
            method="POST", path="/v1/plate-disputes/{dispute_id}/end", scope=Scope.FULL,
            summary="End a dispute: the plate stays, goes to the claimant, or is nobody's.",
            body=PlateDisputeEndIn, answer=None, handle=desk.end_dispute,
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlateDesk:
    """The handlers."""

    operator: Operator

    async def claim(self, call: Call[PlateIn, Nothing]) -> ClaimMade:
        operator, body = self.operator, call.body
        claim = await operator.claims.claim(
            account_id_from(call.path["account_id"]),
            parse_plate(body.number, body.colour),
            now=operator.clock.now(),
            draw_bytes=operator.draw_bytes,
        )
        return ClaimMade(claim_id=claim.claim_id, code=claim.secret, expires_at=claim.expires_at)

    async def confirm(self, call: Call[ConfirmIn, Nothing]) -> None:
        claim_id = ClaimId(_id(call.path["claim_id"]))
        now = self.operator.clock.now()
        await self.operator.regrant(await self.operator.claims.confirm(claim_id, call.body.code, now))

    async def transfer(self, call: Call[TransferIn, PlateColourQuery]) -> None:
        giver, taker = account_id_from(call.path["account_id"]), AccountId(call.body.to_account_id)
        plate = parse_plate(call.path["number"], call.query.colour)
        await self.operator.claims.transfer(plate, giver, taker, self.operator.clock.now())
        await self.operator.regrant(giver, taker, unbound_numbers=[plate.number])

    async def disputes(self, call: Call[Nothing, Nothing]) -> PlateDisputesOut:
        del call
        return PlateDisputesOut(disputes=[_dispute(one) for one in await self.operator.claims.disputes()])

    async def dispute(self, call: Call[PlateDisputeIn, Nothing]) -> PlateDisputeMade:
        operator, body = self.operator, call.body
        dispute_id = UUID(bytes=operator.draw_bytes(UUID_BYTES), version=4)
        owner = await operator.claims.dispute(
            dispute_id,
            parse_plate(body.plate.number, body.plate.colour),
            AccountId(body.claimant_id),
            note=body.note,
            by=call.who,
            now=operator.clock.now(),
        )
        await operator.regrant(owner)
        return PlateDisputeMade(dispute_id=dispute_id)

    async def end_dispute(self, call: Call[PlateDisputeEndIn, Nothing]) -> None:
        operator = self.operator
        plate, owner, claimant = await operator.claims.end_dispute(
            _id(call.path["dispute_id"]), call.body.end, by=call.who, now=operator.clock.now()
        )
        await operator.regrant(owner, claimant, unbound_numbers=[plate.number])


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("there is nothing under this id") from None


def _dispute(one: PlateDispute) -> PlateDisputeOut:
    return PlateDisputeOut(
        dispute_id=one.dispute_id,
        plate=PlateIn(number=one.plate.number, colour=one.plate.colour),
        account_id=one.account_id,
        claimant_id=one.claimant_id,
        note=one.note,
        opened_by=one.opened_by,
        opened_at=one.opened_at,
    )
