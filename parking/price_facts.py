"""What else settles the price of a stay, in the text forms that the live store and the books keep.

``earlier`` are the visits that a stay continues: ``[entered,left,fen]``, joined by commas. ``changes`` are
those of the price list within a stay that it splits: ``[at,"version"]``, likewise. Times are milliseconds
since 1970.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from parking.clock import from_ms, to_ms
from parking.errors import InvalidInput
from parking.ids import TariffVersionId
from parking.pricing import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from parking.tariff import Tariff

One = TypeVar("One")

__all__ = ["PriceChange", "changes_text", "continued", "earlier_text", "parse_changes", "parse_earlier"]

VISITS_MAX: Final = 8
"""How far back a stay goes on, as in the live store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """Another version of the price list, in force from a moment within the stay."""

    at: datetime
    tariff_version_id: TariffVersionId


def continued(
    earlier: tuple[Visit, ...], last: Visit, entered_at: datetime, tariff: Tariff
) -> tuple[Visit, ...]:
    """The visits that a stay continues which begins at ``entered_at``, as the live store finds them.

    ``last`` is the visit before, which continued ``earlier``; empty where the stay begins anew.
    """
    away, within = entered_at - last.left_at, timedelta(minutes=tariff.reentry_minutes)
    goes_on = within and timedelta(0) <= away <= within and len(earlier) < VISITS_MAX
    return (*earlier, last) if goes_on else ()


def earlier_text(earlier: Sequence[Visit]) -> str:
    """Visits as text, oldest first; empty for none."""
    return ",".join([f"[{to_ms(one.entered_at)},{to_ms(one.left_at)},{one.amount_fen}]" for one in earlier])


def parse_earlier(text: str) -> tuple[Visit, ...]:
    """The inverse of :func:`earlier_text`; :class:`InvalidInput` for any other text."""
    return _parsed(text, "earlier", _visit)


def changes_text(changes: Sequence[PriceChange]) -> str:
    """Changes as text, oldest first; empty for none."""
    return ",".join([f"[{to_ms(one.at)},{json.dumps(one.tariff_version_id)}]" for one in changes])


def parse_changes(text: str) -> tuple[PriceChange, ...]:
    """The inverse of :func:`changes_text`; :class:`InvalidInput` for any other text."""
    return _parsed(text, "changes", _change)


def _parsed(text: str, name: str, read: Callable[..., One]) -> tuple[One, ...]:
    try:
        return tuple([read(*one) for one in json.loads(f"[{text}]")]) if text else ()
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise InvalidInput(f"not the {name} of a stay", (name,)) from error


def _visit(entered_ms: int, left_ms: int, amount_fen: int) -> Visit:
    if not all(type(one) is int for one in (entered_ms, left_ms, amount_fen)):
        raise TypeError("not whole numbers")
    return Visit(entered_at=from_ms(entered_ms), left_at=from_ms(left_ms), amount_fen=amount_fen)


def _change(at_ms: int, version_id: str) -> PriceChange:
    if type(at_ms) is not int or not isinstance(version_id, str):
        raise TypeError("not a moment and a version")
    return PriceChange(at=from_ms(at_ms), tariff_version_id=TariffVersionId(version_id))
