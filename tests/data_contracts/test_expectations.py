"""Great Expectations sees what the checks see, tells it in pages, and tells nobody else."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data_contracts import data_docs, expectations
from data_contracts.arrow import table
from data_contracts.contracts import contract
from data_contracts.errors import ContractError
from data_contracts.expectations import QualityReport, RuleQuality
from tests.data_contracts.samples import NOW, good_row


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Every attempt to reach a host, which each test ends by finding none."""
    reached: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: reached.append(address))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: reached.append(address) or [])
    yield reached
    assert reached == []


def validated(tables: Mapping[str, pa.Table], **more: Any) -> QualityReport:
    return expectations.validate(tables, **{"docs_to": None, "as_of": NOW, **more})


def rules(report: QualityReport, dataset: str) -> dict[str, RuleQuality]:
    return next({rule.rule: rule for rule in told.rules} for told in report.datasets if told.dataset == dataset)


def test_good_rows_keep_every_rule_of_their_contracts() -> None:
    report = validated({name: table(name, [good_row(name)]) for name in ("agents", "decisions", "roster", "volumes")})
    assert report.success
    for told in report.datasets:
        wanted = {rule.name for rule in contract(told.dataset).row_rules}
        assert wanted | {"key.unique", "rows.some", "repeats.few"} <= {rule.rule for rule in told.rules}
        assert told.rows == 1


def test_a_broken_rule_is_told_with_the_rows_that_it_judged_and_those_that_broke_it() -> None:
    rows = [good_row("segments", segment_id=f"s{n}", wait_s=wait) for n, wait in enumerate([-1.0, None, 5.0, -2.0])]
    report = validated({"segments": table("segments", rows)})
    found = rules(report, "segments")
    assert not report.success
    assert (found["wait_s.between"].evaluated_count, found["wait_s.between"].unexpected_count) == (3, 2)
    assert [rule.rule for rule in found.values() if not rule.success] == ["wait_s.between"]


def test_two_rows_of_one_key_break_the_key() -> None:
    rows = [good_row("utterances"), good_row("utterances", text="again")]
    found = rules(validated({"utterances": table("utterances", rows)}), "utterances")
    assert (found["key.unique"].success, found["key.unique"].unexpected_count) == (False, 2)


def test_a_stale_feed_fails_and_history_is_not_judged() -> None:
    live = validated({"contacts": table("contacts", [good_row("contacts")])}, as_of=NOW + timedelta(days=15))
    history = validated({"contacts": table("contacts", [good_row("contacts", backfilled=True)])}, as_of=NOW)
    assert not rules(live, "contacts")["known_at.fresh"].success
    assert "known_at.fresh" not in rules(history, "contacts")


def test_many_repeats_are_a_warning_and_an_empty_table_is_one() -> None:
    found = rules(validated({"ratings": table("ratings", [good_row("ratings")] * 2)}), "ratings")
    assert (found["repeats.few"].success, found["repeats.few"].severity) == (False, "warning")
    empty = validated({"ratings": table("ratings", [])})
    assert empty.success
    assert not rules(empty, "ratings")["rows.some"].success


def test_without_an_as_of_the_future_begins_after_the_newest_that_is_known() -> None:
    told = table("agent_states", [good_row("agent_states", changed_at=NOW + timedelta(days=1))])
    assert not rules(expectations.validate({"agent_states": told}, docs_to=None), "agent_states")[
        "changed_at.not_future"
    ].success
    later = table("ratings", [good_row("ratings", known_at=NOW + timedelta(days=1))])
    both = expectations.validate({"agent_states": told, "ratings": later}, docs_to=None)
    assert rules(both, "agent_states")["changed_at.not_future"].success


def test_nothing_to_validate_is_nothing_wrong() -> None:
    assert expectations.validate({}, docs_to=None) == QualityReport(success=True, datasets=())


def test_a_rule_that_could_not_be_evaluated_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "frame_of", lambda table, _: table.select(["source"]).to_pandas())
    with pytest.raises(ContractError, match="could not be evaluated"):
        validated({"ratings": table("ratings", [good_row("ratings")])})


def test_the_pages_tell_every_rule_reach_out_to_nobody_and_hold_no_words_of_a_customer(tmp_path: Path) -> None:
    words = "我的卡号是六二二二"
    rows = [good_row("utterances", text=words), good_row("utterances", turn=1, text="x" * 10, speaker="nobody")]
    report = validated({"utterances": table("utterances", rows)}, docs_to=tmp_path / "docs")
    pages = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "docs").rglob("*.html")}
    every = "".join(pages.values())
    assert report.docs is not None
    assert (tmp_path / "docs" / report.docs) in pages
    assert all(rule.rule in every for rule in report.datasets[0].rules)
    assert "Failed" in every
    assert words not in every
    assert "nobody" not in every
    assert not re.search(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", every)
    assert not re.search(r"<script|<img|<link|@import", every)
    assert {path.suffix for path in (tmp_path / "docs").rglob("*") if path.is_file()} == {".html"}


def test_the_pages_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "old.html").write_text("old", encoding="utf-8")
    validated({"ratings": table("ratings", [good_row("ratings")])}, docs_to=tmp_path / "docs")
    assert not (tmp_path / "docs" / "old.html").exists()


def test_a_quiet_page_keeps_its_words_and_its_own_links() -> None:
    head, link = '<head><link rel="x" href="//cdn.example"></head>', '<a href="segments.html">Segments</a>'
    page = head + link.replace(">S", ' onclick="f()">S') + "<script>f()</script>"
    assert data_docs.quiet(page).endswith("</head>" + link)
