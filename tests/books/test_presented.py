"""What a cut-off garage let a car out on: kept as proof, and charged only when it held good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from parking.errors import NotFound
from parking.grant_token import Claims, sign_claims
from parking.ids import AccountId
from parking.shown_grant import shown_grant
from settlement.books.accounts import Accounts, Agreement, NewAccount
from settlement.books.grant_keys import GrantKeys
from settlement.books.pool import open_pool
from settlement.books.posting import PostgresRecordBooks
from settlement.books.review import Reviews
from settlement.books.verifying import PostgresVerifiableBooks
from settlement.review import Resolution
from tests.books.records import MORNING, TARIFFS, Car

if TYPE_CHECKING:
    from parking.journal import Record

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
DRIVER = AccountId(UUID(int=1))


def shown(record: Record, *, key: Ed25519PrivateKey = KEY, hours: int = 3) -> Record:
    """The exit as its gate journals it when it shows a grant of this key, valid for so long."""
    session = record.session
    assert session is not None
    claims = Claims(
        garage_id=session.garage_id,
        number=session.plate.number,
        colour=session.plate.colour,
        session_id=session.session_id,
        limit_fen=5_000,
        issued_at=session.entered_at,
        expires_at=session.entered_at + timedelta(hours=hours),
    )
    event = replace(record.event, offline=True, grant_token=sign_claims(claims, key, "k1"))
    reason = shown_grant(event, {"k1": PUBLIC}).reason
    return replace(record, event=event, decision=replace(record.decision, reason=reason))


async def test_a_grant_by_a_revoked_key_is_kept_as_of_an_unknown_one(postgres_dsn: str) -> None:
    car = Car("a")
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        keys = GrantKeys(pool)
        await keys.add("k1", PUBLIC, MORNING)
        await keys.revoke("k1", MORNING)
        with pytest.raises(NotFound):
            await keys.revoke("k1", MORNING)
        await PostgresRecordBooks(pool).post([car.enters(), shown(car.leaves())], TARIFFS, MORNING)
        assert await pool.fetchval("SELECT result FROM presented_grant") == "unknown_key"


@pytest.mark.parametrize(
    ("key", "hours", "result", "state", "cause"),
    [
        (KEY, 3, "valid", "due", None),
        (KEY, 1, "expired", "unassigned", "grant_refused"),
        (OTHER, 3, "forged", "unassigned", "grant_refused"),
    ],
)
async def test_a_shown_grant_is_kept_and_only_a_valid_one_charges(
    postgres_dsn: str, key: Ed25519PrivateKey, hours: int, result: str, state: str, cause: str | None
) -> None:
    car = Car("a")
    async with open_pool(postgres_dsn, size=2, application_name="test") as pool:
        await GrantKeys(pool).add("k1", PUBLIC, MORNING)
        account = NewAccount(
            account_id=DRIVER,
            holder="driver",
            limit_fen=5_000,
            exposure_limit_fen=20_000,
            plates=(car.session.plate,),
            agreements=(Agreement(rail="sim", reference="r"),),
        )
        await Accounts(pool).open([account], MORNING)
        books = PostgresRecordBooks(pool)
        records = [car.enters(), shown(car.leaves(), key=key, hours=hours)]
        for _ in range(2):
            await books.post(records, TARIFFS, MORNING)
        (kept,) = await pool.fetch("SELECT result, token, session_id FROM presented_grant")
        assert (kept["result"], kept["token"]) == (result, records[1].event.grant_token)
        (charge,) = await pool.fetch("SELECT state, account_id, amount_fen FROM charge")
        assert tuple(charge) == (state, DRIVER, 1_600)
        reviews = Reviews(pool)
        items = await reviews.open_items(garage_id=None, cause=None, limit=10)
        assert [item.cause for item in items] == ([] if cause is None else [cause])
        for item in items:
            await reviews.resolve(item, Resolution.CONFIRM, resolved_by="Li", note=None, now=MORNING)
        assert await pool.fetchval("SELECT state FROM charge") == "due"
        assert await PostgresVerifiableBooks(pool).violations() == []
