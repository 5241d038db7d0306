"""The other commands, beside a running service: they find its stores, and say what they did."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import asynccontextmanager
from pathlib import Path
from stat import S_IMODE
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest

from settlement.policy import STANDARD, policy_version_id_of
from tests.faults.service import kept_service
from tests.faults.traffic import open_traffic, verified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.faults.service import Service

CARS = 5
SHIPPED = Path(__file__).parents[2] / "config" / "tariffs"
WITHIN_S = 20.0
"""A second until the books are read, one until the gates look, and a busy machine."""
NOT_AUTHENTICATED = 401


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service that is ready."""
    with kept_service() as ready:
        yield ready


async def until_known(service: Service, url: str, *, by_digest: bool) -> None:
    """While a gate does not know a device yet, it asks for the Digest of the others."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            tried = await service.command("controller", "test", url)
            if not tried.returncode and ("Digest" in tried.stdout) == by_digest:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("proof", ["token", "digest", "address"])
async def test_a_device_can_prove_itself_at_the_address_that_is_told(service: Service, proof: str) -> None:
    words = ["controller", "add", "--garage", proof, "--name", "cam", "--protocol", "vzenith", "--json"]
    words += ["--channel", "0=in-1", "--proof", proof, "--gate-url", service.gate_url]
    words += ["--network", "127.0.0.1"] if proof == "address" else []
    async with open_traffic(service, cars=1, garage=proof), aiohttp.ClientSession() as session:
        told = json.loads((await service.command(*words)).stdout)
        address = told["url"].removesuffix(f"/{told['token']}")
        assert (told["url"] == address) == (proof != "token")
        await until_known(service, told["url"], by_digest=proof == "digest")
        user, secret = told["token"].split("_", 2)[1:]
        digest = (aiohttp.DigestAuthMiddleware(user, secret),) if proof == "digest" else ()
        basic = aiohttp.encode_basic_auth("camera", told["token"])
        headers = {"Authorization": basic} if proof == "token" else {}
        beat = {"serialno": "s-1"}
        async with session.post(
            f"{address}/heartbeat", data=beat, middlewares=digest, headers=headers
        ) as answered:
            assert answered.status == 200
        another = await service.command("controller", "test", f"{service.operator_url}/openapi.json")
        assert (another.returncode, "none of our gates" in another.stderr) == (1, True)


async def test_a_camera_is_connected_by_a_command_and_its_openings_are_recorded(service: Service) -> None:
    async with open_traffic(service, cars=1, garage="V") as traffic:
        words = ("--garage", "V", "--name", "cam", "--protocol", "vzenith", "--gate-url", service.gate_url)
        wrong = await service.command("controller", "add", *words, "--channel", "0=roof")
        assert (wrong.returncode, "no such lane" in wrong.stderr) == (1, True)
        for more, why in (
            (("--channel", "0=in-1", "--channel", "0=out-1"), "0 is given twice"),
            (("--channel", "0=in-1", "--address", "192.168.1.64"), "address: http://host:port"),
            (("--channel", "0=in-1", "--option", "io=x"), "options.io: 0 to"),
            (("--channel", "0=in-1", "--gate-url", "192.168.1.10:8080"), "http://host:port"),
        ):
            wrong = await service.command("controller", "add", *words, *more)
            assert (wrong.returncode, why in wrong.stderr, wrong.stdout) == (1, True, "")
        assert " V " not in (await service.command("controller", "list")).stdout
        slash = ("--gate-url", f"{service.gate_url}/", "--channel", "0=in-1")
        told = (await service.command("controller", "add", *words, *slash)).stdout
        assert f"test {service.gate_url}/v1/devices/vzenith/lf_" in told
        made = (await service.command("controller", "add", *words, "--channel", "0=in-1", "--json")).stdout
        url = json.loads(made)["url"]
        assert "comet" in told
        assert "vzenith" in (await service.command("controller", "list")).stdout
        async with asyncio.timeout(WITHIN_S):
            while (await service.command("controller", "test", url)).returncode:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert (await service.command("controller", "test", f"{url[:-1]}?")).returncode == 1

        seen = {"sec": int(service.clock.now().timestamp())}
        plate = {"license": "浙A12345", "colorType": 1, "confidence": 99, "timeStamp": {"Timeval": seen}}
        body = json.dumps({"AlarmInfoPlate": {"result": {"PlateResult": plate}}}).encode()
        reply = await traffic.requests.send("POST", f"{url}/plate", token="", body=body, content_type="x/y")
        assert json.loads(reply.body)["Response_AlarmInfoPlate"]["info"] == "ok"
        reader = json.loads(
            (await service.command("token", "add", "operator", "--label", "x", "--json")).stdout
        )
        records_url = f"{service.operator_url}/v1/garages/V/barrier-records"
        records: list[dict[str, str]] = []
        async with asyncio.timeout(WITHIN_S):
            while not records:
                found = await traffic.requests.send("GET", records_url, token=reader["token"])
                records = json.loads(found.body)["records"]
                await asyncio.sleep(0.05)
        assert (records[0]["act"], records[0]["outcome"], records[0]["reason"]) == ("open", "told", "entry")


async def test_a_token_works_until_it_is_revoked_without_a_restart(service: Service) -> None:
    async with open_traffic(service, cars=1, garage="T") as traffic:
        words = ("--garage", "T", "--controller", "c2", "--lane", "in-1", "--json")
        made = json.loads((await service.command("token", "add", "controller", *words)).stdout)
        url = f"{service.gate_url}/v1/gate-events"

        async def status() -> int:
            reply = await traffic.requests.send(
                "POST", url, token=made["token"], body=b"{}", content_type="application/json"
            )
            return reply.status

        async with asyncio.timeout(WITHIN_S):
            while await status() == NOT_AUTHENTICATED:  # noqa: ASYNC110 - what is waited for is elsewhere
                await asyncio.sleep(0.05)
        listed = (await service.command("token", "list")).stdout
        assert made["token_id"] in listed
        assert made["token"] not in listed
        assert (await service.command("token", "revoke", made["token_id"])).returncode == 0
        async with asyncio.timeout(WITHIN_S):
            while await status() != NOT_AUTHENTICATED:  # noqa: ASYNC110 - what is waited for is elsewhere
                await asyncio.sleep(0.05)
        unknown = await service.command("token", "revoke", "nobody")
        assert (unknown.returncode, unknown.stdout) == (1, "")
        nobodys = await service.command("token", "add", "operator", "--label", " ")
        assert (nobodys.returncode, "label" in nobodys.stderr) == (1, True)


async def test_migrating_again_changes_nothing(service: Service) -> None:
    ran = await service.command("migrate")
    assert (ran.returncode, ran.stdout) == (0, "the books are up to date\n")


async def test_a_second_service_on_the_folder_is_told_who_uses_it(service: Service) -> None:
    ran = await service.command("serve")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert f"is in use by process {service.serve.pid} (" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_every_event_is_exported_without_its_plate(service: Service) -> None:
    async with open_traffic(service, cars=CARS, garage="E") as traffic:
        await traffic.come(traffic.cars)
        await traffic.settle()
        ran = await service.command("export", "events")
        exported = [json.loads(line) for line in ran.stdout.splitlines()]
        ours = {one["event_id"]: one for one in exported if one["garage_id"] == "E"}
        assert ours.keys() == traffic.acknowledged.keys()
        assert {one["result"] for one in ours.values()} == {"applied"}
        assert not any(car.number[1:] in ran.stdout for car in traffic.cars)
        nothing = await service.command("export", "events", "--since", "2030-01-01")
        assert (nothing.returncode, nothing.stdout) == (0, "")


async def test_verify_names_a_ledger_row_that_was_tampered_with(service: Service) -> None:
    async with open_traffic(service, cars=CARS, garage="V") as traffic:
        await traffic.come(traffic.cars)
        await traffic.settle()
        traffic.wait()
        await traffic.go(traffic.cars)
        (await traffic.close()).assert_right()
    async with connected(service) as connection:
        tampered = await connection.fetchval(TAMPER, 1)
        assert tampered is not None
        status, found = await verified(service)
        assert (status, found["clean"]) == (1, False)
        assert {one["check"] for one in found["violations"]} >= {"balances_match_entries"}
        shown = await service.command("verify")
        assert shown.returncode == 1
        assert "✗" in shown.stdout
        await connection.fetchval(TAMPER, -1)
    assert (await verified(service))[0] == 0


async def test_a_night_shift_reads_why_a_car_could_leave(service: Service) -> None:
    async with open_traffic(service, cars=1, garage="W") as traffic:
        await traffic.come(traffic.cars)
        await traffic.settle()
        traffic.wait()
        await traffic.go(traffic.cars)
        await traffic.settle()
        async with connected(service) as connection:
            session_id = await connection.fetchval("SELECT session_id FROM session WHERE garage_id = 'W'")
        shown = await service.command("session", "why", str(session_id))
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.startswith("The car left")
        assert "by policy standard@" in shown.stdout
        by_plate = ("session", "why", "--garage", "W", "--plate", traffic.cars[0].number)
        assert (await service.command(*by_plate)).stdout == shown.stdout
        assert (await service.command(*by_plate, str(session_id))).returncode == 2
        told = json.loads((await service.command("session", "why", str(session_id), "--json")).stdout)
        assert told["told"][-1]["policy_version_id"].startswith("standard@")
    unknown = await service.command("session", "why", "00000000-0000-0000-0000-000000000000")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "Traceback" not in unknown.stderr


async def test_an_accountant_corrects_a_bill_by_commands(service: Service) -> None:
    async with open_traffic(service, cars=1, garage="C") as traffic:
        await traffic.come(traffic.cars)
        await traffic.settle()
        traffic.wait()
        await traffic.go(traffic.cars)
        await traffic.settle()
        async with connected(service) as connection:
            session_id = str(
                await connection.fetchval("SELECT session_id FROM session WHERE garage_id = 'C'")
            )
        make = ("correction", "make", session_id, "--id", "c1", "--by", "ann", "--reason", "the picture")
        refused = await service.command(*make)
        assert (refused.returncode, "at least one of them" in refused.stderr) == (1, True)
        made = await service.command(*make, "--plate", "浙AZZ999", "--class", "large", "--json")
        assert made.returncode == 0, made.stderr
        bill_id = json.loads(made.stdout)["bill_id"]
        again = await service.command(*make, "--plate", "浙AZZ999", "--class", "large")
        assert f"billed   by {bill_id}" in again.stdout
        assert "nothing has changed" in again.stdout
        shown = (await service.command("correction", "show", session_id)).stdout
        assert "c1 by ann: the picture" in shown
        assert re.search(rf"now  浙AZZ999 \(blue\) .* large  [0-9.]+ yuan  {bill_id}", shown)
        assert session_id in (await service.command("correction", "list", "--garage", "C")).stdout
        assert session_id not in (await service.command("correction", "list", "--garage", "W")).stdout
    unknown = await service.command("correction", "show", "00000000-0000-0000-0000-000000000000")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "Traceback" not in unknown.stderr


async def test_a_merchant_is_kept_by_commands(service: Service) -> None:
    async with open_traffic(service, cars=1, garage="M") as traffic:
        at, bakery = ("--garage", "M"), ("bakery", "--garage", "M")
        unknown = await service.command("merchant", "show", *bakery)
        assert (unknown.returncode, unknown.stdout) == (1, "")
        added = await service.command("merchant", "add", *bakery, "--name", "Bakery", "--fen", "200000")
        assert "budget   2000.00 yuan a month" in added.stdout, added.stderr
        words = ("bakery", "2h", *at, "--name", "two hours", "--kind", "minutes", "--minutes", "120")
        refused = await service.command("merchant", "template", *words)
        assert (refused.returncode, "the most that its merchant pays" in refused.stderr) == (1, True), (
            refused.stderr
        )
        assert (
            await service.command("merchant", "template", *words, "--funded-max-fen", "1600")
        ).returncode == 0
        token = json.loads(
            (await service.command("merchant", "token", *bakery, "--label", "till", "--json")).stdout
        )
        given = await traffic.requests.send(
            "POST",
            f"{service.operator_url}/v1/merchant/coupons",
            token=token["token"],
            body=json.dumps({"coupon_id": "k1", "template_id": "2h", "plate": "浙AZZ111"}).encode(),
            content_type="application/json",
        )
        assert given.status == 201, given.body
        assert "k1" in (await service.command("merchant", "coupons", *bakery)).stdout
        assert "16.00" in (await service.command("merchant", "list", *at)).stdout
        smaller = await service.command("merchant", "budget", *bakery, "--coupons", "5", "--per", "all")
        assert "Bakery, pays by worth\n  budget   5 coupons in all" in smaller.stdout
        assert (await service.command("merchant", "revoke", "bakery", "k1", *at)).stdout == "k1 is revoked\n"
        pay = ("merchant", "pay", *bakery, "--id", "p1", "--fen", "500", "--method", "cash", "--by", "ann")
        assert (await service.command(*pay)).stdout == "p1 is booked\n"
        assert (await service.command(*pay)).stdout == "p1 was booked before\n"
        month = f"{service.clock.now():%Y-%m}"
        told = (await service.command("merchant", "statement", "bakery", month, *at)).stdout
        assert re.search(r"revoked +1\n", told)
        assert re.search(r"closing +-5.00\n", told)


async def test_a_policy_is_put_in_force_by_its_file(service: Service) -> None:
    file = str(Path(__file__).parents[2] / "config" / "policy" / "standard.toml")
    checked = await service.command("policy", "check", file)
    assert checked.stdout.strip().endswith(policy_version_id_of(STANDARD))
    added = await service.command("policy", "add", file, "--operator", "kerry", "--from", "2030-01-01T00:00")
    assert (added.returncode, added.stderr) == (0, "")
    assert "2030-01-01 00:00  kerry" in (await service.command("policy", "list")).stdout


async def test_a_grant_key_is_a_private_file_until_it_is_retired(service: Service) -> None:
    made = await service.command("grant-key", "make")
    key_id = made.stdout.split()[0]
    (file,) = (service.folder / "grant-keys").glob("*.pem")
    assert (file.stem, S_IMODE(file.stat().st_mode)) == (key_id, 0o600)
    assert key_id in (await service.command("grant-key", "list")).stdout
    assert "PRIVATE" not in made.stdout + made.stderr
    assert (await service.command("grant-key", "retire", key_id)).returncode == 0
    assert not file.exists()
    assert "retired" in (await service.command("grant-key", "list")).stdout
    assert (await service.command("grant-key", "retire", key_id)).returncode == 1


async def test_a_grant_key_that_has_leaked_is_revoked_once(service: Service) -> None:
    key_id = (await service.command("grant-key", "make")).stdout.split()[0]
    assert (await service.command("grant-key", "revoke", key_id)).returncode == 0
    assert list((service.folder / "grant-keys").glob(f"{key_id}.pem")) == []
    listed = (await service.command("grant-key", "list")).stdout
    assert "revoked" in next(line for line in listed.splitlines() if key_id in line)
    assert (await service.command("grant-key", "revoke", key_id)).returncode == 1


async def test_books_of_a_newer_release_are_refused(service: Service) -> None:
    async with connected(service) as connection:
        await connection.execute(
            "INSERT INTO schema_migration (number, name, checksum, applied_at)"
            " VALUES (99, 'later', '', now())"
        )
        ran = await service.command("migrate")
        await connection.execute("DELETE FROM schema_migration WHERE number = 99")
    assert ran.returncode == 1
    assert "migration 99 (later)" in ran.stderr
    assert "newer release" in ran.stderr
    assert "Traceback" not in ran.stderr


@asynccontextmanager
async def connected(service: Service) -> AsyncIterator[asyncpg.Connection]:
    """As the owner of the books, whom nothing holds back."""
    connection = await asyncpg.connect(service.postgres_dsn)
    try:
        yield connection
    finally:
        await connection.close()


TAMPER = """
UPDATE ledger_entry SET amount_fen = amount_fen + $1
WHERE (partition, transaction_id, line) = (
    SELECT partition, transaction_id, line FROM ledger_entry ORDER BY 1, 2, 3 LIMIT 1
)
RETURNING transaction_id
"""


async def test_a_price_list_is_added_and_never_replaced(service: Service) -> None:
    async with open_traffic(service, cars=1, garage="P"):
        words = ("tariff", "add", str(SHIPPED / "roadside.toml"), "--garage", "P", "--from")
        added = await service.command(*words, "2036-12-01T00:00")
        assert added.returncode == 0, added.stderr
        assert re.fullmatch(r"roadside@[0-9a-f]{12} from 2036-12-01T00:00:00\+08:00\n", added.stdout)
        again = await service.command(*words, "2036-12-01T00:00")
        assert (again.returncode, again.stdout) == (0, added.stdout)
        office = (*words[:2], str(SHIPPED / "office.toml"), *words[3:])
        other = await service.command(*office, "2036-12-01T00:00")
        assert (other.returncode, other.stdout) == (1, "")
        assert "another tariff is on record from 2036-12-01T00:00:00+08:00" in other.stderr
        two = (*words[:2], str(SHIPPED / "shopping-complex.toml"), *words[3:])
        assert (
            "--from needs a file with one version" in (await service.command(*two, "2037-01-01T00:00")).stderr
        )
