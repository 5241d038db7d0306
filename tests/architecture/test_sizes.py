"""One file, one reason; one screen, one function."""

from __future__ import annotations

import ast

from tests.architecture.source import FLOORS, modules

MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40


def test_a_module_has_at_most_300_lines() -> None:
    lengths = {one.name: len(one.text.splitlines()) for one in modules(*FLOORS, "benchmarks")}
    assert {name: lines for name, lines in lengths.items() if lines > MODULE_LINES_MAX} == {}


def test_a_function_has_at_most_40_lines_without_its_docstring_and_decorators() -> None:
    lengths = {
        f"{module.name}.{function.name}": _lines(function)
        for module in modules(*FLOORS, "benchmarks")
        for function in module.functions()
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}


def test_the_measure_leaves_out_docstring_and_decorators() -> None:
    text = '@decorated\ndef f():\n    """One.\n\n    Two.\n    """\n    return 1\n'
    (function,) = ast.parse(text).body
    assert isinstance(function, ast.FunctionDef)
    assert _lines(function) == 2


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    lines = (function.end_lineno or 0) - function.lineno + 1
    match function.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)
        case _:
            return lines
