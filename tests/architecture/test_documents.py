"""What the documents list is what the program knows."""

from __future__ import annotations

import re
from pathlib import Path

from parking.decision import Reason

DOCUMENTS = Path(__file__).parents[2] / "docs"
FIRST_COLUMN = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)


def test_the_gate_api_explains_every_reason_once_and_no_other() -> None:
    text = (DOCUMENTS / "gate-api.md").read_text(encoding="utf-8")
    (table,) = (part for part in text.split("\n\n") if part.startswith("| reason |"))
    assert sorted(FIRST_COLUMN.findall(table)) == sorted(Reason)
