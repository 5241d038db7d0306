"""No fraction comes near money: whole fen, whole division.

Seconds and a camera's confidence may be fractions. Their names end in ``_s``, ``seconds`` or ``confidence``,
and that is how this test knows them.
"""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import Module, modules

ABOUT_MONEY = ("parking.coupon", "parking.money", "parking.pricing", "parking.proof", "parking.tariff")


def test_no_module_about_money_uses_a_fraction() -> None:
    about_money = [
        one
        for one in modules("parking", "settlement")
        if one.name.startswith(ABOUT_MONEY) or _in_settlement(one)
    ]
    assert len(about_money) > len(ABOUT_MONEY)
    found = [f"{one.name}:{line}" for one in about_money for line in _fractions(one.tree)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "share_fen: float",
        "def fee(hours: float) -> int: ...",
        "fee = float(hours) * 500",
        "share_fen = amount_fen / 3",
        "amount_fen /= 2",
        "fee_fen = 500 * 1.5",
        "from decimal import Decimal",
        "amount = round(price, 2)",
    ],
)
def test_a_fraction_is_found(text: str) -> None:
    assert _fractions(ast.parse(text)) == [1]


@pytest.mark.parametrize(
    "text",
    [
        "def ask(*, timeout_s: float = 2.5) -> None: ...",
        "PAUSE_SECONDS = 0.5",
        "self.rest_s: dict[int, float] = {}",
        "share_fen = amount_fen // 3",
    ],
)
def test_seconds_and_whole_division_pass(text: str) -> None:
    assert _fractions(ast.parse(text)) == []


def _in_settlement(module: Module) -> bool:
    return module.name.startswith("settlement.")


def _fractions(tree: ast.Module) -> list[int]:
    """The lines with a fraction."""
    about_others = {id(node) for part in _not_money(tree) for node in ast.walk(part)}
    return sorted(
        {
            getattr(node, "lineno", 0)
            for node in ast.walk(tree)
            if id(node) not in about_others and _is_fraction(node)
        }
    )


def _is_fraction(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="float" | "Decimal" | "Fraction" | "round") | ast.Constant(value=float()):
            return True
        case ast.ImportFrom(module="decimal" | "fractions"):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        case _:
            return False


def _not_money(tree: ast.Module) -> list[ast.AST]:
    """What belongs to a name that may be a fraction: annotations, defaults, values, arguments."""
    parts: list[ast.AST | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.arguments():
                parts += _fractional_arguments(node)
            case ast.keyword(arg=str(name)) if _may_be_fraction(name):
                parts.append(node.value)
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name)) if _may_be_fraction(name):
                parts += [node.annotation, node.value]
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]) if _may_be_fraction(name):
                parts.append(node.value)
    return [part for part in parts if part is not None]


def _fractional_arguments(node: ast.arguments) -> list[ast.AST | None]:
    positional = [*node.posonlyargs, *node.args]
    defaults = [None] * (len(positional) - len(node.defaults)) + list(node.defaults)
    pairs = [*zip(positional, defaults, strict=True), *zip(node.kwonlyargs, node.kw_defaults, strict=True)]
    return [part for one, default in pairs if _may_be_fraction(one.arg) for part in (one.annotation, default)]


def _may_be_fraction(name: str) -> bool:
    return name.lower().endswith(("_s", "seconds", "confidence"))
