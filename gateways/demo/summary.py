"""The last screen: what happened at the barriers and to the money, what went wrong, and the proof."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from gateways.demo.drivers import Driver, Incident
from gateways.demo.steps import Deliver
from parking.decision import Reason, Verdict
from parking.event import Kind
from parking.money import yuan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console

    from gateways.demo.outcome import Outcome

__all__ = ["show"]

OPENED: Final = {
    "came in": (Kind.ENTRY, (Reason.ENTRY, Reason.DUPLICATE_ENTRY)),
    "left first, to pay later": (Kind.EXIT, (Reason.GRANTED, Reason.EVERYONE)),
    "left free of charge": (Kind.EXIT, (Reason.FREE,)),
    "left on a pass": (Kind.EXIT, (Reason.PASS,)),
    "left exempt": (Kind.EXIT, (Reason.EXEMPT,)),
    "left free by a merchant's coupon": (Kind.EXIT, (Reason.COUPON,)),
    "left after paying inside, or at the exit": (Kind.EXIT, (Reason.PREPAID,)),
    "left with a plate that nobody could read surely": (
        Kind.EXIT,
        (Reason.LOW_CONFIDENCE, Reason.UNREADABLE),
    ),
    "passed while a store was away": (None, (Reason.OUTAGE_POLICY,)),
}
HELD: Final = {
    "not registered: pay first": (Kind.EXIT, (Reason.NO_GRANT,)),
    "fee above the driver's limit: pay first": (Kind.EXIT, (Reason.OVER_LIMIT,)),
    "turned back": (Kind.TURN_BACK, (Reason.TURN_BACK, Reason.NO_PASSAGE)),
    "owes for an earlier stay: pay that first": (Kind.EXIT, (Reason.DEBT,)),
    "never seen entering": (Kind.EXIT, (Reason.NO_ENTRY,)),
}
HISTORY: Final = (Reason.LATE, Reason.TOO_LATE, Reason.CLOCK)
AT_THE_GATES: Final = {
    Incident.MISREAD: "plate misread at the exit",
    Incident.MISREAD_ALIKE: "a sign taken for one that looks like it",
    Incident.TURNED_BACK_AT_ENTRY: "turned back at the entry",
    Incident.TURNED_BACK_AT_EXIT: "turned back at the exit",
    Incident.TURNED_BACK_TOLD_LATE: "turned back, reported after the fee was collected",
    Incident.SENT_TWICE: "messages repeated at once",
    Incident.SENT_AGAIN: "message repeated minutes later",
    Incident.READ_TWICE: "read twice at the entry",
    Incident.DELIVERED_LATE: "exit reported late",
    Incident.NEVER_LEFT: "never left",
}


DRIVERS: Final = {
    Driver.UNREGISTERED: "not registered, pay at the exit",
    Driver.PAYS_INSIDE: "not registered, pay inside",
    Driver.LOW_LIMIT: "registered with a low limit",
    Driver.PASS: "with a monthly pass",
    Driver.PASS_SHARED: "with a pass whose place two plates share",
    Driver.PASS_SURPLUS: "found that place taken, and paid as visitors",
    Driver.EXEMPT_CLASS: "exempt by their class",
    Driver.EXEMPT_LISTED: "exempt by a list",
    Driver.COUPON: "with a coupon of a shop",
    Driver.DEBTOR: "owing since the day before",
    Driver.TOKEN: "without a plate, by a code of their account",
    Driver.TOKEN_LOST: "without a plate, lost the lane's code, and pay at the exit",
}


def show(outcome: Outcome, console: Console) -> None:
    """Print it."""
    for title, rows in (
        ("The drivers", _drivers(outcome)),
        ("At the barriers", _barriers(outcome)),
        ("The money, in yuan", _money(outcome)),
        ("What went wrong, on purpose", _troubles(outcome)),
        ("Proof", _proof(outcome)),
    ):
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", min_width=14)
        table.add_column(overflow="fold")
        for figure, words in rows:
            table.add_row(figure, words)
        console.print()
        console.print(Text(title, style="bold"))
        console.print(table)
    console.print()


def _drivers(outcome: Outcome) -> Iterable[tuple[str, str]]:
    cars = outcome.played.plan.cars
    yield f"{len(cars):,}", "cars, most of them of registered drivers who leave first"
    drivers = Counter(car.driver for car in cars)
    for driver, words in DRIVERS.items():
        yield "", f"{drivers[driver]:>7,}  {words}"


def _barriers(outcome: Outcome) -> Iterable[tuple[str, str]]:
    tally = outcome.played.tally
    opened = tally.decided(Verdict.OPEN)
    yield f"{opened:,}", "times a barrier opened"
    yield from _reasons(outcome, OPENED)
    held = tally.decided(Verdict.HOLD) - outcome.because(*HISTORY)
    yield f"{held:,}", "times it stayed shut"
    yield from _reasons(outcome, HELD)
    yield f"{outcome.because(*HISTORY):,}", "reported when the car had passed: booked, and no barrier moved"
    yield f"{tally.replayed:,}", "repeated messages, answered as the first time, without any effect"
    rate = tally.events_sent / outcome.played.play_s
    within = f"99 % within {tally.latency_ms(990):.1f} ms, at {rate:,.0f} messages/s"
    yield f"{tally.latency_ms(500):.1f} ms", f"until half of the answers were back; {within}"


def _reasons(
    outcome: Outcome, named: Mapping[str, tuple[Kind | None, tuple[Reason, ...]]]
) -> Iterable[tuple[str, str]]:
    for words, (kind, reasons) in named.items():
        many = outcome.because(*reasons, kind=kind)
        if many:
            yield "", f"{many:>7,}  {words}"


def _money(outcome: Outcome) -> Iterable[tuple[str, str]]:
    money, payments = outcome.money, outcome.played.tally.payments
    yield _yuan(money.billed_fen), f"{outcome.bills:>7,}  bills, less {money.credit_notes:,} taken back"
    yield f"= {_yuan(money.at_exit_fen)}", f"{payments:>7,}  paid inside or at the exit, before leaving"
    yield f"+ {_yuan(money.collected_fen)}", f"{money.collected:>7,}  collected after the car had left"
    yield (
        f"+ {_yuan(money.debts_fen)}",
        f"{money.debts:>7,}  owed since the day before, paid at the next exit",
    )
    yield f"- {_yuan(money.refunded_fen)}", f"{money.refunded:>7,}  given back"
    yield f"+ {_yuan(money.unpaid_fen)}", f"{money.unpaid:>7,}  declined by the rail for good: unpaid"
    unknown = "left while a line was down, without an account to charge"
    yield f"+ {_yuan(money.unassigned_fen)}", f"{money.unassigned:>7,}  {unknown}"
    yield f"+ {_yuan(money.in_doubt_fen)}", f"{money.in_doubt:>7,}  in doubt"
    if money.unexplained_fen:
        yield f"+ {_yuan(money.unexplained_fen)}", f"{'':>7}  difference: paid before leaving, and not used"
    coupons = f"{outcome.played.tally.coupons:>7,}  coupons given: what their shops owe the garages"
    yield _yuan(outcome.owed_by_shops_fen), coupons


def _yuan(amount_fen: int) -> str:
    whole, _, rest = yuan(amount_fen).partition(".")
    return f"{int(whole):,}.{rest}"


def _troubles(outcome: Outcome) -> Iterable[tuple[str, str]]:
    played = outcome.played
    incidents = Counter(car.incident for car in played.plan.cars)
    cut_off = sum(len(step.act.events) for step in played.plan.steps if isinstance(step.act, Deliver))
    gates = {words: incidents[one] for one, words in AT_THE_GATES.items()}
    yield "gates", _list(gates | {"left while the lane's line was down": cut_off})
    if played.tally.unsaid:
        yield "", f"{played.tally.unsaid:,} × turned back, which the cameras there have no way to say"
    rail = sorted(outcome.rail_faults.items(), key=lambda fault: -fault[1])
    yield "payment rail", _list({name.replace("_", " "): many for name, many in rail})
    yield "processes", _list({"started again": played.restarts, "request repeated": played.repeated})
    tally = played.tally
    yield "misread plates", f"{tally.matched:,} × matched by themselves with the only car that it could be"
    settled = f"{tally.resolved:,} × plate matched from the picture"
    if tally.corrected:
        settled = f"{settled} · {tally.corrected:,} × bill put right after turning back"
    if tally.replaced:
        settled = f"{settled} · {tally.replaced:,} × lost code replaced, by time and picture of the entry"
    yield "attendants", f"{settled} · {outcome.review_items:,} × left to do"


def _list(troubles: Mapping[str, int]) -> str:
    return " · ".join(f"{many:,} × {name}" for name, many in troubles.items() if many) or "nothing"


def _proof(outcome: Outcome) -> Iterable[tuple[str, str]]:
    tally, lost = outcome.played.tally, outcome.lost
    acknowledged = len(tally.acknowledged) + tally.sighted.total()
    kept = f"{acknowledged - lost:,} of {acknowledged:,} acknowledged events are in the archive exactly once"
    yield _mark(is_good=not lost), f"nothing lost: {kept}"
    late = (
        f"{tally.delivered:,} records of lines that were down, {tally.opened_late:,} times a barrier opened"
    )
    yield _mark(is_good=not tally.opened_late), f"history opens nothing: {late}"
    inside = f"cars inside as far as the books know: {outcome.sessions_inside:,}"
    yield "", inside
    twice = (
        f"{outcome.captures:,} payments in the rail's own books, {outcome.double_charged:,} bills paid twice"
    )
    yield _mark(is_good=not outcome.double_charged), f"nobody charged twice: {twice}"
    is_right = outcome.verified and not outcome.violations and not outcome.imbalance_fen
    found = f"{outcome.checks:,} checks, {len(outcome.violations):,} violations"
    ledger = f"the ledger is out by {yuan(outcome.imbalance_fen)}"
    yield _mark(is_good=is_right), f"the books are right: {found}, {ledger}"
    for violation in outcome.violations[:10]:
        yield "", f"{violation.get('check')}: {violation.get('item_id')}: {violation.get('explanation')}"


def _mark(*, is_good: bool) -> str:
    return "[green]✓[/green]" if is_good else "[bold red]✗[/bold red]"
