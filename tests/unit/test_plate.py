"""Plates: what is normalised, what is refused, what a number says about its vehicle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parking.errors import InvalidInput
from parking.plate import LENGTH_MAX, UNREADABLE, Colour, Plate, VehicleClass, parse_plate

SPELLINGS = """
    浙A12345          浙A12345
    浙A·12345         浙A12345
    浙A-12345         浙A12345
    浙a.1234b         浙A1234B
    浙Ａ１２３４５    浙A12345
    浙A•12 34_5       浙A12345
    粵Z9065澳         粤Z9065澳
    浙AI2O45          浙A12045
    浙O12345          浙O12345
    浙OI2345          浙O12345
    浙A·DO1234        浙AD01234
    使O14578          使014578
    WJ京O123X         WJ京0123X
    wj·O112345        WJ0112345
    临A1234O          临A1234O
    无IO16V2A         无IO16V2A
    BIO123            BIO123
    ทะเบียน1         ทะเบียน1
    _无_              无
    无牌车            无
    无车牌            无
    unknown           无
"""


@pytest.mark.parametrize("row", SPELLINGS.strip().splitlines())
def test_every_spelling_of_a_plate_becomes_one_number(row: str) -> None:
    *written, expected = row.split()
    assert parse_plate(" ".join(written), Colour.BLUE).number == expected


CLASSES = """
    浙A12345     blue          small
    浙A12345     unknown       small
    浙A12345     yellow        large
    浙A12345     black         foreign_owned
    浙AD1234     green         new_energy
    浙AD12345    green         new_energy
    浙AKF1234    green         new_energy
    浙AD12345    unknown       new_energy
    浙A12345D    yellow_green  new_energy_large
    浙A12345D    green         new_energy_large
    浙A1234挂    yellow        trailer
    浙A1234学    yellow        driving_school
    浙A1234警    white         police
    浙X1234应急  white         emergency
    WJ京1234X    white         armed_police
    WJ0112345    white         armed_police
    KA12345      white         military
    KAI2345      white         military
    KA12345      unknown       other
    KA12345      blue          other
    使014578     black         embassy
    224578使     black         embassy
    沪A1234领    black         consulate
    粤Z1234港    black         hong_kong
    粤Z9065澳    black         macao
    临浙A12345   unknown       temporary
    浙A1234临    unknown       temporary
    无ES16V2A    unknown       unlicensed
    _无_         unknown       unlicensed
    无0123456789ABCDE unknown  token
    无0123456789ABCD unknown   unlicensed
    AD42F3B      unknown       other
    浙A1234      blue          other
    浙I12345     blue          other
    浙AM12345    green         other
    ABC123       blue          other
"""


@pytest.mark.parametrize("row", CLASSES.strip().splitlines())
def test_form_and_colour_say_what_the_vehicle_is(row: str) -> None:
    number, colour, expected = row.split()
    assert parse_plate(number, colour).vehicle_class == VehicleClass(expected)


@pytest.mark.parametrize(
    "number",
    [
        "浙A" + "1" * LENGTH_MAX,
        "1" * 1_000_000,
        "浙A12345\n",
        "浙A\x0012345",
        "浙A1234\ud800",
        "浙A🚗1234",
        "<script>",
        "浙A'--",
        "\ufdfa1234",
        "\u0301",
        "\u03901234",
    ],
)
def test_what_cannot_be_a_plate_is_refused_by_name(number: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_plate(number, Colour.BLUE)
    assert refused.value.fields == ("plate.number",)
    assert number not in str(refused.value)


def test_an_unknown_colour_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_plate("浙A12345", "BLUE")
    assert refused.value.fields == ("plate.colour",)


@pytest.mark.parametrize("number", ["", "   ", "_无_", "无牌"])
def test_an_unreadable_plate_names_no_vehicle(number: str) -> None:
    plate = parse_plate(number, Colour.UNKNOWN)
    assert plate.number == UNREADABLE
    assert not plate.readable
    assert parse_plate("浙A12345", Colour.UNKNOWN).readable


def test_the_same_number_on_another_colour_is_another_plate() -> None:
    assert parse_plate("浙A12345", "blue") != parse_plate("浙A12345", "yellow")
    assert parse_plate("浙A·12345", "blue") == parse_plate("浙A12345", Colour.BLUE)


@pytest.mark.parametrize("number", ["", "浙a12345", "浙A·12345", "1" * 17])
def test_a_plate_cannot_be_built_from_a_number_as_written(number: str) -> None:
    with pytest.raises(InvalidInput):
        Plate(number=number, colour=Colour.BLUE)


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("浙A12345", "浙A·1***5"),
        ("浙AD12345", "浙A·D****5"),
        ("浙A1234警", "浙A·1***警"),
        ("AD42F3B", "A*****B"),
        ("AB1", "***"),
        ("_无_", "无"),
        ("无0123456789ABCDE", "无**************E"),
    ],
)
def test_a_masked_plate_hides_its_middle(number: str, masked: str) -> None:
    assert parse_plate(number, Colour.UNKNOWN).masked == masked


@given(number=st.text(max_size=20), colour=st.sampled_from(Colour))
def test_normalising_twice_changes_nothing(number: str, colour: Colour) -> None:
    try:
        plate = parse_plate(number, colour)
    except InvalidInput:
        return
    assert parse_plate(plate.number, colour) == plate
    assert 1 <= len(plate.number) <= LENGTH_MAX
    assert plate.vehicle_class in VehicleClass
    plate.number.encode()


@given(
    province=st.sampled_from("京浙粤使临无"),
    rest=st.text("AIO01·- iodj警学领港", min_size=1, max_size=9),
    colour=st.sampled_from(Colour),
)
def test_normalising_near_plates_twice_changes_nothing(province: str, rest: str, colour: Colour) -> None:
    plate = parse_plate(province + rest, colour)
    assert parse_plate(plate.number, colour) == plate
