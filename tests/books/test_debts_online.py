"""A debt that is paid by a rail and at a desk at once is paid once, whoever comes first."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from typing_extensions import override

from parking.errors import Conflict, LeaveFirstError, NotFound
from parking.event import Kind
from parking.ids import GarageId, SessionId
from parking.live.granting import LiveDebtors
from parking.plate import Colour, parse_plate
from settlement.books.corrections import BilledStay, Corrections
from settlement.books.debts import DebtPayment
from settlement.books.granting import PostgresGrantBooks
from settlement.correction import Correction
from settlement.debtors import Debtors, DebtorsSettings
from settlement.observe import SilentObserver
from tests.scenarios.stage import PARTITIONS, an_event
from tests.scenarios.test_gates import moment
from tests.scenarios.town import RAIL, TARIFFS, Town, town

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parking.ids import AccountId

EAST = GarageId("east")
OWED_FEN = 1200


async def a_debtor(on: Town) -> tuple[AccountId, str]:
    """An account whose bill the rail has declined, and the reference that the exit shows."""
    on.clock.moment = moment("07:00")
    account_id = await on.register("浙A12345")
    reference = ""
    for name, kind, time in (
        ("e1", Kind.ENTRY, "08:00"),
        ("e2", Kind.EXIT, "09:20"),
        ("e3", Kind.ENTRY, "2/08:00"),
        ("e4", Kind.EXIT, "2/08:10"),
    ):
        on.clock.moment = moment(time)
        answer = await on.gate(replace(an_event(name, kind, at=on.clock.moment), garage_id=EAST))
        reference = answer.decision.reference
        if name == "e2":
            on.clock.moment = moment("09:40")
            await on.ask_rail(paid=False)
    assert reference
    return account_id, reference


def cash(reference: str, payment_id: str) -> DebtPayment:
    return DebtPayment(
        payment_id=payment_id,
        reference=reference,
        collected_at=EAST,
        amount_fen=OWED_FEN,
        method="cash",
        taken_by="test",
    )


@pytest.mark.parametrize("turn", range(4))
async def test_paid_by_rail_and_desk_at_once_the_money_is_kept_once(
    postgres_dsn: str, valkey_url: str, turn: int
) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        account_id, reference = await a_debtor(on)
        refused: list[LeaveFirstError] = []

        async def pay(number: int) -> None:
            try:
                if number % 3 == turn % 3:
                    await on.debts.pay(cash(reference, f"p{number}"), on.clock.now())
                elif number % 3 == 2:
                    await on.ask_rail(paid=True)
                else:
                    await on.debts.send(reference, account_id, on.clock.now())
            except Conflict as error:
                refused.append(error)

        async with asyncio.TaskGroup() as tasks:
            for number in range(9):
                tasks.create_task(pay(number))
        await on.ask_rail(paid=True)
        balances = await on.balances()
        taken = balances.get("gate_cash:east", 0) + balances.get(f"rail_clearing:east/{RAIL}", 0)
        assert (balances["receivable:east"], taken) == (0, OWED_FEN)
        assert (await on.debts.owing(reference)).owed_fen == 0
        assert len(refused) <= 3
        assert await on.violations() == []


async def test_what_the_rail_is_asked_about_cannot_be_paid_beside_it(
    postgres_dsn: str, valkey_url: str
) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        account_id, reference = await a_debtor(on)
        await on.debts.send(reference, account_id, on.clock.now())
        lease = timedelta(minutes=2)
        [attempt] = await on.charges.claim(RAIL, now=on.clock.now(), claimed_max=9, lease=lease)
        assert attempt.number == 2
        with pytest.raises(Conflict):
            await on.debts.pay(cash(reference, "p1"), on.clock.now())
        asked = await on.debts.send(reference, account_id, on.clock.now())
        assert [(bill.state, bill.payable) for bill in asked.bills] == [("sent", False)]
        assert await on.charges.claim(RAIL, now=on.clock.now(), claimed_max=9, lease=lease) == []


async def test_a_bill_collected_at_another_garage_is_corrected_and_both_drivers_are_right(
    postgres_dsn: str, valkey_url: str
) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        _, reference = await a_debtor(on)
        [bill] = (await on.debts.owing(reference)).bills
        payment = replace(cash(reference, "p1"), collected_at=GarageId("west"))
        await on.debts.pay(payment, on.clock.now())
        row = await on.pool.fetchrow(
            "SELECT session_id, entered_at FROM bill WHERE bill_id = $1", bill.bill_id
        )
        assert row is not None
        stay = BilledStay(
            garage_id=EAST,
            entered_at=row["entered_at"],
            session_id=SessionId(row["session_id"]),
            exit_within=timedelta(minutes=15),
        )
        found = Correction(
            correction_id="k1",
            plate=parse_plate("浙B00001", Colour.BLUE),
            reason="seen on the picture",
            corrected_by="Li",
        )
        books = Corrections(on.pool, partition_count=PARTITIONS)
        made = await books.correct(stay, found, TARIFFS, on.clock.now())
        assert made.account_id is None, "nobody had that plate when the car left"
        assert {name: fen for name, fen in (await on.balances()).items() if fen} == {
            "due_from:east/west": OWED_FEN,
            "due_to:west/east": -OWED_FEN,
            "gate_cash:west": OWED_FEN,
            "garage_payable:east": -OWED_FEN,
            "receivable:east": OWED_FEN,
            "refund_payable:east": -OWED_FEN,
        }
        assert await on.violations() == []


async def test_without_an_agreement_or_a_debt_nothing_is_sent(postgres_dsn: str, valkey_url: str) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        account_id, reference = await a_debtor(on)
        with pytest.raises(NotFound):
            await on.debts.send("DNONE", account_id, on.clock.now())
        other = await on.register("浙B00001")
        with pytest.raises(Conflict, match="not a debt of that account"):
            await on.debts.send(reference, other, on.clock.now())
        await on.accounts.agree(account_id, [], on.clock.now())
        with pytest.raises(Conflict, match="no agreement"):
            await on.debts.send(reference, account_id, on.clock.now())
        assert (await on.debts.owing(reference)).owed_fen == OWED_FEN
        assert await on.violations() == []


class Watch(SilentObserver):
    """Remembers what the entries were told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, bool]] = []

    @override
    def debtors_told(self, *, plates: int, left_out: bool) -> None:
        self.told.append((plates, left_out))


async def test_it_is_said_when_more_owe_than_the_entries_may_know(postgres_dsn: str, valkey_url: str) -> None:
    watch = Watch()

    async def regrant(*_: AccountId, unbound_numbers: Sequence[str] = ()) -> None:
        del unbound_numbers

    async with town(postgres_dsn, valkey_url) as on:
        await a_debtor(on)
        on.clock.moment += timedelta(days=2)
        for plates_max in (0, 1):
            await Debtors(
                books=PostgresGrantBooks(on.pool, on.policies, partition_count=PARTITIONS, sources=()),
                notices=LiveDebtors(on.live, partition_count=PARTITIONS),
                clock=on.clock,
                observer=watch,
                settings=DebtorsSettings(plates_max=plates_max),
            ).step(regrant)
    assert watch.told == [(0, True), (1, False)]
