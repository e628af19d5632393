"""Documentation is under test: links lead somewhere, generated pages are fresh, named commands and files exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.repository.sources import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
FILE = re.compile(r"`((?:data_contracts|centre|features|training|serving|flows|tests|docs|benchmarks)/[\w./-]+)`")
COMMAND = re.compile(r"\bparley ([a-z][a-z-]+(?: [a-z][a-z-]+)?)")
TARGET = re.compile(r"`make ([a-z-]+)")


def _name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_and_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    missing += [name for name in FILE.findall(text) if not (REPOSITORY / name).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_named_make_targets_exist(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.M))

    assert set(TARGET.findall(page.read_text(encoding="utf-8"))) - known == set()


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_named_commands_exist(page: Path) -> None:
    from flows.documentation import command_names

    known = command_names()
    named = COMMAND.findall(
        "\n".join(re.findall(r"`[^`\n]+`|^    .*$|```.*?```", page.read_text(encoding="utf-8"), re.M | re.S))
    )
    unknown = [words for words in named if words not in known and words.split()[0] not in known]

    assert unknown == []


def test_the_generated_references_are_fresh() -> None:
    from flows.documentation import pages

    stale = [
        name
        for name, text in pages().items()
        if not (path := REPOSITORY / "docs" / "reference" / name).is_file() or path.read_text(encoding="utf-8") != text
    ]

    assert stale == [], "run `make docs`"


def test_the_chinese_readme_keeps_beside_the_english_one() -> None:
    english, chinese = ((REPOSITORY / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh.md"))

    for pattern in (r"^#+ ", r"^```", r"^\| "):
        assert len(re.findall(pattern, english, re.M)) == len(re.findall(pattern, chinese, re.M)), pattern
    assert set(re.findall(r"parley [a-z]+", english)) == set(re.findall(r"parley [a-z]+", chinese))


def test_every_command_takes_json_but_the_two_that_start_the_application() -> None:
    from flows.documentation import commands_page, commands_without_json

    assert commands_without_json() == {"demo", "serve"}
    assert "but `demo` and `serve`" in commands_page()
