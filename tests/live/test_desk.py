"""The desk where the tables in ``tests/scenarios`` do not reach: crowds, stale catalogs, events set aside."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from parking.case import Timeliness
from parking.decision import Decision, Reason, Verdict
from parking.desk import Desk
from parking.errors import Conflict, Defect, Unavailable
from parking.event import Kind
from parking.fee import fee_of
from parking.foresight import foresee
from parking.garage import LeaveFirst, Policy
from parking.grant import Grant, Granted, GrantReason
from parking.ids import LaneId
from parking.journal import Result
from parking.language import Language
from parking.session import Step
from parking.tariff import Rate, Tariff, TariffSchedule, TariffVersion
from tests.scenarios.stage import GARAGE, MIDNIGHT, ManualClock, an_event, garage_of, stage
from tests.scenarios.tokens import showing, token_of

OPENED = Decision(verdict=Verdict.OPEN, reason=Reason.OUTAGE_POLICY)
HELD = Decision(verdict=Verdict.HOLD, reason=Reason.OUTAGE_POLICY)
EVERYONE = Policy(leave_first=LeaveFirst.EVERYONE)
DEARER = Tariff(tariff_id="dearer", name="Dearer", then=Rate(block_minutes=60, block_price_fen=9900))


async def test_the_same_exit_many_times_at_once_closes_one_session_with_one_answer(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await on.desk.answer(an_event(), garage_of())
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(on.desk.answer(an_event("e2", Kind.EXIT), garage_of())) for _ in range(50)
            ]
        answers = [one.result() for one in asked]
        assert Counter(one.replayed for one in answers) == {False: 1, True: 49}
        assert {replace(one, replayed=False) for one in answers} == {replace(answers[0], replayed=False)}
        assert [one.event.event_id for one in await on.journal()] == ["e1", "e2"]


async def test_different_exits_of_one_car_at_once_close_its_session_once(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await on.desk.answer(an_event(), garage_of())
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(on.desk.answer(an_event(f"x{number}", Kind.EXIT), garage_of()))
                for number in range(20)
            ]
        reasons = Counter(one.result().decision.reason for one in asked)
        assert reasons == {Reason.FREE: 1, Reason.NO_ENTRY: 19}
        steps = Counter(one.step for one in await on.journal())
        assert steps == {Step.ENTERED: 1, Step.LEFT: 1, None: 19}


async def test_an_exit_is_told_in_the_language_of_its_driver_and_elsewhere_in_the_garages(
    valkey_url: str,
) -> None:
    garage = garage_of(Policy(language=Language.ENGLISH))
    leaving = an_event("e2", Kind.EXIT, at=MIDNIGHT + timedelta(hours=1))
    async with stage(valkey_url) as on:
        entered = await on.desk.answer(an_event(), garage)
        assert entered.decision.language is Language.ENGLISH
        session = (await on.sessions.find(garage.garage_id, an_event().plate.number)).session
        assert session is not None
        grant = Grant(
            allowed=True,
            limit_fen=5_000,
            reason=GrantReason.GOOD_STANDING,
            expires_at=MIDNIGHT + timedelta(days=1),
            language=Language.CHINESE,
        )
        await on.grants.give(Granted(session=session, grant=grant))
        on.clock.moment = leaving.captured_at
        foreseen = await foresee(on.sessions, leaving, garage, on.clock.now())
        left = await on.desk.answer(leaving, garage)
        again = await on.desk.answer(leaving, garage_of())
        languages = [one and one.language for one in (foreseen, left.decision, again.decision)]
        assert languages == [Language.CHINESE] * 3
        assert (await on.journal())[0].decision.language is None


async def test_of_many_that_show_one_token_at_once_one_comes_in_and_one_leaves(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        token, until = token_of("T1"), MIDNIGHT + timedelta(minutes=30)
        await on.sessions.issue_tokens(GARAGE, [token], now=MIDNIGHT, until=until)
        for kind in (Kind.ENTRY, Kind.EXIT):
            shown = [showing(an_event(f"{kind}-{number}", kind), token) for number in range(20)]
            async with asyncio.TaskGroup() as tasks:
                asked = [tasks.create_task(on.desk.answer(one, garage_of())) for one in shown]
            answers = Counter(one.result().decision.reason for one in asked)
            opened = Reason.ENTRY if kind is Kind.ENTRY else Reason.FREE
            assert answers == {opened: 1, Reason.TOKEN_REFUSED: 19}
            assert await on.sessions.occupancy(GARAGE) == (kind is Kind.ENTRY)


async def test_a_fleet_passes_side_by_side(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        plates = [f"浙A{number:05}" for number in range(300)]
        for kind in (Kind.ENTRY, Kind.EXIT):
            async with asyncio.TaskGroup() as tasks:
                asked = [
                    tasks.create_task(
                        on.desk.answer(an_event(f"{kind}{plate[2:]}", kind, plate=plate), garage_of())
                    )
                    for plate in plates
                ]
            assert {one.result().decision.verdict for one in asked} == {Verdict.OPEN}
        records = await on.journal()
        assert Counter(one.step for one in records) == {Step.ENTERED: 300, Step.LEFT: 300}
        assert all(one.session is not None and one.session.plate == one.event.plate for one in records)


async def test_the_tariff_of_the_entry_prices_the_stay(valkey_url: str) -> None:
    garage = garage_of(EVERYONE)
    later = TariffVersion(in_force_from=MIDNIGHT + timedelta(hours=1), tariff=DEARER)
    changed = replace(garage, tariffs=TariffSchedule(versions=(*garage.tariffs.versions, later)))
    async with stage(valkey_url) as on:
        await on.desk.answer(an_event(), changed)
        on.clock.moment = MIDNIGHT + timedelta(hours=2)
        left = await on.desk.answer(an_event("e2", Kind.EXIT, at=on.clock.moment), changed)
        assert left.decision.amount_fen == 1600
        await on.desk.answer(an_event("e3", at=on.clock.moment), changed)
        on.clock.moment = MIDNIGHT + timedelta(hours=3)
        left = await on.desk.answer(an_event("e4", Kind.EXIT, at=on.clock.moment), changed)
        assert left.decision.amount_fen == 9900


async def test_a_tariff_that_is_not_known_here_is_a_defect_that_changes_nothing(valkey_url: str) -> None:
    garage = garage_of()
    other = replace(
        garage, tariffs=TariffSchedule(versions=(TariffVersion(in_force_from=MIDNIGHT, tariff=DEARER),))
    )
    async with stage(valkey_url) as on:
        await on.desk.answer(an_event(), garage)
        before = await on.dump()
        with pytest.raises(Defect):
            await on.desk.answer(an_event("e2", Kind.EXIT), other)
        assert await on.dump() == before
        session = (await on.journal())[0].session
        assert session is not None
        assert fee_of(session, MIDNIGHT + timedelta(hours=1), garage) == 800


async def test_a_turn_back_of_a_lane_that_is_gone_is_taken_as_of_one_for_both_directions(
    valkey_url: str,
) -> None:
    garage = garage_of()
    smaller = replace(garage, lanes={LaneId("in-1"): garage.lanes[LaneId("in-1")]})
    async with stage(valkey_url) as on:
        await on.desk.answer(an_event(), garage)
        await on.desk.answer(an_event("e2", Kind.TURN_BACK), smaller, given=HELD)
        assert (await on.journal())[-1].step is Step.ENTRY_UNDONE


async def test_an_answered_event_whose_id_is_taken_is_set_aside_once(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        await on.desk.answer(an_event(), garage_of())
        other = an_event(plate="沪B12345")
        with pytest.raises(Conflict):
            await on.desk.answer(other, garage_of(), given=OPENED)
        for replayed in (False, True):
            assert (await on.desk.set_aside(other, garage_of(), OPENED)).replayed is replayed
        aside = (await on.journal())[1:]
        assert [(one.result, one.event.plate.number, one.decision) for one in aside] == [
            (Result.QUARANTINED, "沪B12345", OPENED)
        ]
        assert aside[0].event.event_id == f"e1#{other.digest()}"


async def test_how_late_is_late_is_a_setting(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        patient = Desk(
            on.sessions, on.clock, Timeliness(late_after=timedelta(hours=1), window=timedelta(hours=2))
        )
        on.clock.moment = MIDNIGHT + timedelta(hours=1)
        assert (await patient.answer(an_event("e1"), garage_of())).decision.reason is Reason.ENTRY
        on.clock.moment += timedelta(milliseconds=1)
        assert (
            await patient.answer(an_event("e2", plate="浙A2"), garage_of())
        ).decision.reason is Reason.LATE
        on.clock.moment += timedelta(hours=1)
        assert (
            await patient.answer(an_event("e3", plate="浙A3"), garage_of())
        ).decision.reason is Reason.TOO_LATE


async def test_without_the_live_store_the_desk_says_so(valkey_url: str) -> None:
    async with stage(valkey_url) as on:
        on.live.stop()
        await asyncio.sleep(0.05)
        with pytest.raises(Unavailable):
            await on.desk.answer(an_event(), garage_of())
        assert Desk(on.sessions, ManualClock()).late(an_event()) is None
