"""Tariff files: what the examples say, and where an error is said to be."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from gateways.tariff_file import load_price_list, load_schedule, load_schedules
from parking.errors import InvalidInput
from parking.plate import Colour
from parking.tariff import FreeRule, Rate, Tariff, Tier

EXAMPLES = Path(__file__).parents[2] / "config" / "tariffs"

WHOLE = """
tariff_id = "test"
name = "Test"
zone = "Asia/Shanghai"

[[versions]]
free_minutes = 30
free_rule = "only_rest"
cap_fen = 6000

[versions.first]
minutes = 60
block_minutes = 60
block_price_fen = 800

[versions.then]
block_minutes = 30
block_price_fen = 400
"""


NIGHT = """
[[versions.windows]]
name = "night"
since = "22:00"
until = "07:00"
flat_fen = 500
"""


def write(folder: Path, text: str, name: str = "test.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_the_tariff_that_it_says(tmp_path: Path) -> None:
    schedule = load_schedule(write(tmp_path, WHOLE))
    assert [version.tariff for version in schedule.versions] == [
        Tariff(
            tariff_id="test",
            name="Test",
            zone="Asia/Shanghai",
            free_minutes=30,
            free_rule=FreeRule.ONLY_REST,
            cap_fen=6000,
            first=Tier(minutes=60, block_minutes=60, block_price_fen=800),
            then=Rate(block_minutes=30, block_price_fen=400),
        )
    ]


def test_the_examples_load_and_change_their_price_at_the_moment_they_say() -> None:
    schedules = load_schedules(EXAMPLES)
    complex_ = schedules["shopping-complex"]
    before = complex_.in_force(datetime.fromisoformat("2024-12-31T23:59:59.999+08:00"))
    after = complex_.in_force(datetime.fromisoformat("2025-01-01T00:00:00+08:00"))
    assert (before.cap_fen, after.cap_fen) == (5000, 6000)


@pytest.mark.parametrize(
    ("said", "instead", "place", "reason"),
    [
        ("block_minutes = 30", "block_minutes = 0", "versions[0].then.block_minutes", "1 to 1440"),
        ("block_minutes = 30", "block_minutes = 30.0", "versions[0].then.block_minutes", "integer"),
        ("block_minutes = 30", "", "versions[0].then.block_minutes", "required"),
        ("block_price_fen = 400", "block_price_fen = true", "versions[0].then.block_price_fen", "integer"),
        ("block_price_fen = 400", "block_price_fen = -1", "versions[0].then.block_price_fen", "0 to"),
        (
            "minutes = 60\nblock_minutes = 60",
            "minutes = 70\nblock_minutes = 60",
            "versions[0].first.minutes",
            "whole",
        ),
        ("cap_fen = 6000", "cap_fen = 799", "versions[0].cap_fen", "below the price of a single block"),
        ("cap_fen = 6000", "cap = 60", "versions[0].cap", "not permitted"),
        ('"only_rest"', '"sometimes"', "versions[0].free_rule", "pay_all"),
        ("free_minutes = 30", "free_minutes = 1441", "versions[0].free_minutes", "0 to 1440"),
        (
            "[[versions]]",
            "[[versions]]\nin_force_from = 2025-01-01T00:00:00",
            "versions[0].in_force_from",
            "offset",
        ),
        ("[[versions]]", "[[versions]]\nin_force_from = 2025-01-01", "versions[0].in_force_from", "datetime"),
        ("Asia/Shanghai", "Asia/Shangri-La", "zone", "time zone"),
        ("Asia/Shanghai", "../../etc/passwd", "zone", "time zone"),
        ("Asia/Shanghai", "Asia", "zone", "time zone"),
        ('"test"', '"Test 1"', "tariff_id", "small letters"),
        ('name = "Test"', 'name = "Test"\ncurrency = "EURO"', "currency", "4217"),
    ],
)
def test_an_error_names_file_place_and_reason(
    tmp_path: Path, said: str, instead: str, place: str, reason: str
) -> None:
    assert said in WHOLE
    path = write(tmp_path, WHOLE.replace(said, instead, 1))
    with pytest.raises(InvalidInput) as refused:
        load_schedule(path)
    assert str(refused.value).startswith(f"{path}: {place}: ")
    assert reason in str(refused.value)
    assert refused.value.fields == (place,)


@pytest.mark.parametrize(
    ("said", "instead", "place", "reason"),
    [
        ('until = "07:00"', "", "", "`since` and `until` go together; midnight is 00:00"),
        ('since = "22:00"', "", "", "`since` and `until` go together; midnight is 00:00"),
        (
            "flat_fen = 500",
            "flat_fen = 500" + NIGHT,
            "[1]",
            "never applies: windows before it have all its time: night",
        ),
        (
            "flat_fen",
            'season = { since = "02-30", until = "05-01" }\nflat_fen',
            "[0].season.since",
            "no such day: 02-30",
        ),
        ("flat_fen", 'days = ["holiday"]\nflat_fen', "[0].days", "the calendar of this list has no such day"),
    ],
)
def test_a_window_that_says_something_in_vain_is_refused_with_its_place(
    tmp_path: Path, said: str, instead: str, place: str, reason: str
) -> None:
    path = write(tmp_path, WHOLE + NIGHT.replace(said, instead, 1))
    with pytest.raises(InvalidInput) as refused:
        load_schedule(path)
    assert str(refused.value).startswith(f"{path}: versions[0].windows{place or '[0]'}: ")
    assert reason in str(refused.value)


EXAMPLE = """
[[examples]]
entry = 2026-03-02T10:00:00
exit = 2026-03-02T12:00:00
price_fen = 1200

