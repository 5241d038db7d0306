"""The files hold on any machine: no package index, no place on somebody's disk, nothing left undone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source import identifier, text_files

if TYPE_CHECKING:
    from pathlib import Path

# One letter of each word stands in brackets, so that this file does not hold what it looks for.
INDEX = re.compile(
    r"[p]ypi\.org|[p]ythonhosted\.org|[n]pmjs\.(?:org|com)|(?:index-ur[l]|find-link[s])[ =]+\S*/"
)
PLACE = re.compile(r"(?<![\w./}$)])/(?:[r]oot|[w]ork|[h]ome|[o]pt|[U]sers)/\w")
UNDONE = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X)\b|type[:] ignore")


@pytest.mark.parametrize("path", text_files(), ids=identifier)
def test_a_file_holds_on_any_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [match.group() for pattern in (INDEX, PLACE, UNDONE) for match in pattern.finditer(text)]
    assert found == []


def test_the_files_looked_at_include_the_lock_and_the_checks() -> None:
    assert {"requirements.lock", "Makefile", ".ci/run"} <= {identifier(path) for path in text_files()}
