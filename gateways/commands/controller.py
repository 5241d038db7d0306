"""``leave-first controller``: connect makers' cameras and controllers, list them, and try their addresses."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, TypeVar

import aiohttp
import click
from rich.console import Console
from rich.table import Column, Table

from gateways.catalog_document import device_from_json, device_to_json
from gateways.commands.options import installation_options, postgres_dsn
from gateways.commands.token import new_token
from gateways.device_secrets import seal
from gateways.device_setup import PROTOCOL_NAMES, address_of, check_device, instructions, usual_proof
from gateways.gates.boards import BOARDS
from gateways.gates.device_access import REALM, digest_ha1
from gateways.process import clock_of
from parking.catalog import secret_digest
from parking.device import Channel, Device, Proof
from parking.errors import InvalidInput
from parking.garage import Direction
from parking.ids import ControllerId, GarageId, LaneId
from parking.language import Language
from settlement.books.pool import open_pool
from settlement.books.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateways.settings import Settings

__all__ = ["controller_command"]

Value = TypeVar("Value")

TRY_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
UNTAKEN: Final = 422
"""What a gate says to a device that it knows and that says nothing."""
MEANINGS: Final = {
    401: "the gate does not know this token, or this machine where there is none in the address "
    "(yet: it learns of a new one within seconds)",
    403: "the token is for another protocol, or this machine may not call with it",
    404: "the gate has no such address",
    503: "the gate cannot answer now",
}


@click.group("controller")
def controller_command() -> None:
    """Connect makers' cameras and controllers."""


