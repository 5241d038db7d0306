"""The price lists that ship: their own examples hold, and the schema for editors is the one of the loader."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from datetime import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateways.commands.tariff import tariff_command
from gateways.tariff_file import load_price_list, load_schedules, tariff_schema
from gateways.tariff_tables import BUILDS, CalendarTable, Table, TariffTable
from parking.tariff import Tariff

CONFIG = Path(__file__).parents[2] / "config"
SHIPPED = sorted((CONFIG / "tariffs").glob("*.toml"))
EXAMPLES_MIN = 5


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_examples_of_a_shipped_list_cost_what_they_say(path: Path) -> None:
    ran = CliRunner().invoke(tariff_command, ["check", str(path)])
    assert (ran.exit_code, ran.output.endswith("examples as written\n")) == (0, True), ran.output
    assert len(load_price_list(path).examples) >= EXAMPLES_MIN


def test_every_shipped_list_has_an_id_of_its_own() -> None:
    assert len(load_schedules(CONFIG / "tariffs")) == len(SHIPPED) >= 8


def test_the_schema_for_editors_is_current() -> None:
    shipped = json.loads((CONFIG / "tariff.schema.json").read_text(encoding="utf-8"))
    assert shipped == tariff_schema(), "leave-first tariff schema > config/tariff.schema.json"


@pytest.mark.parametrize(
    ("table", "value"), [*BUILDS.items(), (TariffTable, Tariff)], ids=lambda one: one.__name__
)
def test_a_table_has_the_fields_and_defaults_of_its_value(table: type[Table], value: type) -> None:
    whole_file = {"tariff_id", "name", "zone", "currency"} if value is Tariff else set()
    ours = {one.name: one.default for one in fields(value) if one.name not in whole_file}
    theirs = dict(table.model_fields)
    assert theirs.keys() == ours.keys()
    for name, default in ours.items():
        if default is MISSING:
            assert theirs[name].is_required(), name
        elif isinstance(default, str | int | tuple | time | None):
            assert theirs[name].default == default, name
        else:
            said = theirs[name].default
            assert isinstance(said, CalendarTable | Table), name


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("[2026]", "[2026, 2099]", "years: the calendar of 2099 is not published yet"),
        ("[2026]", "[0]", "years: not in the years 1970 to 2199: 0"),
        ("[2026]", f"[{10**20}]", f"years: not in the years 1970 to 2199: {10**20}"),
        ('"CN"', '"__class__"', "region: no country, or no part of one, that is known"),
    ],
)
def test_a_calendar_that_is_not_known_is_refused_by_name(
    tmp_path: Path, said: str, instead: str, told: str
) -> None:
    text = (CONFIG / "tariffs" / "office.toml").read_text(encoding="utf-8")
    path = tmp_path / "office.toml"
    path.write_text(text.replace(said, instead), encoding="utf-8")
    ran = CliRunner().invoke(tariff_command, ["check", str(path)])
    assert (ran.exit_code, ran.output) == (1, f"Error: {path}: versions[0].calendar.{told}\n")
