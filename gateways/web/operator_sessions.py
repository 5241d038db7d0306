"""Operators look at sessions and their money, and take what drivers pay inside.

The books know every session a moment after it began; for a car that came in just now, and for what its
gates must know of a payment, the live store is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gateways.web.access import Scope
from gateways.web.cursor import read_cursor, write_cursor
from gateways.web.prepayment_wire import PrepaymentIn, PrepaymentMade
from gateways.web.routes import Nothing, Route
from gateways.web.session_views import charge_counts, file_out, live_out, oldest_in_doubt, session_out
from gateways.web.session_wire import (
    LiveQuery,
    SessionFileOut,
    SessionOut,
    SessionQuery,
    SessionsOut,
    SummaryOut,
    SummaryQuery,
)
from parking.clock import from_ms
from parking.errors import Conflict, InvalidInput, NotFound
from parking.fee import fee_of
from parking.ids import GarageId, SessionId
from parking.plate import Colour, parse_plate
from parking.session import State
from settlement.books.prepayments import Prepayment
from settlement.books.views import LAST_PLACE, SessionPlace

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.web.operating import Operator
    from gateways.web.routes import Call
    from parking.session import Session
    from settlement.books.prepayments import Total
    from settlement.books.views import SessionView

__all__ = ["session_id_from", "session_routes"]

SUMMARY_SPAN = timedelta(hours=24)


def session_routes(operator: Operator) -> list[Route[Any, Any]]:
    """The routes of this part."""
    sessions = SessionDesk(operator)
    return [
        Route(
            method="GET", path="/v1/sessions", scope=Scope.READ,
            summary="Sessions of a garage, of a plate, or of both.",
            query=SessionQuery, answer=SessionsOut, handle=sessions.some,
        ),
        Route(
            method="GET", path="/v1/sessions/{session_id}", scope=Scope.READ,
            summary="One session with its bills, their proof, its charges and prepayments.",
            query=LiveQuery, answer=SessionFileOut, handle=sessions.one,
        ),
        Route(
            method="POST", path="/v1/sessions/{session_id}/prepayments", scope=Scope.FULL,
            summary="Take what a driver paid inside; with the same prepayment_id it is booked once.",
            body=PrepaymentIn, answer=PrepaymentMade, status=201, handle=sessions.prepay,
            statuses={409: "The car is not inside, somebody else has paid since the payer looked, or the"
                           " prepayment_id was used for another payment."},
        ),
        Route(
            method="GET", path="/v1/summary", scope=Scope.READ, summary="How the installation is doing.",
            query=SummaryQuery, answer=SummaryOut, handle=sessions.summary,
        ),
    ]  # fmt: skip


def session_id_from(text: str) -> SessionId:
    """The id in a path; :class:`NotFound` for a text that can be none."""
    try:
        return SessionId(UUID(text))
    except ValueError:
        raise NotFound("there is no such session") from None


@dataclass(frozen=True, slots=True)
class SessionDesk:
    """The handlers."""

    operator: Operator

    async def some(self, call: Call[Nothing, SessionQuery]) -> SessionsOut:
        query = call.query
        before = _before(query)
        archived = await self._page(query, before)
        found = [session_out(view) for view in archived]
        if query.cursor is None and query.state in {None, State.INSIDE}:
            just_in = await self._just_in(query.garage_id, query.plate)
            if just_in is not None and just_in.session_id not in {one.session_id for one in found}:
                found.insert(0, just_in)
        is_full = len(archived) == query.limit
        last = archived[-1].place if is_full else None
        return SessionsOut(
            sessions=found,
            next=write_cursor(last.entered_at, str(last.session_id)) if last is not None else None,
        )

    async def _page(self, query: SessionQuery, before: SessionPlace) -> list[SessionView]:
        views = self.operator.views
        states = list(State) if query.state is None else [query.state]
        entered_from = query.entered_from or from_ms(0)
        if query.plate is not None:
            return await views.sessions_of_plate(
                parse_plate(query.plate, Colour.UNKNOWN).number,
                garage_id=query.garage_id,
                states=states,
                entered_from=entered_from,
                before=before,
                limit=query.limit,
            )
        if query.garage_id is None:
            raise InvalidInput("name a garage, a plate, or both", ("garage_id", "plate"))
        return await views.sessions_of_garage(
            GarageId(query.garage_id),
            states=states,
            entered_from=entered_from,
            before=before,
            limit=query.limit,
        )

    async def one(self, call: Call[Nothing, LiveQuery]) -> SessionFileOut:
        session_id = session_id_from(call.path["session_id"])
        try:
            return file_out(await self.operator.views.session_file(session_id))
        except NotFound:
            just_in = await self._just_in(call.query.garage_id, call.query.plate)
            if just_in is None or just_in.session_id != session_id:
                raise
            return SessionFileOut(
                session=just_in, bills=[], charges=[], prepayments=[], prepayment_refunds=[], corrections=[]
            )

    async def prepay(self, call: Call[PrepaymentIn, Nothing]) -> PrepaymentMade:
        operator, body = self.operator, call.body
        session_id = session_id_from(call.path["session_id"])
        garage_id, number = await self._whereabouts(session_id, body)
        inside = await self._inside(garage_id, number, session_id)
        if inside is None and not await operator.prepayments.find(garage_id, body.prepayment_id):
            raise Conflict("the car is not inside any more")
        now = operator.clock.now()
        prepayment = Prepayment(
            prepayment_id=body.prepayment_id,
            garage_id=garage_id,
            session_id=session_id,
            amount_fen=body.amount_fen,
            method=body.method,
            taken_by=call.who,
            paid_before_fen=body.paid_before_fen,
            needless=inside is not None and await self._is_paid(inside, now),
        )
        prepaid = await operator.prepayments.take(prepayment, now)
        leave_by = await self._tell_gates(inside, prepaid.total) if inside is not None else None
        if leave_by is None:
            await self._report_unused(prepayment, now, fresh=prepaid.fresh)
        if inside is not None and inside.account_id is not None:
            await operator.regrant(inside.account_id)
        return PrepaymentMade(
            prepayment_id=body.prepayment_id,
            session_id=session_id,
            total_fen=prepaid.total.amount_fen,
            replayed=not prepaid.fresh,
            leave_by=leave_by,
        )

    async def summary(self, call: Call[Nothing, SummaryQuery]) -> SummaryOut:
        since = call.query.since or self.operator.clock.now() - SUMMARY_SPAN
        overview = await self.operator.views.overview(since)
        counts = await self.operator.charges.total_summary()
        return SummaryOut(
            since=since,
            events=dict(overview.events),
            sessions_inside=overview.sessions_inside,
            review_items=overview.review_items,
            bills=overview.bills,
            billed_fen=overview.billed_fen,
            credit_notes=overview.credit_notes,
            credited_fen=overview.credited_fen,
            charges=charge_counts(counts),
            oldest_in_doubt_since=oldest_in_doubt(counts),
        )

    async def _report_unused(self, prepayment: Prepayment, now: datetime, *, fresh: bool) -> None:
        """The car had left: a new payment came too late for its bill, a repeated one may have been used."""
        prepayments = self.operator.prepayments
        if fresh:
            await prepayments.report_unused(prepayment, now)
        else:
            await prepayments.report_all_unused(
                now, paid_from=from_ms(0), over_until=now, session_id=prepayment.session_id
            )

    async def _is_paid(self, inside: Session, now: datetime) -> bool:
        """Whether the driver has paid, and has time to leave: another payment is somebody's mistake."""
        if inside.prepaid_until is None or now > inside.prepaid_until:
            return False
        garage = (await self.operator.garages.one(inside.garage_id)).garage
        return garage is not None and fee_of(inside, now, garage) <= inside.prepaid_fen

    async def _tell_gates(self, session: Session, total: Total) -> datetime | None:
        """Until when the car may leave; ``None`` when it had left meanwhile.

        What was told last is what the books say, whoever else takes payments for this car now.
        """
        operator = self.operator
        within = (await operator.garages.one(session.garage_id)).policy.prepaid_exit_within
        while True:
            until = total.last_at + within
            if not await operator.sessions.prepay(
                session, total_fen=total.amount_fen, paid_at=total.last_at, until=until
            ):
                return None
            told, total = total, await operator.prepayments.total(session.session_id)
            if told == total:
                return until

    async def _whereabouts(self, session_id: SessionId, body: PrepaymentIn) -> tuple[GarageId, str]:
        view = await self.operator.views.session(session_id)
        if view is not None:
            return view.garage_id, view.number
        if body.garage_id is None or body.plate is None:
            raise NotFound("there is no such session; if it began just now, name garage and plate")
        garage_id, number = GarageId(body.garage_id), parse_plate(body.plate, Colour.UNKNOWN).number
        if await self._inside(garage_id, number, session_id) is None:
            raise NotFound("there is no such session")
        return garage_id, number

    async def _inside(self, garage_id: GarageId, number: str, session_id: SessionId) -> Session | None:
        session = (await self.operator.sessions.find(garage_id, number)).session
        return session if session is not None and session.session_id == session_id else None

    async def _just_in(self, garage_id: str | None, plate: str | None) -> SessionOut | None:
        if garage_id is None or plate is None:
            return None
        number = parse_plate(plate, Colour.UNKNOWN).number
        session = (await self.operator.sessions.find(GarageId(garage_id), number)).session
        return None if session is None else live_out(session)


def _before(query: SessionQuery) -> SessionPlace:
    if query.cursor is not None:
        entered_at, session_id = read_cursor(query.cursor)
        return SessionPlace(entered_at=entered_at, session_id=session_id_from(session_id))
    if query.entered_before is not None:
        return SessionPlace(entered_at=query.entered_before, session_id=UUID(int=0))
    return LAST_PLACE