@controller_command.command("add")
@installation_options
@click.option("--garage", required=True)
@click.option("--name", required=True, help="The controller's name.")
@click.option("--protocol", "protocol_name", type=click.Choice(PROTOCOL_NAMES), required=True)
@click.option(
    "--channel", "channels", multiple=True, required=True, metavar="NUMBER=LANE[:entry|exit]",
    help="A view of the device and its lane; where that runs both ways, what a car drives towards it for.",
)  # fmt: skip
@click.option("--serial", default="", help="Its serial number; messages of others are refused.")
@click.option(
    "--proof",
    type=click.Choice([one.value for one in Proof]),
    default=None,
    help="Else what is usual for it.",
)
@click.option("--network", "networks", multiple=True, help="Where it may call from; repeat it.")
@click.option("--address", default="", help="Its own address, for commands.")
@click.option("--username", default="", help="Of commands to it; its password is asked for.")
@click.option("--board", type=click.Choice(sorted(BOARDS)), default=None, help="Display and voice behind it.")
@click.option("--speaks", is_flag=True, help="It speaks sentences by itself.")
@click.option(
    "--language",
    type=click.Choice([one.value for one in Language]),
    default=Language.CHINESE.value,
    show_default=True,
)
@click.option("--paired", is_flag=True, help="Another camera watches the same lanes.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Of its protocol; repeat it.")
@click.option("--gate-url", default=None, help="Where devices reach the gates; else this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add(*, settings: Settings, gate_url: str | None, as_json: bool, **given: object) -> None:
    """Connect a device, and say what to type into it; its secret is shown once and stored nowhere."""
    token_id, secret, token = new_token()
    device = _device(settings, token_id, secret, given)
    check_device(device)
    url = address_of(device, token, settings, gate_url)

    async def act(tokens: Tokens) -> None:
        await tokens.add_controller(
            token_id,
            secret_digest(secret),
            garage_id=GarageId(str(given["garage"])),
            controller_id=ControllerId(str(given["name"])),
            lane_ids=sorted({channel.lane_id for channel in device.channels.values()}),
            label=str(given["name"]),
            now=clock_of(settings).now(),
            device_text=device_to_json(device),
        )

    _with_tokens(settings, act)
    if as_json:
        click.echo(json.dumps({"token_id": token_id, "token": token, "url": url}))
    else:
        click.echo(instructions(device, url, token_id, secret))
        click.echo("Keep this now: it is not shown again.")
        if device.proof is not Proof.BROKER:
            click.echo(f"Try it:     leave-first controller test {url}")
        click.echo(f"End it:     leave-first token revoke {token_id}")


@controller_command.command("list")
@installation_options
def list_controllers(*, settings: Settings) -> None:
    """Show the devices in force, without any secret."""
    columns = ("garage", "controller", "protocol", "channels", "proof", "board", "address")
    table = Table(Column("id", no_wrap=True), *columns, box=None)

    async def act(tokens: Tokens) -> None:
        for one in await tokens.all():
            if one.device_text is None or one.revoked_at is not None:
                continue
            device = device_from_json(one.device_text)
            channels = (f"{number}={channel.lane_id}" for number, channel in device.channels.items())
            table.add_row(
                one.token_id, one.garage_id, one.controller_id, device.protocol, " ".join(channels),
                device.proof, device.board, device.address,
            )  # fmt: skip

    _with_tokens(settings, act)
    Console().print(table)


@controller_command.command("test")
@click.argument("url")
def test(*, url: str) -> None:
    """Try an address, without any effect: whether the gate answers there and knows its token."""
    status, challenge = asyncio.run(_answered(url))
    if REALM in challenge:
        click.echo("the gate answers, and wants the user and the password of this device by Digest")
        return
    if status != UNTAKEN:
        meaning = MEANINGS.get(status, "what answers there is none of our gates")
        raise click.ClickException(f"{status}: {meaning}")
    click.echo("the gate answers, and knows this device")


async def _answered(url: str) -> tuple[int, str]:
    """The status, and what a device is asked to prove itself by."""
    try:
        async with aiohttp.ClientSession(timeout=TRY_TIMEOUT) as session, session.get(url) as response:
            return response.status, response.headers.get("WWW-Authenticate", "")
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise click.ClickException(f"nobody answers there: {type(error).__name__}") from None


def _device(settings: Settings, token_id: str, secret: str, given: dict[str, Any]) -> Device:
    password = click.prompt("Password of commands", hide_input=True) if given["username"] else ""
    proof = Proof(given["proof"] or usual_proof(given["protocol_name"]))
    return Device(
        protocol=given["protocol_name"],
        channels=_each_once("channel", map(_channel, given["channels"])),
        serial=given["serial"],
        proof=proof,
        digest_ha1=digest_ha1(token_id, secret) if proof is Proof.DIGEST else "",
        networks=given["networks"],
        address=given["address"],
        username=given["username"],
        sealed_password=seal(settings.device_key, password) if password else "",
        board=given["board"] or "",
        speaks=given["speaks"],
        language=Language(given["language"]),
        paired=given["paired"],
        options=_each_once("option", (_pair(text, "option") for text in given["options"])),
    )


def _each_once(name: str, pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Both of what is given twice would be meant."""
    found: dict[str, Value] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidInput(f"{key} is given twice", (name,))
        found[key] = value
    return found


def _channel(text: str) -> tuple[str, Channel]:
    number, lane = _pair(text, "channel")
    lane_id, _, forward = lane.partition(":")
    if forward not in {"", "entry", "exit"}:
        raise InvalidInput("after the lane stands entry or exit", ("channel",))
    return number, Channel(lane_id=LaneId(lane_id), forward=Direction(forward or "entry"))


def _pair(text: str, name: str) -> tuple[str, str]:
    left, separator, right = text.partition("=")
    if not left or not separator or not right:
        raise InvalidInput("written as NAME=VALUE", (name,))
    return left, right


def _with_tokens(settings: Settings, act: Callable[[Tokens], Awaitable[None]]) -> None:
    async def main() -> None:
        name = "leave-first controller"
        async with open_pool(postgres_dsn(settings), size=1, application_name=name) as pool:
            await act(Tokens(pool))

    asyncio.run(main())
