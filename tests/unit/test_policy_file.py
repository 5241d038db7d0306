"""Policies on credit as files: the shipped one, and errors that name file, place and reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateways.policy_file import POLICY_TEXTS, load_policy
from parking.errors import InvalidInput
from settlement.policy import STANDARD

SHIPPED = Path(__file__).parents[2] / "config" / "policy"
GOOD = (SHIPPED / "standard.toml").read_text(encoding="utf-8")


def test_the_shipped_policy_is_the_one_in_force_where_no_other_is() -> None:
    assert load_policy(SHIPPED / "standard.toml") == STANDARD


def test_a_policy_reads_back_as_it_was_written() -> None:
    assert POLICY_TEXTS.read(POLICY_TEXTS.text(STANDARD)) == STANDARD


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (('pay_within = "24h"', 'pay_within = "a day"'), "pay_within: "),
        (('scope = "operator" ', 'scope = "city" '), "suspend.scope: "),
        (("from_bills = 1", "from_bills = 0"), "suspend.from_bills: 1 or more"),
        (("from_fen = 500", "from_fen = 0"), "returning.1.from_fen: an amount above zero"),
        (("from_fen = 500", "from_fen = true"), "returning.1.from_fen: "),
        (('entry = "pay"', 'entry = "shoot"'), "returning.2.entry: "),
        (
            ("entry_refused_from_fen = 20000", "entry_refused_from_fen = 20001"),
            "returning.2.from_fen: entry is not refused for less than 20001 fen",
        ),
        (("policy_id", "policy"), "policy_id: "),
        (("[suspend]", "[suspend"), "not TOML in UTF-8: "),
    ],
)
def test_a_mistake_is_named_by_file_place_and_reason(
    tmp_path: Path, change: tuple[str, str], place: str
) -> None:
    path = tmp_path / "mine.toml"
    assert change[0] in GOOD
    path.write_text(GOOD.replace(*change, 1), encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        load_policy(path)
    assert str(refused.value).startswith(f"{path}: {place}")
