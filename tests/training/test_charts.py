"""Charts: right places, whole SVG, and nothing of the data taken for markup."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tests.training.reports import CHARTS
from training import charts
from training.report import Chart

BY_KIND = {chart.kind: chart for chart in CHARTS}


@pytest.mark.parametrize("kind", sorted(charts.KINDS))
def test_every_kind_is_drawn_as_whole_svg(kind: str) -> None:
    drawn = ET.fromstring(charts.draw(BY_KIND[kind]))  # noqa: S314

    assert drawn.tag == "svg"
    assert len(list(drawn)) > 3
    assert "cannot be drawn" not in charts.draw(BY_KIND[kind])


def test_bars_are_as_long_as_their_values() -> None:
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height', charts.draw(BY_KIND["bars"]))]

    assert widths[0] / widths[1] == pytest.approx(12 / 7.5, rel=0.01)


def test_a_perfectly_calibrated_bin_lies_on_the_diagonal() -> None:
    drawn = charts.draw(Chart("reliability", "", "", {"bins": [{"confidence": 0.5, "accuracy": 0.5, "rows": 1}]}))
    (line,) = re.findall(r'x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" [^>]*dasharray', drawn)
    ((x, y),) = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)

    x1, y1, x2, y2 = map(float, line)
    assert (float(x), float(y)) == (pytest.approx((x1 + x2) / 2, abs=0.1), pytest.approx((y1 + y2) / 2, abs=0.1))


def test_words_of_data_are_escaped() -> None:
    hostile = "<script>alert(1)</script>"
    for chart in (
        Chart("bars", "", "", {"labels": [hostile], "values": [1]}),
        Chart("curves", "", "", {"series": [{"name": hostile, "x": [0, 1], "y": [0, 1]}], "x_label": hostile}),
        Chart("intervals", "", "", {"items": [{"label": hostile, "estimate": 1, "low": 0, "high": 2}]}),
        Chart("fan", "", "", {"x": [hostile, "b"], "median": [1, 2], "bands": []}),
        Chart("bars", "", "", {"labels": ["a"], "values": [hostile]}),
    ):
        assert "<script" not in charts.draw(chart)


@pytest.mark.parametrize("kind", sorted(charts.KINDS))
def test_data_that_do_not_fit_draw_the_reason(kind: str) -> None:
    drawn = charts.draw(Chart(kind, "", "", {"nothing": 1}))  # type: ignore[arg-type]

    assert "cannot be drawn" in drawn
    ET.fromstring(drawn)  # noqa: S314


def test_empty_bars_and_flat_curves_are_drawn() -> None:
    assert "no rows" in charts.draw(Chart("bars", "", "", {"labels": [], "values": []}))
    flat = charts.draw(Chart("curves", "", "", {"series": [{"name": "a", "x": [1, 1], "y": [0.0, 0.0]}]}))
    assert "cannot" not in flat
    assert "nan" not in flat


def test_what_was_not_told_is_left_out_of_a_fan() -> None:
    told = {"x": ["08:00", "09:00", "10:00"], "median": [None, 5, 6], "actual": [4, None, None],
            "bands": [{"level": 0.8, "low": [None, 3, 4], "high": [None, 7, 8]}]}  # fmt: skip

    drawn = charts.draw(Chart("fan", "", "", told))

    assert "cannot" not in drawn
    (band,) = re.findall(r'd="(M[^"]+) Z" fill="#0072b2"', drawn)
    assert len(re.findall(r"[ML]", band)) == 4
    assert len(re.findall(r"<circle", drawn)) == 1


def test_a_fan_speaks_the_words_that_it_is_given() -> None:
    drawn = charts.draw(Chart("fan", "", "", {"x": ["a", "b"], "median": [1, 2], "actual": [1, 2], "bands": [],
                                              "names": {"median": "中位数", "actual": "<b>"}}))  # fmt: skip

    assert "中位数" in drawn
    assert "median" not in drawn
    assert "<b>" not in drawn


def test_a_shift_is_drawn_as_long_as_it_lasts_with_its_breaks_in_place() -> None:
    rows = [{"label": "<i>", "start": 8, "end": 16, "breaks": [[12, 13]]}, {"label": "b", "start": 10, "end": 14,
                                                                        "breaks": []}]  # fmt: skip
    drawn = charts.draw(Chart("gantt", "", "", {"rows": rows, "ticks": [[8, "08:00"], [16, "16:00"]]}))

    bars = [
        (float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    ]
    (start, whole), (pause, short), (_, half) = bars
    assert half == pytest.approx(whole / 2, abs=0.2)
    assert short == pytest.approx(whole / 8, abs=0.2)
    assert pause - start == pytest.approx(whole / 2, abs=0.2)
    assert "<i>" not in drawn


def test_curves_are_labelled_where_they_are_told_to() -> None:
    drawn = charts.draw(Chart("curves", "", "", {"series": [{"name": "a", "x": [0, 4], "y": [0, 1]}],
                                                 "x_ticks": [[0, "08:00"], [2, "12:00"]]}))  # fmt: skip

    assert [drawn.count(label) for label in ("08:00", "12:00")] == [1, 1]


def test_the_last_label_stays_inside_of_the_picture() -> None:
    labels = [f"Sat 04-{day:02d}" for day in range(1, 14)]
    drawn = charts.draw(Chart("fan", "", "", {"x": labels, "median": [1.0] * 13, "bands": []}))

    assert f'<text x="{charts.WIDTH - 2:.1f}" y="298.0" text-anchor="end"' in drawn
    assert drawn.count('y="298.0" text-anchor="middle"') == 4
