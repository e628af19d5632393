"""What is committed names no machine, no registry's host, and leaves no work half-marked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.repository.sources import REPOSITORY

FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.])/(work|farm|root)/"),
    "a package registry's host": re.compile(r"files\.pythonhosted\.org|pypi\.org/simple|registry\.npmjs\.org"),
    "a figure that was never filled in": re.compile(r"@[A-Z][A-Z0-9]+@"),
    "unfinished work": re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b"),
}


def _tracked_texts() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [
        REPOSITORY / name
        for name in names
        if (REPOSITORY / name).is_file() and not name.endswith((".lock", "test_words.py"))
    ]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_committed_file_holds(what: str) -> None:
    guilty = [
        f"{path.relative_to(REPOSITORY)}: {found.group()}"
        for path in _tracked_texts()
        if (found := FORBIDDEN[what].search(path.read_text(encoding="utf-8", errors="ignore")))
    ]

    assert guilty == []


def test_the_locks_are_portable() -> None:
    for name in ("requirements.lock", "requirements-serving.lock"):
        lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()

        assert [
            line for line in lines if "://" in line or "file:" in line or "+cpu" in line or line.startswith("nvidia")
        ] == []


def test_serving_alone_needs_neither_torch_nor_feast() -> None:
    names = {
        line.split("==")[0]
        for line in (REPOSITORY / "requirements-serving.lock").read_text(encoding="utf-8").splitlines()
    }

    assert names & {"torch", "feast", "sentence-transformers", "prefect", "dvc", "great-expectations"} == set()
