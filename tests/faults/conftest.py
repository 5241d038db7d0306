"""One service for several tests: those that leave it as they found it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.service import kept_service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.service import Service


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A service that is ready; each test opens a garage of its own."""
    with kept_service() as ready:
        yield ready
