"""A payment rail to test against: its own process, its own durable books, faults on demand.

The client side is ``client`` (the port), ``statement`` (the rail's books, for comparing) and ``notice``
(what the rail reports by itself). The other modules are the process: ``command`` → ``process`` →
``server`` → ``teller`` → ``books``.
"""

from __future__ import annotations

__all__: list[str] = []
