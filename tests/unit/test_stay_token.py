"""Tokens of cars without a plate: drawn, read, replaced, and nothing of them in a log."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.logs import mask_plates
from parking.errors import InvalidInput
from parking.plate import parse_plate
from parking.stay_token import STAY_TOKEN_MAX, draw_token, read_token, replaced_token


@given(st.binary(min_size=32, max_size=32))
def test_every_token_is_read_back_and_stands_for_a_plate_of_its_own_class(raw: bytes) -> None:
    token = draw_token(lambda size: raw[:size])
    assert read_token(token.text) == token
    assert len(token.text) == STAY_TOKEN_MAX
    assert token.plate.is_token
    assert parse_plate(token.plate.number, token.plate.colour) == token.plate


def test_a_replaced_token_is_of_the_same_car_and_another_secret() -> None:
    numbers = count(1)

    def draw_bytes(size: int) -> bytes:
        return (next(numbers) << 8 * size - 16).to_bytes(size)

    first = draw_token(draw_bytes)
    second = replaced_token(first.plate.number, draw_bytes)
    assert (second.plate, second.name) == (first.plate, first.name)
    assert second.secret != first.secret
    assert second.digest != first.digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "浙A12345",
        "LF1-0123456789ABCDE",
        "LF1-0123456789ABCDE-0123456789ABCDEFGHJ",
        "LF1-0123456789ABCDE-0123456789ABCDEFGHJKM",
        "LF1-0123456789ABCDI-0123456789ABCDEFGHJK",
        "lf1-0123456789abcde-0123456789abcdefghjk",
        "LF2-0123456789ABCDE-0123456789ABCDEFGHJK",
        "LF1-0123456789ABCDE-0123456789ABCDEFGHJK\n",
    ],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_token(text)
    assert caught.value.fields == ("token",)
    assert not text or text not in str(caught.value)


def test_a_log_shows_neither_a_token_nor_its_name() -> None:
    token = draw_token(lambda size: bytes(range(size)))
    said = mask_plates(None, "info", {"event": f"no {token.text} and {token.plate.number}, but 无牌车"})
    assert said == {"event": "no LF1-*** and 无***, but 无牌车"}
