"""Money is whole fen: an ``int`` whose name ends in ``_fen``.

100 fen are 1 yuan; of another currency a fen is its smallest unit. Nothing here or above divides money;
shares are computed with integers and an explicit rounding.
"""

from __future__ import annotations

__all__ = ["units", "yuan"]


def yuan(amount_fen: int) -> str:
    """``2050`` as ``"20.50"``; for people, never for computing."""
    return units(amount_fen, 2)


def units(amount_fen: int, exponent: int) -> str:
    """An amount in the units of a currency whose smallest is the ``exponent``-th power of a tenth."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 10**exponent)
    return f"{sign}{whole}.{rest:0{exponent}d}" if exponent else f"{sign}{whole}"
