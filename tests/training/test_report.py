"""A report keeps every figure through JSON, and its digest answers for all of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from data_contracts.errors import InputError
from tests.training.reports import DATA, passed_report
from training.report import Metric, Report


def test_a_report_comes_back_from_its_json_with_the_same_bytes() -> None:
    report = passed_report()

    back = Report.from_json(report.to_json())

    assert back.to_json() == report.to_json()
    assert back.digest() == report.digest()
    assert (back.gates, back.rows, back.data) == (report.gates, report.rows, report.data)


def test_a_changed_figure_reason_or_row_count_changes_the_digest() -> None:
    report = passed_report()
    others = (
        replace(report, metrics=(replace(report.metrics[0], value=0.9000001), *report.metrics[1:])),
        replace(report, reasons=("one",)),
        replace(report, rows=replace(report.rows, times_used=3)),
    )

    assert len({report.digest(), *(other.digest() for other in others)}) == 4


def test_a_figure_that_is_not_finite_is_kept_as_not_measured() -> None:
    report = replace(passed_report(), metrics=(Metric("oracle", float("nan")),))

    assert json.loads(report.to_json())["metrics"][0]["value"] is None


def test_only_wholly_simulated_evidence_is_simulated_only() -> None:
    told = [passed_report(data=replace(DATA, simulated=word)).simulated_only for word in ("all", "some", "none")]

    assert told == [True, False, False]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', "null"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a judged report"):
        Report.from_json(text)


def test_an_unknown_field_is_refused() -> None:
    raw = json.loads(passed_report().to_json())

    with pytest.raises(InputError, match="surprise"):
        Report.from_json(json.dumps({**raw, "surprise": 1}))
