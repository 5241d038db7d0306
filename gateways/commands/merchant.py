"""``leave-first merchant``: merchants of a garage, their budgets, templates, tokens, coupons and accounts."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table

from gateways.commands.desk import asked
from gateways.commands.options import installation_options
from parking.coupon import CouponKind, End
from parking.money import yuan
from settlement.coupon_life import CouponState
from settlement.merchant import BudgetPer, Funding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateways.settings import Settings
    from gateways.web.merchant_wire import BudgetIn, MerchantOut, StatementOut, TemplateOut

__all__ = ["merchant_command"]

ONE = "/v1/garages/{garage_id}/merchants/{merchant_id}"
SHOWN_MAX = 200
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
by = click.option("--by", required=True, help="Who does it; recorded with it.")


def of_merchant(command: Callable[..., None]) -> Callable[..., None]:
    """Add ``--garage`` and MERCHANT_ID; the command gets ``path``, that of the merchant."""

    @installation_options
    @click.option("--garage", "garage_id", required=True)
    @click.argument("merchant_id")
    @functools.wraps(command)
    def with_path(*, garage_id: str, merchant_id: str, **options: object) -> None:
        command(path={"garage_id": garage_id, "merchant_id": merchant_id}, **options)

    return with_path


def budgeted(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say a budget."""
    for option in (
        click.option("--per", type=click.Choice([one.value for one in BudgetPer]), default=None),
        click.option("--coupons", type=int, default=None, help="How many coupons; left out: no bound."),
        click.option("--fen", type=int, default=None, help="What they may cost; left out: no bound."),
    ):
        command = option(command)
    return command


@click.group("merchant")
def merchant_command() -> None:
    """Merchants whose coupons take parking off their customers' hands."""


@merchant_command.command("add")
@of_merchant
@click.option("--name", required=True)
@budgeted
@click.option("--funding", type=click.Choice([one.value for one in Funding]), default=None)
@click.option("--zone", default=None, help="Where its months and days begin.")
def add(*, settings: Settings, path: Mapping[str, str], **said: object) -> None:
    """Add MERCHANT_ID, or replace its name, budget and funding for coupons given from now on."""
    budget = _said({name: said.pop(name) for name in ("fen", "coupons", "per")})
    click.echo(_text(asked(settings, f"PUT {ONE}", path, body={**_said(said), "budget": budget})))


@merchant_command.command("budget")
@of_merchant
@budgeted
def budget(*, settings: Settings, path: Mapping[str, str], **said: object) -> None:
    """Replace the budget of MERCHANT_ID."""
    is_now: MerchantOut = asked(settings, f"GET {ONE}", path)
    kept = is_now.model_dump(include={"name", "funding", "zone"})
    click.echo(_text(asked(settings, f"PUT {ONE}", path, body={**kept, "budget": _said(said)})))


@merchant_command.command("list")
@installation_options
@click.option("--garage", "garage_id", required=True)
@as_json
def list_merchants(*, settings: Settings, garage_id: str, as_json: bool) -> None:
    """Show a garage's merchants and what counts against their budgets."""
    found = asked(settings, "GET /v1/garages/{garage_id}/merchants", {"garage_id": garage_id})
    if as_json:
        click.echo(found.model_dump_json())
        return
    table = Table(Column("id", no_wrap=True), "name", "budget", "counted", "coupons", "funding", box=None)
    for one in found.merchants:
        counted = (yuan(one.counted_fen), str(one.counted_coupons))
        table.add_row(one.merchant_id, one.name, _budget(one.budget), *counted, one.funding)
    Console().print(table)


@merchant_command.command("show")
@of_merchant
@as_json
def show(*, settings: Settings, path: Mapping[str, str], as_json: bool) -> None:
    """Show MERCHANT_ID with its templates."""
    found: MerchantOut = asked(settings, f"GET {ONE}", path)
    click.echo(found.model_dump_json() if as_json else _text(found))


@merchant_command.command("template")
@of_merchant
@click.argument("template_id")
@click.option("--name", required=True)
@click.option("--kind", type=click.Choice([one.value for one in CouponKind]), required=True)
@click.option("--minutes", type=int, default=None)
@click.option("--off", type=click.Choice([one.value for one in End]), default=None, help="Of the stay.")
@click.option("--opens", "window_opens", default=None, help="Of a window, as 18:00.")
@click.option("--closes", "window_closes", default=None)
@click.option("--percent", type=int, default=None)
@click.option("--fen", "amount_fen", type=int, default=None, help="What one of kind amount takes off.")
@click.option("--funded-max-fen", type=int, default=None, help="The most that one costs its merchant.")
@click.option("--face-fen", type=int, default=None, help="What one costs a merchant who pays by face.")
@click.option("--valid-minutes", type=int, default=None)
@click.option("--per-stay-max", type=int, default=None)
@click.option("--ended", is_flag=True, help="No more of them are given.")
def template(*, settings: Settings, path: Mapping[str, str], template_id: str, **said: object) -> None:
    """Add TEMPLATE_ID of MERCHANT_ID, or replace it for coupons given from now on."""
    place = {**path, "template_id": template_id}
    made: TemplateOut = asked(settings, f"PUT {ONE}/templates/{{template_id}}", place, body=_said(said))
    click.echo(_template(made))


