"""Frames of display and voice boards, against recorded ones."""

from __future__ import annotations

import pytest

from gateways.gates.boards import BOARDS, aa55_frame, ff64_frame


@pytest.mark.parametrize(
    ("number", "command", "data", "recorded"),
    [
        (0x01, 0x22, "0B", "AA550164002200010B0776AF"),
        (0x1F, 0x22, "D4C142313233343501", "AA551F6400220009D4C1423132333435012AA6AF"),
        (0x01, 0x26, "010002004343434343", "AA55016400260009010002004343434343C5F0AF"),
        (0x01, 0x27, "01000100CDA3B3B5B2E2CAD4", "AA5501640027000C01000100CDA3B3B5B2E2CAD4B167AF"),
    ],
)
def test_a_frame_of_the_first_family_is_the_recorded_one(
    number: int, command: int, data: str, recorded: str
) -> None:
    assert aa55_frame(number, command, bytes.fromhex(data)) == bytes.fromhex(recorded)


@pytest.mark.parametrize(
    ("command", "data", "recorded"),
    [
        (0x30, "01BBB6D3ADB9E2C1D92CC7EBC8EBB3A1CDA3B3B5", "A936"),
        (0x3F, "4000000048656C6C6F20776F726C6421", "EA28"),
        (0x00, "313539373533", "FB06"),
    ],
)
def test_a_frame_of_the_second_family_has_the_recorded_check(command: int, data: str, recorded: str) -> None:
    assert ff64_frame(command, bytes.fromhex(data))[-2:] == bytes.fromhex(recorded)


def test_a_line_and_a_sentence_are_the_recorded_frames() -> None:
    frames = BOARDS["64ff"](["欢迎光临请入场停车"], "欢迎光临,请入场停车")
    assert [frame.hex().upper() for frame in frames] == [
        "0064FFFF6225001501000215010300FF000000000000001200BBB6D3ADB9E2C1D9C7EBC8EBB3A1CDA3B3B5F4F5",
        "0064FFFF301401BBB6D3ADB9E2C1D92CC7EBC8EBB3A1CDA3B3B5A936",
    ]


@pytest.mark.parametrize("family", sorted(BOARDS))
def test_what_is_too_long_is_cut_between_signs_and_what_is_not_gbk_is_replaced(family: str) -> None:
    frames = BOARDS[family](["牌" * 500, "a" + "牌" * 500, "🅿"], "")
    assert [len(frame) < 200 for frame in frames] == [True, True, True]
    assert "牌".encode("gbk") * 60 in frames[0]
    assert b"a" + "牌".encode("gbk") * 59 in frames[1]
    assert b"?" in frames[2]
    assert len(BOARDS[family](["x"] * 9, "y")) == 5
