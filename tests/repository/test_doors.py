"""One library, one door; nothing that can run code hides in a file; nobody invents the time."""

from __future__ import annotations

import ast
import re

import pytest

from tests.repository.sources import Source, imports, sources

# Import-linter guards the directions between floors; these are the doors inside a floor (docs/tour.md draws them).
DOORS: dict[str, str] = {
    "mlflow": r"training\.registry|training\.loaders\.\w+",
    "feast": r"features\.store\.\w+|features\.lookup",
    "great_expectations": r"data_contracts\.\w+",
    "sentence_transformers": r"features\.text|features\.encoder\w*|training\.intent_tuning",
    "torch": r"features\.text|features\.encoder\w*|training\.intent_tuning",
    "lightgbm": r"training\.\w+|training\.loaders\.\w+",
    "ortools": r"centre\.staffing\.programs",
    "fastapi": r"serving\.\w+(\.\w+)?",
    "prefect": r"flows\.\w+(\.\w+)?",
    "dvc": r"flows\.\w+(\.\w+)?",
}
PICKLERS = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "misc"}


@pytest.mark.parametrize("library", DOORS)
def test_a_library_is_imported_behind_its_door_only(library: str) -> None:
    outside = [
        source.module
        for source in sources()
        if any(name.split(".")[0] == library for name, _ in imports(source))
        and not re.fullmatch(DOORS[library], source.module)
    ]

    assert outside == []


def test_no_pickle_is_imported_anywhere() -> None:
    guilty = [
        source.name
        for source in sources(
            "data_contracts", "centre", "features", "training", "serving", "flows", "tests", "benchmarks"
        )
        if any(name.split(".")[0] in PICKLERS for name, _ in imports(source))
    ]

    assert guilty == []


def _asks_for_now(source: Source) -> list[int]:
    """Lines that read the wall clock: `datetime.now()`, `.utcnow()`, `.today()`, `time.time()`."""
    calls = [
        node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    return [
        call.lineno
        for call in calls
        if (
            call.func.attr in {"utcnow", "today"}
            or (
                call.func.attr == "now"
                and ast.unparse(call.func.value) in {"datetime", "datetime.datetime", "pd.Timestamp"}
            )
        )  # type: ignore[union-attr]
        or ast.unparse(call.func) == "time.time"
    ]


def test_only_the_clock_knows_now() -> None:
    guilty = {
        source.name: lines
        for source in sources()
        if source.module != "centre.clock" and (lines := _asks_for_now(source))
    }

    assert guilty == {}


def test_rooms_are_named_for_what_they_hold() -> None:
    assert [source.name for source in sources() if source.path.stem in FORBIDDEN_NAMES] == []


def test_every_module_and_public_function_says_what_it_is_for() -> None:
    silent = [source.name for source in sources() if source.text.strip() and not ast.get_docstring(source.tree)]
    silent += [
        f"{source.name}:{node.lineno} {node.name}"
        for source in sources()
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]

    assert silent == []
