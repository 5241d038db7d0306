"""The project's own source, as the tests beside this file read it.

They read text and syntax trees and import nothing, so a module that cannot be imported is measured too.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["FLOORS", "ROOT", "Module", "identifier", "modules", "text_files"]

ROOT = Path(__file__).parents[2]
FLOORS = ("parking", "settlement", "gateways")
TEXT_SUFFIXES = {
    "", ".cfg", ".conf", ".css", ".html", ".ini", ".js", ".json", ".lock", ".lua", ".md", ".py", ".sh",
    ".sql", ".svg", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file; ``name`` is dotted, a package is named like its folder."""

    path: Path
    name: str
    text: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones too."""
        return [one for one in ast.walk(self.tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]

    def exports(self) -> list[str] | None:
        """What ``__all__`` lists, or None without one."""
        for statement in self.tree.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                    return list(ast.literal_eval(value))
                case _:
                    continue
        return None


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every module below the folders, in order of their names."""
    return tuple(_module(path) for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


@cache
def text_files() -> tuple[Path, ...]:
    """Every text file of the project; hidden folders are tools' own, except the checks of a change."""
    found = [ROOT / ".ci" / "run", *(path for path in ROOT.glob("*") if path.is_file())]
    for folder in ROOT.iterdir():
        if folder.is_dir() and not folder.name.startswith((".", "build", "dist")):
            found += [
                path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
            ]
    return tuple(path for path in found if path.suffix in TEXT_SUFFIXES)


def identifier(path: Path) -> str:
    """How a parametrised test names a file."""
    return path.relative_to(ROOT).as_posix()


def _module(path: Path) -> Module:
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(path=path, name=name, text=text, tree=ast.parse(text, str(path)))
