"""Money is whole fen: an ``int`` whose name ends in ``_fen``.

100 fen are 1 yuan. Nothing here or above divides money; shares are computed with integers and an
explicit rounding.
"""

from __future__ import annotations

__all__ = ["yuan"]


def yuan(amount_fen: int) -> str:
    """``2050`` as ``"20.50"``; for people, never for computing."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{rest:02d}"
