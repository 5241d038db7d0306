"""Payment rails: one package each, all behind the port that settlement defines."""

from __future__ import annotations

__all__: list[str] = []
