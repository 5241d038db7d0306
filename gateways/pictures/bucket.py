"""Pictures as objects in an S3-compatible store, by ``obstore``; TLS unless its address says otherwise.

The store's clock says how old an object is: it is put again when the same picture comes again. A store that
does not answer costs a picture, never an answer to a lane.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store
from pydantic import Field, SecretStr
from typing_extensions import override

from gateways.pictures.store import PictureStore, place_of
from gateways.toml_file import Table, reading
from parking.errors import Unavailable

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

__all__ = ["BucketPictures", "open_bucket"]

BATCH: Final = 500
FAILURES: Final = (BaseError, OSError)
"""The library says some of its own by Python's."""
TIMEOUT: Final = timedelta(seconds=10)
CONNECT_TIMEOUT: Final = timedelta(seconds=3)
TYPES: Final = {"jpg": "image/jpeg", "png": "image/png"}

Text = Annotated[str, Field(min_length=1, max_length=256)]


class BucketTable(Table):
    """The file that says where the bucket is, and as whom to come."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+/?$")]
    region: Text = "us-east-1"
    bucket: Text
    prefix: Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z0-9._/-]*$")] = ""
    access_key_id: Text
    secret_access_key: Annotated[SecretStr, Field(min_length=1, max_length=256)]


class BucketPictures(PictureStore):
    """In one bucket, below a prefix that is nobody else's: what is old there is deleted."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    @override
    async def put(self, reference: str, picture: bytes, now: datetime) -> None:
        kind = TYPES.get(reference.rpartition(".")[2], "application/octet-stream")
        try:
            await obstore.put_async(
                self._store, place_of(reference), picture, attributes={"Content-Type": kind}
            )
        except FAILURES as error:
            raise Unavailable(f"the picture store refuses: {type(error).__name__}") from error

    @override
    async def get(self, reference: str, bytes_max: int) -> bytes | None:
        try:
            found = await obstore.get_async(self._store, place_of(reference))
            if found.meta["size"] > bytes_max:
                return None
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except FAILURES as error:
            raise Unavailable(f"the picture store refuses: {type(error).__name__}") from error

    @override
    async def forget(self, before: datetime) -> int:
        gone = 0
        try:
            async for several in obstore.list(self._store, chunk_size=BATCH):
                old = [one["path"] for one in several if one["last_modified"] < before]
                if old:
                    await obstore.delete_async(self._store, old)
                gone += len(old)
        except FAILURES as error:
            raise Unavailable(f"the picture store refuses: {type(error).__name__}") from error
        return gone


def open_bucket(path: Path) -> BucketPictures:
    """The store that a file describes; :class:`InvalidInput` names file, place and reason."""
    with reading(path) as content:
        table = BucketTable.model_validate(content)
    store = S3Store(
        table.bucket,
        prefix=table.prefix or None,
        endpoint=table.endpoint.rstrip("/"),
        region=table.region,
        access_key_id=table.access_key_id,
        secret_access_key=table.secret_access_key.get_secret_value(),
        virtual_hosted_style_request=False,
        client_options={
            "allow_http": table.endpoint.startswith("http://"),
            "timeout": TIMEOUT,
            "connect_timeout": CONNECT_TIMEOUT,
        },
        retry_config={"max_retries": 2, "retry_timeout": TIMEOUT},
    )
    return BucketPictures(store)
