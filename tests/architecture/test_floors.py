"""The contract about pure cores names every core.

``lint-imports`` holds the floors. It checks the modules that it is told about, so this test sees that it
is told about all of them: what has no coroutine, and is neither a store nor its part, is a core.
"""

from __future__ import annotations

import ast
import tomllib

from tests.architecture.source import ROOT, Module, modules


def test_every_core_is_held_pure() -> None:
    cores = {one.name for one in modules("parking", "settlement") if _is_core(one)}
    assert cores - _held_pure() == set(), "add them to the contract `pure` in pyproject.toml"


def test_the_contract_names_only_modules_that_exist() -> None:
    assert _held_pure() - {one.name for one in modules("parking", "settlement")} == set()


def _held_pure() -> set[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [one for one in settings["tool"]["importlinter"]["contracts"] if one["id"] == "pure"]
    return set(contract["source_modules"])


def _is_core(module: Module) -> bool:
    directly_on_the_floor = module.name.count(".") == 1 and not module.is_package
    return directly_on_the_floor and not _has_coroutine(module)


def _has_coroutine(module: Module) -> bool:
    """Whether it runs one itself; a port only promises that somebody will."""
    ports = [one for one in module.tree.body if isinstance(one, ast.ClassDef) and _is_protocol(one)]
    promised = {id(node) for port in ports for node in ast.walk(port)}
    return any(
        isinstance(node, ast.AsyncFunctionDef) and id(node) not in promised for node in ast.walk(module.tree)
    )


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
