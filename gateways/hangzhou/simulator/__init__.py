"""The city's side of the interface, to test against: its own process, keys, durable books and faults.

``command`` → ``process`` → ``server`` → ``city`` → ``books``. What a bill becomes is decided by the same
teller, and kept in the same books, as those of the payment rail simulator.
"""

from __future__ import annotations

__all__: list[str] = []
