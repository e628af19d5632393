"""Rooms stay small: the limits of docs/tour.md, measured."""

from __future__ import annotations

from statistics import median

from tests.repository.sources import functions, sources


def test_no_file_is_over_400_lines_and_the_median_is_under_150() -> None:
    lengths = {source.name: source.line_count for source in sources()}

    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}
    assert median(lines for lines in lengths.values() if lines) < 150


def test_no_function_is_over_60_lines_and_the_median_is_under_10() -> None:
    lengths = {f"{source.name}:{name}": lines for source in sources() for name, lines in functions(source)}

    assert {name: lines for name, lines in lengths.items() if lines > 60} == {}
    assert median(lengths.values()) < 10


def test_test_files_stay_readable_too() -> None:
    assert {
        source.name: source.line_count for source in sources("tests", "benchmarks") if source.line_count > 400
    } == {}
