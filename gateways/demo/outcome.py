"""What came of the day: counted from the archive, the books and the rail's own books, not from hope."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateways.demo.afterwards import WAITING
from gateways.demo.archive import sighting_of
from parking.decision import Reason, Verdict
from parking.errors import Defect
from parking.event import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateways.demo.office import Office
    from gateways.demo.plan import Plan
    from gateways.demo.requests import Requests
    from gateways.demo.stack import Stack
    from gateways.demo.tally import Tally

__all__ = ["Money", "Outcome", "Played", "examine"]

RESULTS: Final = frozenset({"applied", "duplicate", "quarantined"})
IN_DOUBT: Final = WAITING | {"review"}
OURS: Final = "resolve:"
OF_DEVICES: Final = "d-"
"""How names begin that our side gives to the records of devices."""
LEFT_BY: Final = (
    Reason.GRANTED, Reason.PREPAID, Reason.FREE, Reason.PASS, Reason.EXEMPT, Reason.COUPON,
)  # fmt: skip
"""Why exits opened that are not history."""
OK: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What only the playing itself knows."""

    plan: Plan
    tally: Tally
    play_s: float
    repeated: int
    restarts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Where every fen of the bills is; charges by what became of them."""

    billed_fen: int
    """Bills less credit notes."""
    credit_notes: int
    at_exit_fen: int
    collected: int
    collected_fen: int
    debts: int
    """Paid at a later exit, where the driver was held for them."""
    debts_fen: int
    refunded: int
    refunded_fen: int
    unpaid: int
    unpaid_fen: int
    unassigned: int
    unassigned_fen: int
    """Left without an account that could be charged."""
    in_doubt: int
    in_doubt_fen: int

    @property
    def unexplained_fen(self) -> int:
        """0 when it adds up."""
        found_fen = self.at_exit_fen + self.collected_fen + self.debts_fen - self.refunded_fen
        return self.billed_fen - found_fen - self.unpaid_fen - self.unassigned_fen - self.in_doubt_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The whole result."""

    played: Played
    money: Money
    bills: int
    sessions_closed: int
    sessions_inside: int
    review_items: int
    lost: int
    captures: int
    double_charged: int
    checks: int
    imbalance_fen: int
    violations: tuple[Mapping[str, Any], ...]
    verified: bool
    rail_faults: Mapping[str, int]
    decisions: Counter[tuple[Kind, Verdict, Reason]]
    """What gates were answered, as it is archived."""
    owed_by_shops_fen: int
    wall_s: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether nothing is lost, nothing charged twice, no barrier opened for history, the books right."""
        return self.verified and not (
            self.lost
            or self.double_charged
            or self.imbalance_fen
            or self.violations
            or self.played.tally.opened_late
        )

    def because(self, *reasons: Reason, kind: Kind | None = None) -> int:
        """How many first answers gave one of these reasons."""
        return sum(
            many
            for (of, _, reason), many in self.decisions.items()
            if reason in reasons and kind in {None, of}
        )

    def as_json(self) -> str:
        """The result for a program."""
        tally, money, played = self.played.tally, self.money, self.played
        return json.dumps(
            {
                "vehicles": len(played.plan.cars),
                "events_sent": tally.events_sent,
                "open": tally.decided(Verdict.OPEN),
                "hold": tally.decided(Verdict.HOLD),
                "replayed": tally.replayed,
                "unsaid": tally.unsaid,
                "delivered_late": tally.delivered,
                "opened_late": tally.opened_late,
                "sessions_inside": self.sessions_inside,
                "sessions_closed": self.sessions_closed,
                "bills": self.bills,
                "drivers": Counter(car.driver for car in played.plan.cars),
                "left_by": {reason: self.because(reason, kind=Kind.EXIT) for reason in LEFT_BY},
                "coupons_given": tally.coupons,
                "tokens_replaced": tally.replaced,
                "owed_by_shops_fen": self.owed_by_shops_fen,
                "charges_paid": money.collected,
                "charges_unpaid": money.unpaid + money.unassigned,
                "charges_in_doubt": money.in_doubt,
                "lost": self.lost,
                "double_charged": self.double_charged,
                "imbalance_fen": self.imbalance_fen,
                "decision_ms": {"p50": tally.latency_ms(500), "p99": tally.latency_ms(990)},
                "wall_s": round(self.wall_s, 1),
                "events_per_s": round(tally.events_sent / played.play_s),
                "violations": list(self.violations),
            },
            ensure_ascii=False,
        )


async def examine(
    stack: Stack, requests: Requests, office: Office, summary: Mapping[str, Any], played: Played
) -> Outcome:
    """Verify the books, account for every acknowledged event, and read what the rail says."""
    async with asyncio.TaskGroup() as tasks:
        verifying = tasks.create_task(stack.command("verify", "--json"))
        exporting = tasks.create_task(stack.command("export", "events"))
        counting = [
            tasks.create_task(office.count_sessions(garage_id, "closed")) for garage_id in played.plan.garages
        ]
        shops = tasks.create_task(office.owed_by_shops(played.plan.garages))
        movements = tasks.create_task(_rail(stack, requests, "/v1/books"))
        rail_summary = tasks.create_task(_rail(stack, requests, "/v1/books/summary"))
    status, verified = verifying.result()
    verification: Mapping[str, Any] = json.loads(verified)
    captured = _captures(movements.result())
    archived = [one for one in map(json.loads, exporting.result()[1].splitlines()) if _is_of_a_gate(one)]
    return Outcome(
        played=played,
        money=_money(summary, played.tally),
        bills=summary["bills"],
        sessions_closed=sum(counted.result() for counted in counting),
        sessions_inside=summary["sessions_inside"],
        review_items=summary["review_items"],
        lost=_lost(archived, played.tally),
        decisions=Counter(
            (Kind(one["kind"]), Verdict(one["verdict"]), Reason(one["reason"])) for one in archived
        ),
        owed_by_shops_fen=shops.result(),
        captures=captured.total(),
        double_charged=sum(times > 1 for times in captured.values()),
        checks=len(verification["checks"]),
        imbalance_fen=verification["imbalance_fen"],
        violations=tuple(verification["violations"]),
        verified=status == 0,
        rail_faults=json.loads(rail_summary.result())["faults"],
    )


def _captures(movements: bytes) -> Counter[str]:
    """How often the rail took money for each bill."""
    lines = map(json.loads, movements.splitlines())
    return Counter(one["order_key"] for one in lines if one["kind"] == "charge")


def _is_of_a_gate(event: Mapping[str, Any]) -> bool:
    """Whether a gate has sent it, and not we ourselves, to end a stay."""
    return not event["event_id"].startswith(OURS)


def _lost(archived: Sequence[Mapping[str, Any]], tally: Tally) -> int:
    """Acknowledged events that are not in the archive exactly once, with what became of them."""
    kept = [event for event in archived if event["result"] in RESULTS]
    named = Counter((event["garage_id"], event["event_id"]) for event in kept)
    sighted = Counter(sighting_of(event) for event in kept if event["event_id"].startswith(OF_DEVICES))
    missing = [one for one in tally.acknowledged if named[one] != 1]
    differing = sighted.keys() | tally.sighted.keys()
    return len(missing) + sum(abs(sighted[one] - tally.sighted[one]) for one in differing)


def _money(summary: Mapping[str, Any], tally: Tally) -> Money:
    charges: Counter[str] = Counter()
    fen: Counter[str] = Counter()
    for one in summary["charges"]:
        kind = "in_doubt" if one["state"] in IN_DOUBT else one["state"]
        if one["direction"] == "refund" and kind != "in_doubt":
            kind = f"refund_{kind}"
        charges[kind] += one["charges"]
        fen[kind] += one["amount_fen"]
    return Money(
        billed_fen=summary["billed_fen"] - summary["credited_fen"],
        credit_notes=summary["credit_notes"],
        at_exit_fen=tally.payments_fen,
        collected=charges["paid"],
        collected_fen=fen["paid"],
        debts=charges["collected"],
        debts_fen=fen["collected"],
        refunded=charges["refund_paid"],
        refunded_fen=fen["refund_paid"],
        unpaid=charges["unpaid"],
        unpaid_fen=fen["unpaid"],
        unassigned=charges["unassigned"],
        unassigned_fen=fen["unassigned"],
        in_doubt=charges["in_doubt"],
        in_doubt_fen=fen["in_doubt"],
    )


async def _rail(stack: Stack, requests: Requests, path: str) -> bytes:
    reply = await requests.send("GET", stack.rail_url + path, token=stack.rail_secret)
    if reply.status != OK:
        raise Defect(f"the rail does not show its books: {reply.status}")
    return reply.body
