"""Modules say what they are for, and what of theirs others may use: what ``__all__`` lists, and no more."""

from __future__ import annotations

import ast

from tests.architecture.source import FLOORS, Module, modules

CATCH_ALLS = {
    "base", "common", "core", "helper", "helpers", "manager", "managers", "misc", "model", "models", "type",
    "types", "util", "utils",
}  # fmt: skip
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def test_every_module_begins_with_its_story() -> None:
    silent = [one.name for one in modules(*FLOORS, "benchmarks", "tests") if not ast.get_docstring(one.tree)]
    assert silent == []


def test_no_module_is_a_catch_all() -> None:
    named = [one.name for one in modules(*FLOORS, "benchmarks", "tests")]
    assert [name for name in named if CATCH_ALLS & set(name.split("."))] == []


def test_every_module_lists_its_public_names() -> None:
    faults: list[str] = []
    for module in modules(*FLOORS, "benchmarks"):
        exports = module.exports()
        if exports is None:
            faults += [] if _is_bare(module) else [f"{module.name} has no __all__"]
        else:
            faults += [f"{module.name} lists {name}, has none" for name in set(exports) - _bound(module)]
    assert sorted(faults) == []


def test_modules_import_of_each_other_only_what_is_listed() -> None:
    known = {one.name: one for one in modules(*FLOORS)}
    faults: list[str] = []
    for module in modules(*FLOORS, "benchmarks"):
        for statement in ast.walk(module.tree):
            match statement:
                case ast.ImportFrom(module=str(source), names=names) if source in known:
                    exports = known[source].exports() or []
                    taken = {one.name for one in names if f"{source}.{one.name}" not in known}
                    faults += [f"{module.name} takes {source}.{name}" for name in taken - set(exports)]
                case _:
                    continue
    assert sorted(faults) == []


def _is_bare(module: Module) -> bool:
    """Whether there is nothing to list: a folder's docstring, or a program's start."""
    defines = any(isinstance(one, DEFINITIONS) for one in module.tree.body)
    return module.path.name == "__main__.py" or (module.is_package and not defines)


def _bound(module: Module) -> set[str]:
    bound = {name for statement in module.tree.body for name in _defined(statement)}
    for statement in module.tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            bound |= {one.asname or one.name for one in statement.names}
    return bound


def _defined(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {one.id for one in targets if isinstance(one, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()
