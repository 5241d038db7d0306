"""Every fault of the simulator strikes as announced, is counted, and can be repeated."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateways.rails.simulator.client import SimulatorRail, open_rail_session, open_simulator_rail
from gateways.rails.simulator.faults import DEFAULT, NONE, Fault, Kind, Profile, plan_of
from gateways.rails.simulator.settings import read_profile, read_secrets
from gateways.rails.simulator.statement import read_statement, read_summary
from parking.errors import InvalidInput
from settlement.rail import Accepted, Declined, NotReceived, Paid, Unknown
from tests.gateways.rail_contract import final_answer
from tests.gateways.rail_process import RailProcess, an_order, rail_process, rail_task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from gateways.rails.simulator.wire import Summary

QUICK = """
hang_s = 0.8
slow_s = [0.2, 0.25]
accepted_s = [0.1, 0.2]
"""
CLIENT_TIMEOUT_S = 0.4


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RailProcess]:
    folder = tmp_path_factory.mktemp("rail")
    with rail_process(folder, faults=QUICK, timeout_s=CLIENT_TIMEOUT_S) as process:
        yield process


@pytest.fixture
async def rail(simulator: RailProcess) -> AsyncIterator[SimulatorRail]:
    async with open_simulator_rail(simulator.where) as rail:
        yield rail


async def summary(simulator: RailProcess) -> Summary:
    async with open_rail_session(simulator.where) as session:
        return await read_summary(session, simulator.where)


@pytest.mark.parametrize(
    ("fault", "told", "asked", "told_again"),
    [
        (Fault.RATE_LIMITED, Unknown, NotReceived, Paid),
        (Fault.ERROR_BEFORE_CAPTURE, Unknown, NotReceived, Paid),
        (Fault.TIMEOUT_BEFORE_CAPTURE, Unknown, NotReceived, Paid),
        (Fault.TIMEOUT_AFTER_CAPTURE, Unknown, Paid, Paid),
        (Fault.ERROR_AFTER_CAPTURE, Unknown, Paid, Paid),
        (Fault.SLOW, Paid, Paid, Paid),
        (Fault.DECLINE_SOFT, Declined, Declined, Declined),
        (Fault.DECLINE_SOFT_ONCE, Declined, Declined, Declined),
        (Fault.DECLINE_HARD, Declined, Declined, Declined),
        (Fault.ACCEPTED, Accepted, Accepted, Accepted),
        (Fault.ACCEPTED_THEN_DECLINED, Accepted, Accepted, Accepted),
    ],
)
async def test_a_fault_strikes_once_and_the_attempt_keeps_one_outcome(
    simulator: RailProcess, rail: SimulatorRail, fault: Fault, told: type, asked: type, told_again: type
) -> None:
    before = await summary(simulator)
    order = an_order(f"scripted-{fault}", agreement=f"sim:{fault.replace('_', '-')}")
    started = asyncio.get_running_loop().time()
    assert type(await rail.charge(order)) is told
    took_s = asyncio.get_running_loop().time() - started
    assert type(await rail.charge_state(order.attempt_key)) is asked
    assert type(await rail.charge(order)) is told_again
    after = await summary(simulator)
    assert after.faults[fault] - before.faults.get(fault, 0) == 1
    assert sum(after.faults.values()) - sum(before.faults.values()) == 1
    assert after.charges - before.charges == (told_again is Paid)
    assert (took_s >= 0.2) == (
        fault in {Fault.SLOW, Fault.TIMEOUT_BEFORE_CAPTURE, Fault.TIMEOUT_AFTER_CAPTURE}
    )


@pytest.mark.parametrize(
    ("script", "final"), [("sim:accepted", Paid), ("sim:accepted-then-declined", Declined)]
)
async def test_what_is_accepted_gets_its_outcome_later(rail: SimulatorRail, script: str, final: type) -> None:
    order = an_order(f"later-{final.__name__}", agreement=script)
    assert isinstance(await rail.charge(order), Accepted)
    answer = await final_answer(rail, order.attempt_key)
    assert type(answer) is final
    assert await rail.charge(order) == answer


async def test_what_is_accepted_before_a_restart_is_settled_after_it(tmp_path: Path) -> None:
    order = an_order("over-night", agreement="sim:accepted")
    profile = Profile(accepted_s=(0.3, 0.3))
    async with rail_task(tmp_path, profile) as where, open_simulator_rail(where) as rail:
        assert isinstance(await rail.charge(order), Accepted)
    async with rail_task(tmp_path, profile) as where, open_simulator_rail(where) as rail:
        assert isinstance(await rail.charge_state(order.attempt_key), Accepted)
        assert isinstance(await final_answer(rail, order.attempt_key), Paid)


async def test_a_request_left_hanging_ends_without_an_answer_by_itself(simulator: RailProcess) -> None:
    patient = replace(simulator.where, timeout_s=5.0)
    async with asyncio.timeout(3), open_simulator_rail(patient) as rail:
        answer = await rail.charge(an_order("patient", agreement="sim:timeout-after-capture"))
        assert isinstance(answer, Unknown)
        assert "within" not in answer.detail
        assert isinstance(await rail.charge_state("patient"), Paid)


async def test_a_second_attempt_after_a_doubt_charges_twice_and_the_books_show_it(
    simulator: RailProcess, rail: SimulatorRail
) -> None:
    before = await summary(simulator)
    script, order_key = "sim:error-after-capture", "bill-charged-twice"
    assert isinstance(await rail.charge(an_order("try-1", agreement=script, order_key=order_key)), Unknown)
    assert isinstance(await rail.charge(an_order("try-2", order_key=order_key)), Paid)
    after = await summary(simulator)
    assert after.orders_charged_twice - before.orders_charged_twice == 1
    async with open_rail_session(simulator.where) as session:
        lines = [line async for line in read_statement(session, simulator.where)]
    assert [line.attempt_key for line in lines if line.order_key == order_key] == ["try-1", "try-2"]


async def test_the_same_seed_gives_the_same_day_in_any_order(tmp_path: Path) -> None:
    tenth = (Fault.ERROR_BEFORE_CAPTURE, Fault.DECLINE_SOFT, Fault.ACCEPTED, Fault.ERROR_AFTER_CAPTURE)
    rates = dict.fromkeys(tenth, 0.1) | {Fault.SLOW: 0.2}
    profile = Profile(rates=rates, accepted_s=(5.0, 6.0), slow_s=(0.0, 0.02))
    orders = [an_order(f"seeded-{number}", agreement=f"driver-{number % 40}") for number in range(200)]
    days = []
    for name, sequence in (("forward", orders), ("backward", orders[::-1])):
        async with rail_task(tmp_path / name, profile, seed=7) as where, open_rail_session(where) as session:
            rail = SimulatorRail(session, where)
            async with asyncio.TaskGroup() as tasks:
                charges = {order.attempt_key: tasks.create_task(rail.charge(order)) for order in sequence}
            told = {key: type(charge.result()) for key, charge in charges.items()}
            days.append((told, (await read_summary(session, where)).faults))
    assert days[0] == days[1]
    told, faults = days[0]
    assert set(told.values()) == {Paid, Accepted, Declined, Unknown}
    assert set(faults) == set(rates)


def test_rates_are_kept_and_the_default_is_a_few_per_cent() -> None:
    keys = [f"attempt-{number}" for number in range(5_000)]
    struck = 0
    for key in keys:
        plan = plan_of(DEFAULT, 1, Kind.CHARGE, key, key, key)
        struck += any((plan.before, plan.verdict, plan.after, plan.notice))
    assert 0.02 < struck / len(keys) < 0.06
    half = Profile(rates={Fault.SLOW: 0.5})
    slow = [plan_of(half, 1, Kind.CHARGE, key, key, key).after is Fault.SLOW for key in keys]
    assert 0.46 < sum(slow) / len(keys) < 0.54
    assert slow != [plan_of(half, 2, Kind.CHARGE, key, key, key).after is Fault.SLOW for key in keys]
    assert not any(plan_of(NONE, 1, Kind.CHARGE, key, key, key).after for key in keys)


def test_a_hard_decline_follows_the_agreement_and_spares_refunds() -> None:
    half = Profile(rates={Fault.DECLINE_HARD: 0.5})

    def verdicts(agreement: str, kind: Kind) -> set[Fault | None]:
        return {plan_of(half, 1, kind, f"a{n}", f"o{n}", agreement).verdict for n in range(50)}

    charged = [verdicts(f"driver-{number}", Kind.CHARGE) for number in range(50)]
    assert {len(each) for each in charged} == {1}
    assert set.union(*charged) == {None, Fault.DECLINE_HARD}
    assert verdicts("driver-1", Kind.REFUND) == {None}


@pytest.mark.parametrize(
    "text",
    ["rates = 3", "[rates]\nslow = 2.0", "[rates]\nsluw = 0.1", "hang_s = 0.0", "slow_s = [2.0, 1.0]", "= ="],
)
def test_a_wrong_profile_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_profile(text)


def test_secrets_are_long_lines() -> None:
    assert read_secrets("a-secret-of-some-length\n\nthe-previous-of-some-length\n") == (
        "a-secret-of-some-length",
        "the-previous-of-some-length",
    )
    for text in ("", "short", "long-enough-for-a-secret\nshort"):
        with pytest.raises(InvalidInput):
            read_secrets(text)


async def test_a_refund_on_its_way_is_not_given_twice(rail: SimulatorRail) -> None:
    assert isinstance(await rail.charge(an_order("taken", order_key="bill-back")), Paid)
    under_way = an_order("back-1", agreement="sim:accepted", order_key="bill-back")
    assert isinstance(await rail.refund(under_way), Accepted)
    assert isinstance(await rail.refund(an_order("back-2", order_key="bill-back")), Declined)
