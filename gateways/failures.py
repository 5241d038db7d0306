"""What a command says when tasks of it have failed, however deep in groups of them."""

from __future__ import annotations

__all__ = ["said_of"]


def said_of(group: BaseExceptionGroup[BaseException]) -> str:
    """The errors of a group and of those in it, in words."""
    return "; ".join(map(str, _leaves(group)))


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for one in group.exceptions:
        found += _leaves(one) if isinstance(one, BaseExceptionGroup) else [one]
    return found
