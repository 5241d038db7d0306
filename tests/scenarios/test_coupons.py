"""Plays the tables in ``coupons/`` on a real Valkey and a real PostgreSQL: decision, bill and ledger.

They read like those in ``standing/``. ``merchant`` and ``template`` say what a merchant may give; ``give``,
``revoke`` and ``coupon`` name a coupon by its id. In the end every rule of ``verify`` holds.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from typing_extensions import override

from parking.coupon import CouponKind, End
from parking.errors import Conflict
from parking.ids import GarageId
from parking.plate import Colour, parse_plate
from settlement.books.merchants import MerchantPayment
from settlement.books.migrate import owner_connection
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.coupon_desk import Request
from settlement.merchant import (
    Budget,
    BudgetPer,
    CouponId,
    Funding,
    Merchant,
    MerchantId,
    MerchantKey,
    Template,
    TemplateId,
    Window,
    month_of,
)
from settlement.record_books import Tariffs
from settlement.verify import verify
from tests.scenarios.table import Scenario, Step, read_scenarios
from tests.scenarios.test_gates import moment
from tests.scenarios.test_standing import Player
from tests.scenarios.town import TARIFFS, town

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import time

    from parking.ids import TariffVersionId
    from parking.tariff import Tariff
    from settlement.verify import Capture
    from tests.scenarios.town import Town

FOLDER = Path(__file__).parent / "coupons"
SCENARIOS = [(file.stem, one) for file in sorted(FOLDER.glob("*.txt")) for one in read_scenarios(file)]
EAST: Final = GarageId("east")
FREED: Final = """
UPDATE coupon
SET state = 'given', previous_state = 'used', last_step = 'freed', counted_fen = reserved_fen
WHERE state = 'used'
"""


@pytest.mark.parametrize(
    "scenario", [pytest.param(one, id=f"{file}: {one.title}") for file, one in SCENARIOS]
)
async def test_the_scenario_plays_as_written(postgres_dsn: str, valkey_url: str, scenario: Scenario) -> None:
    async with town(postgres_dsn, valkey_url) as on:
        player = CouponPlayer(on)
        played = [(step.line, *await player.play(step)) for step in scenario.steps]
        violations = await broken(on)
    written = [(step.line, " ".join(step.answer), " ".join(step.journal)) for step in scenario.steps]
    assert played == written
    assert violations == set()


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        (FREED, "coupons_stand"),
        ("UPDATE coupon SET counted_fen = counted_fen + 1 WHERE state = 'used'", "coupons_stand"),
        ("UPDATE coupon SET session_id = gen_random_uuid() WHERE state = 'used'", "coupons_stand"),
        ("DELETE FROM coupon_use WHERE released_at IS NULL", "coupons_stand"),
        ("DELETE FROM coupon_use WHERE released_at IS NULL", "bills_priced_again"),
        ("UPDATE coupon_use SET worth_fen = worth_fen + 1", "bills_priced_again"),
        ("UPDATE coupon_use SET released_at = now() WHERE released_at IS NULL", "coupons_follow_bills"),
        ("UPDATE coupon_use SET released_at = released_at + interval '1 s'", "coupons_follow_bills"),
        ("UPDATE coupon_use SET owed_fen = owed_fen + 1", "coupons_are_posted"),
        ("DELETE FROM ledger_entry WHERE kind = 'coupons_funded'", "coupons_are_posted"),
        ("DELETE FROM ledger_entry WHERE kind = 'coupons_released'", "coupons_are_posted"),
        ("UPDATE merchant_payment SET amount_fen = amount_fen + 1", "control_merchant_receivable"),
        ("DELETE FROM ledger_account WHERE starts_with(account, 'merchant')", "control_merchant_receivable"),
        ("UPDATE ledger_entry SET debit_account = 'receivable:east' WHERE kind = 'coupons_funded'",
         "entries_between_right_accounts"),
        ("UPDATE ledger_entry SET debit_account = 'gate_cash:west' WHERE kind = 'merchant_paid'",
         "entries_between_right_accounts"),
    ],
)  # fmt: skip
async def test_tampering_with_coupons_is_found(
    postgres_dsn: str, valkey_url: str, tampering: str, check: str
) -> None:
    (story,) = [one for _, one in SCENARIOS if "for the end of the day" in one.title]
    async with town(postgres_dsn, valkey_url) as on, owner_connection(postgres_dsn) as owner:
        player = CouponPlayer(on)
        for step in story.steps:
            await player.play(step)
        assert await broken(on) == set()
        assert await owner.execute(tampering) not in {"DELETE 0", "UPDATE 0"}
        assert check in await broken(on)


async def broken(on: Town) -> set[str]:
    """The checks that find something, of the tables and of the prices."""

    async def read_nothing() -> dict[str, list[Capture]]:
        return {}

    found = await verify(PostgresVerifiableBooks(on.pool), TownTariffs(), read_nothing)
    return {one.check for one in found.violations}


class TownTariffs(Tariffs):
    """The one tariff of the town."""

    @override
    async def of(self, version_ids: set[TariffVersionId]) -> Mapping[TariffVersionId, Tariff]:
        return TARIFFS


class CouponPlayer(Player):
    """Plays what merchants do, the shop where none is named, and all that happens at the gates."""

    async def _merchant(self, step: Step) -> str:
        options = step.options
        merchant = Merchant(
            key=_key(step),
            name="Shop",
            budget=Budget(
                fen=_number(options, "budget"),
                coupons=_number(options, "coupons"),
                per=BudgetPer(options.get("per", "month")),
            ),
            funding=Funding(options.get("funding", "worth")),
        )
        await self._on.merchants.put(merchant, self._on.clock.now())
        return "put"

    async def _template(self, step: Step) -> str:
        options = step.options
        opens, _, closes = options.get("window", "").partition("-")
        template = Template(
            template_id=TemplateId(options["of"]),
            name=options["of"],
            kind=CouponKind(options["kind"]),
            minutes=int(options.get("minutes", "0")),
            off=End(options.get("off", "end")),
            window=Window(opens=_time(opens), closes=_time(closes)) if closes else None,
            amount_fen=int(options.get("fen", "0")),
            percent=int(options.get("percent", "0")),
            funded_max_fen=_number(options, "max"),
            face_fen=int(options.get("face", "0")),
            valid_for=timedelta(minutes=int(options.get("valid", "1440"))),
            per_stay_max=int(options.get("stay", "1")),
        )
        await self._on.merchants.put_template(_key(step), template, self._on.clock.now())
        return "put"

    async def _give(self, step: Step) -> str:
        options = step.options
        only = self._sessions[options["stay"]] if "stay" in options else None
        request = Request(
            key=_key(step),
            coupon_id=CouponId(options["id"]),
            template_id=TemplateId(options["of"]),
            number=parse_plate(step.plate, Colour.UNKNOWN).number,
            only_session_id=only,
            given_by="till",
        )
        try:
            given = await self._on.coupons.give(request)
        except Conflict as refused:
            return f"refused: {refused}"
        return "given" if given.fresh else "given before"

    async def _revoke(self, step: Step) -> str:
        try:
            coupon = await self._on.coupons.revoke(_key(step), CouponId(step.options["id"]))
        except Conflict as refused:
            return f"refused: {refused}"
        return coupon.state.value

    async def _coupon(self, step: Step) -> str:
        """How a coupon stands."""
        books, key = self._on.coupons.books, _key(step)
        await books.expire(key, self._on.clock.now())
        coupon = await books.find(key, CouponId(step.options["id"]))
        return coupon.state.value + (f" owed={coupon.owed_fen}" if coupon.owed_fen else "")

    async def _budget(self, step: Step) -> str:
        """What counts against it now."""
        merchant = await self._on.merchants.one(_key(step))
        counted = await self._on.merchants.counted(merchant, self._on.clock.now())
        return f"fen={counted.fen} coupons={counted.coupons}"

    async def _statement(self, step: Step) -> str:
        on = self._on
        merchant = await on.merchants.one(_key(step))
        found = await on.merchants.statement(merchant, month_of(on.clock.now(), merchant.zone))
        counts = f"given={found.given} used={found.uses} freed={found.freed}"
        counts += f" revoked={found.revoked} expired={found.expired}"
        return f"{counts} paid={found.paid_fen} owed={found.closing_fen}"

    async def _settles(self, step: Step) -> str:
        """A merchant pays the garage."""
        payment = MerchantPayment(
            key=_key(step),
            payment_id=step.options["id"],
            amount_fen=int(step.options["fen"]),
            method="transfer",
            recorded_by="Li",
        )
        return "paid" if await self._on.merchants.pay(payment, self._on.clock.now()) else "paid before"


def _key(step: Step) -> MerchantKey:
    return MerchantKey(garage_id=EAST, merchant_id=MerchantId(step.options.get("by", "shop")))


def _number(options: dict[str, str], name: str) -> int | None:
    return int(options[name]) if name in options else None


def _time(clock: str) -> time:
    return moment(clock).time()
