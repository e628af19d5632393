"""The repository's own Python files, read as text and as trees: what the tests of this folder look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FLOORS = ("data_contracts", "centre", "features", "training", "serving", "flows")


@dataclass(frozen=True)
class Source:
    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return str(self.path.relative_to(REPOSITORY))

    @property
    def module(self) -> str:
        return self.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def line_count(self) -> int:
        return self.text.count("\n")


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file below the named folders (default: the six floors), in a stable order."""
    paths = sorted(path for folder in folders or FLOORS for path in (REPOSITORY / folder).rglob("*.py"))
    return tuple(Source(path, text := path.read_text(encoding="utf-8"), ast.parse(text)) for path in paths)


def functions(source: Source) -> Iterator[tuple[str, int]]:
    """Name and length in lines of every function of a file."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def imports(source: Source) -> Iterator[tuple[str, bool]]:
    """Each imported module of a file, and whether the import stands at the top (and so is paid by every importer)."""
    top = set(map(id, source.tree.body))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, id(node) in top
