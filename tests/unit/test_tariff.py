"""Tariffs: what is impossible to build, which version is in force, and the id of a version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from parking.errors import InvalidInput
from parking.ids import TariffVersionId
from parking.tariff import FreeRule, Rate, Tariff, TariffSchedule, TariffVersion, Tier, version_id_of

TARIFF = Tariff(
    tariff_id="complex",
    name="Shopping complex",
    free_minutes=30,
    first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
    then=Rate(block_minutes=30, block_price_fen=400),
    cap_fen=6000,
)
NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)

IMPOSSIBLE: list[tuple[str, Callable[[], object]]] = [
    ("block_minutes", lambda: Rate(block_minutes=0, block_price_fen=1)),
    ("block_minutes", lambda: Rate(block_minutes=-30, block_price_fen=1)),
    ("block_minutes", lambda: Rate(block_minutes=1441, block_price_fen=1)),
    ("block_price_fen", lambda: Rate(block_minutes=30, block_price_fen=-1)),
    ("block_price_fen", lambda: Rate(block_minutes=30, block_price_fen=1_000_000_001)),
    ("minutes", lambda: Tier(minutes=0, block_minutes=30, block_price_fen=1)),
    ("minutes", lambda: Tier(minutes=45, block_minutes=30, block_price_fen=1)),
    ("minutes", lambda: Tier(minutes=1500, block_minutes=30, block_price_fen=1)),
    ("cap_fen", lambda: replace(TARIFF, cap_fen=0)),
    ("cap_fen", lambda: replace(TARIFF, cap_fen=799)),
    ("cap_fen", lambda: replace(TARIFF, cap_fen=1_000_000_001)),
    ("free_minutes", lambda: replace(TARIFF, free_minutes=-1)),
    ("free_minutes", lambda: replace(TARIFF, free_minutes=1441)),
    ("currency", lambda: replace(TARIFF, currency="eur")),
    ("zone", lambda: replace(TARIFF, zone="Mars/Olympus")),
    ("tariff_id", lambda: replace(TARIFF, tariff_id="")),
    ("tariff_id", lambda: replace(TARIFF, tariff_id="a@b")),
    ("in_force_from", lambda: TariffVersion(in_force_from=NEW_YEAR.replace(tzinfo=None), tariff=TARIFF)),
    ("versions", lambda: TariffSchedule(versions=())),
    ("versions", lambda: schedule(NEW_YEAR, NEW_YEAR)),
    ("versions", lambda: schedule(NEW_YEAR, NEW_YEAR - timedelta(days=1))),
]


def schedule(*moments: datetime) -> TariffSchedule:
    """Versions beginning at ``moments``, told apart by their cap."""
    return TariffSchedule(
        versions=tuple(
            TariffVersion(in_force_from=moment, tariff=replace(TARIFF, cap_fen=1000 + place))
            for place, moment in enumerate(moments)
        )
    )


@pytest.mark.parametrize(("field", "build"), IMPOSSIBLE)
def test_an_impossible_tariff_cannot_be_built(field: str, build: Callable[[], object]) -> None:
    with pytest.raises(InvalidInput) as refused:
        build()
    assert refused.value.fields == (field,)


@pytest.mark.parametrize(
    ("after", "cap_fen"),
    [
        (timedelta(days=-400), 1000),
        (timedelta(0), 1000),
        (timedelta(days=10, milliseconds=-1), 1000),
        (timedelta(days=10), 1001),
        (timedelta(days=15), 1001),
        (timedelta(days=999), 1002),
    ],
)
def test_the_version_in_force_at_entry_is_the_last_that_has_begun(after: timedelta, cap_fen: int) -> None:
    versions = schedule(NEW_YEAR, NEW_YEAR + timedelta(days=10), NEW_YEAR + timedelta(days=20))
    assert versions.in_force(NEW_YEAR + after).cap_fen == cap_fen


def test_a_version_is_found_by_its_id_also_when_it_is_no_longer_in_force() -> None:
    versions = schedule(NEW_YEAR, NEW_YEAR + timedelta(days=10))
    old = versions.versions[0].tariff
    assert versions.version(version_id_of(old)) == old
    assert versions.version(TariffVersionId("complex@000000000000")) is None


def test_the_id_of_a_version_never_changes() -> None:
    assert version_id_of(TARIFF) == "complex@7a710c47ce3a"


def test_every_change_of_content_is_a_change_of_id() -> None:
    variants = [
        TARIFF,
        replace(TARIFF, name="Mall"),
        replace(TARIFF, zone="Asia/Urumqi"),
        replace(TARIFF, free_minutes=31),
        replace(TARIFF, free_rule=FreeRule.ONLY_REST),
        replace(TARIFF, cap_fen=6001),
        replace(TARIFF, cap_fen=None),
        replace(TARIFF, first=None),
        replace(TARIFF, first=Tier(minutes=120, block_minutes=60, block_price_fen=800)),
        replace(TARIFF, then=Rate(block_minutes=31, block_price_fen=400)),
        replace(TARIFF, then=Rate(block_minutes=30, block_price_fen=401)),
    ]
    for one, other in combinations(variants, 2):
        assert version_id_of(one) != version_id_of(other)
    assert version_id_of(replace(TARIFF)) == version_id_of(TARIFF)
