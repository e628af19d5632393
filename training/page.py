"""The report as one self-contained page: the same sections for every family, in English and Chinese.

Nothing is loaded from anywhere (a content policy in the page forbids it), no script runs, all text is escaped. The page
is a function of the report alone, so the digest that approval signs covers what the reviewer sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training import charts as pictures
from training.report import Chart, Report

SECTIONS = ("verdict", "gates", "metrics", "comparisons", "slices", "charts", "rows", "limits")
FAMILIES_ZH: Mapping[str, str] = {"intent": "意图识别", "routing": "路由", "forecast": "预测"}
CLAIMS: Mapping[str, str] = {
    "first": "A first version, judged against the baseline. 首个版本，与基线对照。",
    "refresh": "A refresh: no worse than the champion by more than the margin. 更新版本，不得明显劣于现行版本。",
    "improvement": "A claim of improvement: it must be better than the champion. 声称改进，必须优于现行版本。",
}
WORDS: Mapping[str, str] = {
    "passed": "passed 通过", "held": "held 暂缓", "failed": "failed 未通过", "not_judged": "not judged 未评判",
    "missing": "missing 缺失",
}  # fmt: skip


def render(report: Report) -> str:
    """The page as HTML text."""
    return rendered(
        "page.html", charts=report.charts, report=report, digest=report.digest(), claim=CLAIMS[report.claim],
        title=f"{report.family.capitalize()} model: judged report",
        title_zh=f"{FAMILIES_ZH.get(report.family, report.family)}模型评判报告", words=WORDS, interval=_interval,
    )  # fmt: skip


def rendered(template: str, *, charts: Sequence[Chart], **told: Any) -> str:
    """A template of this folder as HTML text, its pictures drawn."""
    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    pages.filters.update(number=_number, signed=_signed, count=_count)
    return pages.get_template(template).render(drawn=[_drawn(chart) for chart in charts], **told)


def _drawn(chart: Chart) -> Mapping[str, Any]:
    """A picture, or the columns and rows of a table: a browser sets text better than a picture does, and it wraps."""
    named = {"title": chart.title, "title_zh": chart.title_zh}
    rows = chart.data.get("rows")
    if chart.kind == "table" and isinstance(rows, list) and isinstance(chart.data.get("columns"), list):
        return {**named, "columns": chart.data["columns"], "rows": rows}
    # Made by `charts`, which escapes every word of data itself.
    return {**named, "svg": Markup(pictures.draw(chart))}  # noqa: S704


def write(report: Report, *, to: Path) -> None:
    """Write `report.json` and `page.html` into the folder `to`, made if need be."""
    to.mkdir(parents=True, exist_ok=True)
    (to / "report.json").write_text(report.to_json(), encoding="utf-8")
    (to / "page.html").write_text(render(report), encoding="utf-8")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.2g}"


def _signed(value: float | None) -> str:
    return "–" if value is None else ("+" if value > 0 else "") + _number(value)


def _count(value: int) -> str:
    return f"{value:,}"


def _interval(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "–"
    return f"{_number(low)} to {_number(high)}"
