"""Documentation is under test: links lead somewhere, generated pages are fresh, named commands and files exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.repository.sources import REPOSITORY, sources

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
    marked = re.findall(r"`[^`\n]+`|^    .*$|```.*?```", page.read_text(encoding="utf-8"), re.M | re.S)

    assert _unknown_commands(*marked) == []


def test_commands_that_the_inbox_names_exist_and_are_named_in_both_languages() -> None:
    from serving.phrases import PHRASES

    assert _unknown_commands(*(told for both in PHRASES.values() for told in both)) == []
    assert [name for name, (en, zh) in PHRASES.items() if COMMAND.findall(en) != COMMAND.findall(zh)] == []


def test_commands_that_an_error_tells_to_run_exist() -> None:
    told = [
        word.value
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.keyword) and node.arg == "remedy"
        for word in ast.walk(node.value)
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    ]

    assert len([words for words in told if COMMAND.search(words)]) > 10
    assert _unknown_commands(*told) == []


def test_a_command_that_does_not_exist_is_found_out() -> None:
    assert _unknown_commands("An engineer should run: parley review promote.") == ["review promote"]
    assert _unknown_commands("An engineer should run: parley promote REQUEST.", "parley review list") == []


def _unknown_commands(*told: str) -> list[str]:
    from flows.documentation import command_names

    known = command_names()
    named = [words for one in told for words in COMMAND.findall(one)]
    return [words for words in named if words not in known and words.split()[0] not in known]


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
