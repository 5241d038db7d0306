"""What the books cannot hold is refused at the door, whoever sends it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateways.gates.native.wire import CandidateIn
from gateways.web.account_wire import AccountIn, AgreementIn
from gateways.web.session_wire import ResolutionIn, ResolveAction


@pytest.mark.parametrize("character", ["\0", "\n", "\x1f", "\x7f"])
def test_names_and_readings_hold_no_control_characters(character: str) -> None:
    for text in (character, f"A{character}", f"{character}B", f"A{character}B"):
        with pytest.raises(ValidationError):
            CandidateIn(number=text, confidence=0.5)
        with pytest.raises(ValidationError):
            AccountIn(holder=text, limit_fen=1, exposure_limit_fen=1)
        with pytest.raises(ValidationError):
            AgreementIn(rail="sim", reference=text)


def test_a_note_may_have_lines_and_no_nul() -> None:
    assert ResolutionIn(action=ResolveAction.DISMISS, note="one\ntwo").note == "one\ntwo"
    with pytest.raises(ValidationError):
        ResolutionIn(action=ResolveAction.DISMISS, note="a\0b")


def test_what_people_write_is_taken() -> None:
    assert CandidateIn(number="浙A1234?", confidence=0.5).number == "浙A1234?"
    assert CandidateIn(number="", confidence=0.5).number == ""
    assert (
        AccountIn(holder="Müller & Söhne 王", limit_fen=1, exposure_limit_fen=1).holder == "Müller & Söhne 王"
    )