@merchant_command.command("token")
@of_merchant
@click.option("--label", required=True, help="Whose it is; recorded with what is done with it.")
@as_json
def token(*, settings: Settings, path: Mapping[str, str], label: str, as_json: bool) -> None:
    """Make a token for a till of MERCHANT_ID; it is shown once and stored nowhere."""
    made = asked(settings, f"POST {ONE}/tokens", path, body={"label": label})
    if as_json:
        click.echo(made.model_dump_json())
        return
    click.echo(f"{made.token}\n\nKeep it now: it is not shown again.")
    click.echo(f"To end it: leave-first token revoke {made.token_id}")


@merchant_command.command("coupons")
@of_merchant
@click.option("--state", type=click.Choice([one.value for one in CouponState]), default=None)
@as_json
def coupons(*, settings: Settings, path: Mapping[str, str], state: str | None, as_json: bool) -> None:
    """Show the coupons of MERCHANT_ID, latest first; the last 200."""
    found = asked(settings, f"GET {ONE}/coupons", path, query={"state": state, "limit": SHOWN_MAX})
    if as_json:
        click.echo(found.model_dump_json())
        return
    table = Table(Column("id", no_wrap=True), "template", "state", "given", "valid until", box=None)
    for one in found.coupons:
        times = (f"{moment:%Y-%m-%d %H:%M}" for moment in (one.given_at, one.valid_until))
        table.add_row(one.coupon_id, one.template_id, one.state, *times)
    Console().print(table)


@merchant_command.command("revoke")
@of_merchant
@click.argument("coupon_id")
def revoke(*, settings: Settings, path: Mapping[str, str], coupon_id: str) -> None:
    """Take COUPON_ID of MERCHANT_ID back; no exit may have used it."""
    asked(settings, f"POST {ONE}/coupons/{{coupon_id}}/revoke", {**path, "coupon_id": coupon_id})
    click.echo(f"{coupon_id} is revoked")


@merchant_command.command("statement")
@of_merchant
@click.argument("month")
@as_json
def statement(*, settings: Settings, path: Mapping[str, str], month: str, as_json: bool) -> None:
    """What became of the coupons of MERCHANT_ID in MONTH, as 2026-12, and what it owes."""
    found: StatementOut = asked(settings, f"GET {ONE}/statements/{{month}}", {**path, "month": month})
    if as_json:
        click.echo(found.model_dump_json())
        return
    for name, amount in found.model_dump(exclude={"merchant_id", "month"}).items():
        shown = yuan(amount) if name.endswith("_fen") else str(amount)
        click.echo(f"{name.removesuffix('_fen').replace('_', ' '):<10} {shown:>14}")


@merchant_command.command("pay")
@of_merchant
@click.option("--id", "payment_id", required=True, help="Of your choice; the same one again books nothing.")
@click.option("--fen", "amount_fen", type=int, required=True)
@click.option("--method", required=True, help="How, as transfer or cash.")
@by
def pay(*, settings: Settings, path: Mapping[str, str], by: str, **said: object) -> None:
    """Book what MERCHANT_ID has paid the garage."""
    made = asked(settings, f"POST {ONE}/payments", path, body=said, who=by)
    click.echo(f"{made.payment_id} {'was booked before' if made.replayed else 'is booked'}")


def _said(options: Mapping[str, object]) -> dict[str, object]:
    """Those that were given: what is left out has its default in the API."""
    return {name: value for name, value in options.items() if value is not None}


def _budget(one: BudgetIn) -> str:
    bounds = [f"{yuan(one.fen)} yuan"] if one.fen is not None else []
    bounds += [f"{one.coupons} coupons"] if one.coupons is not None else []
    if not bounds:
        return "no bound"
    return f"{' and '.join(bounds)} {'a month' if one.per is BudgetPer.MONTH else 'in all'}"


def _text(one: MerchantOut) -> str:
    counted = f"{yuan(one.counted_fen)} yuan, {one.counted_coupons} coupons"
    lines = [
        f"{one.merchant_id} at {one.garage_id}: {one.name}, pays by {one.funding}",
        f"  budget   {_budget(one.budget)}",
        f"  counted  {counted}",
    ]
    return "\n".join(lines + [f"  {_template(template)}" for template in one.templates])


def _template(one: TemplateOut) -> str:
    facts = one.model_dump(mode="json", exclude_defaults=True, exclude={"template_id", "name", "kind"})
    said = "".join(f"  {name}={value}" for name, value in facts.items())
    return f"{one.template_id}: {one.name}, {one.kind}{said}"
