"""Which store of pictures there is, by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.pictures.bucket import open_bucket
from gateways.pictures.folder import FolderPictures

if TYPE_CHECKING:
    from gateways.pictures.store import PictureStore
    from gateways.settings import Settings

__all__ = ["picture_store"]


def picture_store(settings: Settings) -> PictureStore:
    """A bucket where one is described, else the folder."""
    if settings.picture_store_file is not None:
        return open_bucket(settings.picture_store_file)
    return FolderPictures(settings.pictures)