[[examples]]
entry = 2026-03-02T10:00:00
exit = 2026-03-02T12:00:00
price_fen = 1200
"""


@pytest.mark.parametrize(
    ("said", "place", "reason"),
    [
        ('plate = "浙A*12"', "examples[1].plate", "'浙A*12': a plate has letters and digits only"),
        ('plate = "浙A12345678901234567"', "examples[1].plate", "too long for a plate"),
        ('colour = "pink"', "examples[1].colour", "'blue'"),
        ("exit = 2026-03-02T09:59:59", "examples[1].exit", "the exit lies before the entry"),
        ("exit = 0001-01-01T00:00:00", "examples[1].exit", "1970 to 2199"),
        ("exit = 9999-12-31T00:00:00", "examples[1].exit", "1970 to 2199"),
        ('exit = "2026-03-02T12:00:00"', "examples[1].exit", "datetime"),
        ('passes = ["2026-03-02T10:00"]', "examples[1].passes[0]", "two moments with a slash between"),
        ('passes = ["2026-03-01/2026-03-02=\\u001b[31m"]', "examples[1].passes[0]", "that can be printed"),
        ('coupons = ["free_stay@\\u001b[31m"]', "examples[1].coupons[0]", "that can be printed"),
        ('passes = ["x/2026-03-02T10:00"]', "examples[1].passes[0]", "not a moment, as 2026-03-02T10:00: x"),
        (
            'passes = ["2026-03-01/2026-03-02", "2026-03-02/2026-03-02"]',
            "examples[1].passes[1]",
            "ends before it begins",
        ),
        ('coupons = ["magic:3"]', "examples[1].coupons[0]", "magic:3: no kind of coupon"),
        (
            'coupons = ["free_stay", "minutes:-1"]',
            "examples[1].coupons[1]",
            "not a whole number of up to 9 digits: '-1'",
        ),
        (f'coupons = ["amount:{"9" * 5000}"]', "examples[1].coupons[0]", "1 to 200 characters"),
        (
            f'coupons = ["amount:{"9" * 10}"]',
            "examples[1].coupons[0]",
            "not a whole number of up to 9 digits",
        ),
        (
            'coupons = ["amount:\u0661\u0662"]',
            "examples[1].coupons[0]",
            "not a whole number of up to 9 digits",
        ),
        (
            'coupons = ["window:2026-03-02T12:00/2026-03-02T11:00"]',
            "examples[1].coupons[0]",
            "ends before it begins",
        ),
        (f"coupons = {['amount:1'] * 9}", "examples[1].coupons", "at most 8 of a stay"),
        (
            'earlier = ["2026-03-02T09:00/2026-03-02T08:00=500"]',
            "examples[1].earlier[0]",
            "ends before it begins",
        ),
        (
            'earlier = ["2026-03-02T08:00/2026-03-02T09:00"]',
            "examples[1].earlier[0]",
            "not a whole number of up to 9 digits: ''",
        ),
        ('coupons = ["free_stay:5"]', "examples[1].coupons[0]", "free_stay:5: a free stay has no number"),
        ('coupons = ["window:2026-03-02/2026-03-02"]', "examples[1].coupons[0]", "ends before it begins"),
        ('earlier = ["2026-03-02/2026-03-02T10:01=0"]', "examples[1].earlier[0]", "ends after the entry"),
        ("price_fen = -1000", "examples[1].price_fen", "greater than or equal to 0"),
        ("price_fen = 12.0", "examples[1].price_fen", "integer"),
    ],
)
def test_a_bad_value_in_an_example_is_named_by_file_place_and_reason(
    tmp_path: Path, said: str, place: str, reason: str
) -> None:
    before, head, last = EXAMPLE.rpartition("[[examples]]\n")
    field = said.partition(" ")[0]
    kept = [line for line in last.splitlines() if not line.startswith(f"{field} ")]
    path = write(tmp_path, "\n".join([WHOLE + before + head + said, *kept]))
    with pytest.raises(InvalidInput) as refused:
        load_price_list(path)
    assert str(refused.value).startswith(f"{path}: {place}: ")
    assert reason in str(refused.value)
    assert refused.value.fields == (place,)


def test_a_currency_of_small_units_has_prices_of_millions(tmp_path: Path) -> None:
    dong = WHOLE.replace("zone =", 'currency = "VND"\nzone =').replace("cap_fen = 6000", "cap_fen = 1500000")
    assert load_schedule(write(tmp_path, dong)).versions[0].tariff.cap_fen == 1_500_000


@pytest.mark.parametrize(
    ("times", "place", "reason"),
    [
        ("entry = 2026-03-29T02:30:00\nexit = 2026-03-29T05:00:00", "entry", "there is no 02:30 on that day"),
        (
            "entry = 2026-10-25T01:30:00\nexit = 2026-10-25T02:30:00",
            "exit",
            "there are two 02:30 on that day",
        ),
    ],
)
def test_an_example_at_a_time_that_the_clock_skips_or_shows_twice_is_refused(
    tmp_path: Path, times: str, place: str, reason: str
) -> None:
    berlin = WHOLE.replace("Asia/Shanghai", "Europe/Berlin")
    path = write(tmp_path, f"{berlin}\n[[examples]]\n{times}\nprice_fen = 0\n")
    with pytest.raises(InvalidInput) as refused:
        load_price_list(path)
    assert str(refused.value).startswith(f"{path}: examples[0].{place}: {reason}")


def test_a_number_in_an_example_is_on_the_ground_that_it_usually_is_on(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE + EXAMPLE + 'plate = "浙AD12345"\n')
    assert [one.stay.plate.colour for one in load_price_list(path).examples] == [Colour.BLUE, Colour.GREEN]


def test_every_error_of_shape_is_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE.replace("block_minutes = 30", "").replace('"only_rest"', "1"))
    with pytest.raises(InvalidInput) as refused:
        load_schedule(path)
    assert refused.value.fields == ("versions[0].then.block_minutes", "versions[0].free_rule")


def test_only_the_first_version_may_have_no_beginning(tmp_path: Path) -> None:
    again = WHOLE[WHOLE.index("[[versions]]") :]
    path = write(tmp_path, WHOLE + again)
    with pytest.raises(InvalidInput, match="only the first version") as refused:
        load_schedule(path)
    assert refused.value.fields == ("versions[1].in_force_from",)


def test_versions_stand_in_the_order_of_their_beginnings(tmp_path: Path) -> None:
    start = "[[versions]]\nin_force_from = 2025-01-01T00:00:00+08:00"
    text = WHOLE.replace("[[versions]]", start)
    path = write(tmp_path, text + text[text.index("[[versions]]") :])
    with pytest.raises(InvalidInput, match="versions: each version begins after"):
        load_schedule(path)


@pytest.mark.parametrize("content", [b"tariff_id = ", b"\xff\xfe", b"versions = []\ntariff_id='a'\nname='a'"])
def test_what_is_no_tariff_at_all_is_an_error_that_names_the_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"broken\.toml: "):
        load_schedule(path)


PRICE, BLOCK = "block_price_fen = 400", "block_minutes = 30"
HOSTILE = {
    "nul": ('"Test"', '"Te\x00st"', "not TOML in UTF-8: "),
    "key twice": ('name = "Test"', 'name = "Test"\nname = "Other"', "not TOML in UTF-8: "),
    "unpaired surrogate": ('"Test"', '"\\ud800"', "not TOML in UTF-8: "),
    "deep list": ("free_minutes = 30", f"free_minutes = {'[' * 5000}{']' * 5000}", "nested too deeply"),
    "deep key": ("free_minutes = 30", f"{'a.' * 3000}b = 1", "versions[0].a: "),
    "number of 5,000 digits": (PRICE, f"block_price_fen = {'9' * 5000}", "not TOML in UTF-8: "),
    "number of 20 digits": (PRICE, f"block_price_fen = {'9' * 20}", "versions[0].then.block_price_fen: 0 to"),
    "a price of ages": (PRICE, "block_price_fen = 1000000001", "versions[0].then.block_price_fen: 0 to"),
    "a bound of ages": ("free_minutes = 30", "total = { minimum_fen = 1000000001 }",
                        "versions[0].total.minimum_fen: 0 to"),
    "a bound below nothing": ("free_minutes = 30", "total = { minimum_fen = -5 }",
                              "versions[0].total.minimum_fen: 0 to"),
    "a most of ages": ("free_minutes = 30", "total = { maximum_fen = 1000000001 }",
                       "versions[0].total.maximum_fen: 0 to"),
    "a day that is a number": ("free_minutes = 30", 'calendar = { holidays = ["86400"] }',
                               "versions[0].calendar.holidays[0]: "),
    "negative": (PRICE, "block_price_fen = -1", "versions[0].then.block_price_fen: 0 to"),
    "fraction": (PRICE, "block_price_fen = 400.0", "versions[0].then.block_price_fen: "),
    "infinity": (PRICE, "block_price_fen = inf", "versions[0].then.block_price_fen: "),
    "text for a number": (PRICE, 'block_price_fen = "400"', "versions[0].then.block_price_fen: "),
    "truth for a number": (PRICE, "block_price_fen = true", "versions[0].then.block_price_fen: "),
    "no time at all": (BLOCK, "block_minutes = 0", "versions[0].then.block_minutes: 1 to"),
    "a block of ages": (BLOCK, f"block_minutes = {10**11}", "versions[0].then.block_minutes: 1 to"),
    "a list for a table": ("[versions.then]", "[[versions.then]]", "versions[0].then: "),
    "no version": ("[[versions]]", "[[others]]", "versions: "),
    "id with a path": ('"test"', '"../../test"', "tariff_id: small letters"),
    "id of nothing": ('"test"', '""', "tariff_id: small letters"),
    "name with an escape": ('"Test"', '"\\u001b[31mTest"', "name: 1 to 200 characters"),
    "name over two lines": ('"Test"', '"Te\\nst"', "name: 1 to 200 characters"),
    "name that is a book": ('"Test"', f'"{"x" * 201}"', "name: 1 to 200 characters"),
    "name of nothing": ('"Test"', '""', "name: 1 to 200 characters"),
    "zone that is none": ("Asia/Shanghai", "Mars/Base", "zone: not a time zone"),
    "zone with a path": ("Asia/Shanghai", "../../etc/passwd", "zone: not a time zone"),
    "zone with a nul": ("Asia/Shanghai", "Asia/Shanghai\\u0000", "zone: not a time zone"),
    "currency that is none": ("zone =", 'currency = "yuan"\nzone =', "currency: no currency"),
    "currency of tests": ("zone =", 'currency = "XTS"\nzone =', "currency: no currency"),
    "gold": ("zone =", 'currency = "XAU"\nzone =', "currency: no currency"),
    "choice that is none": ('"only_rest"', '"only_best"', "versions[0].free_rule: "),
    "cap below a block": ("cap_fen = 6000", "cap_fen = 1", "versions[0].cap_fen: "),
    "tier with half a block": ("minutes = 60\nblock_minutes = 60", "minutes = 61\nblock_minutes = 60",
                               "versions[0].first.minutes: "),
    "longer than any": ('name = "Test"', f'name = "Test"\n# {"x" * 1_100_000}', "longer than 1048576 bytes"),
}  # fmt: skip


@pytest.mark.parametrize("slip", HOSTILE)
def test_what_no_price_list_says_is_one_error_with_file_and_place(tmp_path: Path, slip: str) -> None:
    said, instead, reason = HOSTILE[slip]
    assert said in WHOLE
    path = write(tmp_path, WHOLE.replace(said, instead, 1))
    with pytest.raises(InvalidInput) as refused:
        load_schedule(path)
    told = str(refused.value)
    assert told.startswith(f"{path}: ")
    assert reason in told
    assert len(told) < len(str(path)) + 300


def test_the_mark_that_editors_put_before_a_text_is_no_part_of_it(tmp_path: Path) -> None:
    assert load_schedule(write(tmp_path, f"\ufeff{WHOLE}")) == load_schedule(write(tmp_path, WHOLE, "b.toml"))


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.toml: cannot be read"):
        load_schedule(tmp_path / "absent.toml")


def test_two_files_cannot_define_one_tariff(tmp_path: Path) -> None:
    write(tmp_path, WHOLE, "a.toml")
    write(tmp_path, WHOLE, "b.toml")
    with pytest.raises(InvalidInput, match=r"b\.toml: tariff_id: test is taken"):
        load_schedules(tmp_path)
