"""SQL lives in its own files, one statement each, and says what it does and takes."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source import FLOORS, ROOT, identifier, modules

if TYPE_CHECKING:
    from pathlib import Path

    from tests.architecture.source import Module

STATEMENT = re.compile(
    r"""\s*(?:
        select\s+(?:.*\bfrom\b|\d|\$|'|\w+\()
      | insert\s+into\s | update\s+[\w."{}]+\s+set\s | delete\s+from\s | merge\s+into\s
      | with\s+(?:recursive\s+)?\w+\s*(?:\([^)]*\)\s*)?as\s
      | (?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:unique\s+)?
        (?:table|index|view|schema|role|user|database|function|type|extension|trigger|sequence)\b
      | truncate\s+(?:table\s)? | (?:grant|revoke)\s+[\w,\s]+\son\s | copy\s+[\w."{}]+.*\s(?:from|to)\s
      | (?:begin|commit|rollback)\s*;?\s*$ | set\s+(?:local\s+|session\s+)?\w+\s*(?:=|\bto\b)
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
SQL_FILES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.sql"))
STATEMENT_FILES = [path for path in SQL_FILES if path.parent.name == "sql"]


@pytest.mark.parametrize("module", modules(*FLOORS), ids=lambda one: one.name)
def test_python_holds_no_sql(module: Module) -> None:
    assert _statements(module.tree) == []


@pytest.mark.parametrize(
    "text",
    [
        "q = 'SELECT 1'",
        "q = f'select {x} from bills'",
        "q = 'with due as (select 1) update charges set state = 1'",
        "q = '''\\n  INSERT INTO bills VALUES ($1)'''",
        "q = 'create unique index i on t (a)'",
    ],
)
def test_sql_in_python_is_found(text: str) -> None:
    assert _statements(ast.parse(text)) == [1]


@pytest.mark.parametrize(
    "text", ['"""Select from the tariffs."""', "s = 'Select a garage'", "s = 'with care'", "s = 'update'"]
)
def test_prose_is_not_taken_for_sql(text: str) -> None:
    assert _statements(ast.parse(text)) == []


@pytest.mark.parametrize("path", SQL_FILES, ids=identifier)
def test_a_sql_file_begins_by_saying_what_it_does(path: Path) -> None:
    assert re.match(r"-- \w.{10,}", path.read_text(encoding="utf-8")) is not None


@pytest.mark.parametrize("path", STATEMENT_FILES, ids=identifier)
def test_a_sql_file_holds_one_statement(path: Path) -> None:
    assert _bare(path).rstrip().rstrip(";").count(";") == 0


@pytest.mark.parametrize("path", STATEMENT_FILES, ids=identifier)
def test_a_sql_file_names_and_types_its_parameters(path: Path) -> None:
    header = re.findall(r"^-- \$(\d+) [a-z]\w* +\S", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(set(header), key=int) == sorted(set(re.findall(r"\$(\d+)", _bare(path))), key=int)


def _statements(tree: ast.Module) -> list[int]:
    """The lines where a string begins like a statement; docstrings are prose."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [line for line, text in _strings(tree, prose) if STATEMENT.match(text)]


def _strings(tree: ast.Module, prose: set[int]) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    pieces: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                pieces |= {id(one) for one in values}
                found.append((node.lineno, "".join(_piece(one) for one in values)))
            case ast.Constant(value=str(text)) if id(node) not in prose | pieces:
                found.append((node.lineno, text))
    return found


def _piece(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "{}"


def _bare(path: Path) -> str:
    """The statement without comments, quoted text and function bodies."""
    text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    text = re.sub(r"\$(\w*)\$.*?\$\1\$", "''", text, flags=re.DOTALL)
    return re.sub(r"'[^']*'", "''", text)
