"""A person settles what no rule could: dismiss it, say whose car it was, or what became of the money.

A match closes the session as of the moment of the event (``settlement/closing.py``). The live store comes
first and remembers that, the record that the item is settled comes second: after a crash between them, the
same request finishes what it began. What a person has found out about a charge is booked as if its rail had
said it, before the item is settled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateways.web.access import Scope
from gateways.web.cursor import read_cursor, write_cursor
from gateways.web.routes import Nothing, Route
from gateways.web.session_wire import ItemOut, ItemQuery, ItemsOut, ResolutionIn, ResolveAction
from parking.errors import Conflict, InvalidInput, NotFound
from parking.ids import SessionId
from parking.live.codec import sent_again
from parking.plate import Colour, Plate, parse_plate
from settlement.charge import State
from settlement.closing import Closer
from settlement.outcomes import Answered, book_answers
from settlement.rail import Declined, Paid
from settlement.retry import STANDARD
from settlement.review import EVENT, FIRST_PLACE, Place, Resolution
from settlement.rows import Causes

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from settlement.charge import Attempt
    from settlement.review import ReviewItem

__all__ = ["review_routes"]

ITEM_PATH: Final = "/v1/quarantine/{item_id}"
ENDINGS: Final = {
    ResolveAction.PAID: frozenset({State.PAID}),
    ResolveAction.DECLINED: frozenset({State.UNPAID, State.VOIDED}),
}
"""Where a charge stands after what a person has told of it."""


def review_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    reviews = ReviewDesk(operator, Closer(operator.sessions, operator.clock))
    return [
        Route(
            method="GET", path="/v1/quarantine", scope=Scope.READ,
            summary="What waits for a person, oldest first.",
            query=ItemQuery, answer=ItemsOut, handle=reviews.some,
        ),
        Route(
            method="GET", path=ITEM_PATH, scope=Scope.READ,
            summary="One item, open or resolved; a slash in its id is written %2F.",
            answer=ItemOut, handle=reviews.one,
        ),
        Route(
            method="POST", path=f"{ITEM_PATH}/resolve", scope=Scope.FULL,
            summary="Dismiss an item, match an exit, confirm a plate, retry a record, or end a charge.",
            body=ResolutionIn, answer=ItemOut, handle=reviews.resolve,
            statuses={409: "It is resolved already, or cannot be settled so."},
        ),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReviewDesk:
    """The handlers; ``closer`` ends the sessions that exits are matched with."""

    operator: Operator
    closer: Closer

    async def some(self, call: Call[Nothing, ItemQuery]) -> ItemsOut:
        query, after = call.query, FIRST_PLACE
        if query.cursor is not None:
            opened_at, item_id = read_cursor(query.cursor)
            after = Place(opened_at=opened_at, item_id=item_id)
        items = await self.operator.reviews.open_items(
            garage_id=query.garage_id, cause=query.cause, after=after, limit=query.limit
        )
        last = items[-1] if len(items) == query.limit else None
        return ItemsOut(
            items=[_item(item) for item in items],
            next=write_cursor(last.opened_at, last.item_id) if last is not None else None,
        )

    async def one(self, call: Call[Nothing, Nothing]) -> ItemOut:
        return _item(await self.operator.reviews.one(call.path["item_id"]))

    async def resolve(self, call: Call[ResolutionIn, Nothing]) -> ItemOut:
        reviews, body = self.operator.reviews, call.body
        item = await reviews.one(call.path["item_id"])
        if item.resolution is not None:
            raise Conflict("this item is resolved already")
        note = body.note
        if body.action is ResolveAction.RETRY:
            await self._send_again(item)
        elif body.action is ResolveAction.MATCH:
            session_id = await self._close(item, await self._plate(item, body))
            note = "; ".join(filter(None, [f"session {session_id}", body.note]))
        else:
            await self._settle_charge(item, body.action, call.who)
        now, resolution = self.operator.clock.now(), Resolution(body.action)
        account_id = await reviews.resolve(item, resolution, resolved_by=call.who, note=note, now=now)
        if account_id is not None:
            await self.operator.regrant(account_id)
        return _item(await reviews.one(item.item_id))

    async def _send_again(self, item: ReviewItem) -> None:
        """Send a refused record to the books once more; they take it once, however often it is sent."""
        message = await self.operator.reviews.message(item)
        if message is None:
            raise Conflict("nothing is kept of this item that could be booked")
        archived = item.item_id.startswith(EVENT)
        await self.operator.sessions.journal(item.partition, sent_again(message) if archived else message)

    async def _settle_charge(self, item: ReviewItem, action: ResolveAction, who: str) -> None:
        """Book what a person found out about a charge; repeating it changes nothing."""
        told = action in ENDINGS
        if item.cause != Causes.CHARGE_REVIEW:
            if told:
                raise Conflict("only a charge whose outcome nobody knows can be told to be paid or declined")
            return
        charges, now, key = self.operator.charges, self.operator.clock.now(), item.details["attempt_key"]
        attempt = (await charges.attempts_by_key([key]))[key]
        state = attempt.charge.state
        if state is State.REVIEW and told:
            answered = Answered(attempt=attempt, answer=_found_out(action, attempt, who, now))
            await book_answers([answered], books=charges, schedule=STANDARD, now=now)
        elif state is State.REVIEW:
            raise Conflict("the charge is still open: say whether it is paid or declined")
        elif told and state not in ENDINGS[action]:
            raise Conflict(f"the charge is {state} by now: the item can only be dismissed")

    async def _plate(self, item: ReviewItem, body: ResolutionIn) -> Plate:
        """The number and, for a session, the colour of the car that left."""
        if body.session_id is None and body.plate is not None:
            return parse_plate(body.plate, item.details.get("colour", Colour.UNKNOWN))
        if body.session_id is None or body.plate is not None:
            raise InvalidInput("a match names either a session or a plate", ("session_id", "plate"))
        session = await self.operator.views.session(SessionId(body.session_id))
        if session is None or session.garage_id != item.garage_id:
            raise NotFound("this garage has no such session")
        return Plate(number=session.number, colour=Colour(session.colour))

    async def _close(self, item: ReviewItem, plate: Plate) -> SessionId:
        garage = (await self.operator.garages.one(item.garage_id)).garage
        return await self.closer.close(item, plate, garage)


def _found_out(action: ResolveAction, attempt: Attempt, who: str, now: datetime) -> Paid | Declined:
    if action is ResolveAction.PAID:
        return Paid(rail_reference=f"person:{who}", amount_fen=attempt.charge.amount_fen, paid_at=now)
    return Declined(code=f"person:{who}", hard=True)


def _item(item: ReviewItem) -> ItemOut:
    return ItemOut(
        item_id=item.item_id,
        garage_id=item.garage_id,
        cause=item.cause,
        opened_at=item.opened_at,
        details=dict(item.details),
        finding=dict(item.finding) if item.finding is not None else None,
        can_match=item.can_match,
        resolution=item.resolution,
        resolved_by=item.resolved_by,
        resolved_at=item.resolved_at,
        note=item.note,
    )
