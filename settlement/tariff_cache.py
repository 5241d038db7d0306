"""The tariffs that this process has seen; they never change, so each is loaded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from settlement.record_books import Tariffs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from parking.ids import TariffVersionId
    from parking.tariff import Tariff

__all__ = ["TariffCache"]


class TariffCache(Tariffs):
    """Loads all tariffs again when one is asked for that it does not know."""

    def __init__(self, load: Callable[[], Awaitable[Mapping[TariffVersionId, Tariff]]]) -> None:
        self._load = load
        self._known: dict[TariffVersionId, Tariff] = {}

    @override
    async def of(self, version_ids: set[TariffVersionId]) -> Mapping[TariffVersionId, Tariff]:
        if not version_ids <= self._known.keys():
            self._known |= await self._load()
        return self._known
