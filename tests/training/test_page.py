"""The page: the same sections for every family, in two languages, whole, escaped, and loading nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.training.reports import DATA, passed_report
from training import page
from training.report import Chart, Report

VOID = {"meta", "br"}


class _Structure(HTMLParser):
    """Open and close tags must pair; keeps headings, ids and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        self.scripts += tag == "script" or any(name.startswith("on") for name in told)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def structure(html: str) -> _Structure:
    read = _Structure()
    read.feed(html)
    read.close()
    assert read.open == []
    return read


@pytest.mark.parametrize("family", ["intent", "routing", "forecast"])
@pytest.mark.parametrize("bare", [False, True], ids=["full", "bare"])
def test_every_family_has_the_same_sections_in_both_languages(family: str, bare: bool) -> None:
    report = passed_report(family=family)
    if bare:
        report = replace(report, metrics=(), comparisons=(), gates=(), slices=(), charts=(), limits=())

    html = page.render(report)

    assert tuple(structure(html).ids) == page.SECTIONS
    for heading in re.findall(r"<h[12]>(.*?)</h[12]>", html):
        assert re.search("[A-Za-z]", heading)
        assert re.search("[\u4e00-\u9fff]", heading)


def test_nothing_is_loaded_and_nothing_runs() -> None:
    html = page.render(passed_report(champion="9" * 64))
    read = structure(html)

    assert (read.addresses, read.scripts) == ([], 0)
    assert "default-src 'none'" in html
    assert not re.search(r"https?://|@import|url\(", html)


def test_all_text_is_escaped() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    report = passed_report(verdict="held", reasons=(hostile,), limits=(hostile,), abstains_in=(hostile,))
    report = replace(
        report,
        data=replace(DATA, sources=(hostile,)),
        metrics=(replace(report.metrics[0], name=hostile, says=hostile, unit=hostile),),
        charts=(replace(report.charts[1], title=hostile, data={"labels": [hostile], "values": [1]}),),
    )

    html = page.render(report)

    assert "<img" not in html
    assert html.count("&lt;img") >= 8
    structure(html)


def test_figures_reasons_and_warnings_are_on_the_page() -> None:
    report = passed_report(champion="9" * 64, abstains_in=("zh",), answers_in=("en",), allowed_use="pilot",
                           data=replace(DATA, simulated="all"))  # fmt: skip
    html = page.render(report)

    for told in ("no worse than the champion", f"{report.metrics[0].value:.3f}", "channel = voice",
                 "Abstains to a person in: zh", "模拟数据", "randomised pilot", report.digest(), "measured on one bank",
                 "2026-04-15"):  # fmt: skip
        assert told in html


def test_the_page_is_a_function_of_the_report(tmp_path: Path) -> None:
    report = passed_report()

    page.write(report, to=tmp_path / "report")

    assert Report.from_json((tmp_path / "report" / "report.json").read_text("utf-8")).digest() == report.digest()
    assert (tmp_path / "report" / "page.html").read_text("utf-8") == page.render(report)


def test_a_table_is_set_as_text_that_wraps_and_every_cell_is_escaped() -> None:
    told = {"columns": ["a", "b"], "rows": [["<script>x</script>", "one"]]}
    report = replace(passed_report(family="intent"), charts=(Chart("table", "Words", "词", told),))

    html = page.render(report)

    assert structure(html).scripts == 0
    assert "<td>&lt;script&gt;x&lt;/script&gt;</td><td>one</td>" in html


def test_a_table_that_holds_no_rows_says_why_it_cannot_be_drawn() -> None:
    report = replace(passed_report(family="intent"), charts=(Chart("table", "Words", "词", {}),))

    assert "cannot be drawn" in page.render(report)
