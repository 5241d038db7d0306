"""The Hangzhou city platform, interface version 2.1, spoken as one of its garages.

``envelope`` is how messages are sealed, ``codes`` and ``messages`` what they say, ``client`` how they travel
up. ``rail`` charges cars through the city, ``orders`` takes what the city sends down, ``reports`` words what
happened in a garage, ``reporter`` brings it up. ``simulator`` is the city's side, to test against.

What of the interface is not known for certain stands behind a setting in ``connection``.
"""

from __future__ import annotations

__all__: list[str] = []
