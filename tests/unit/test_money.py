"""Money for people."""

from __future__ import annotations

import pytest

from parking.money import yuan


@pytest.mark.parametrize(
    ("amount_fen", "text"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (99, "0.99"),
        (100, "1.00"),
        (2050, "20.50"),
        (-5, "-0.05"),
        (-2050, "-20.50"),
        (10**20 + 1, "1000000000000000000.01"),
    ],
)
def test_fen_are_told_as_yuan(amount_fen: int, text: str) -> None:
    assert yuan(amount_fen) == text
