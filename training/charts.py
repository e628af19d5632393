"""The pictures of a report as inline SVG: no script, no font, no address in them; every word of data is escaped.

`KINDS` says which keys each kind of `report.Chart` reads. A chart whose data do not fit draws the reason instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from training.report import Chart

KINDS: Mapping[str, str] = {
    "reliability": "bins: [{confidence, accuracy, rows}], shares from 0 to 1",
    "fan": "x: labels; median: numbers; actual: numbers or null; bands: [{level, low: [..], high: [..]}], widest "
    "first; null in all of them where nothing was told; optional names: {median, actual}",
    "bars": "labels: texts; values: numbers; optional low and high: numbers of the same length",
    "curves": "series: [{name, x: [..], y: [..]}]; optional x_label, y_label, x_ticks: [[x, label]]",
    "intervals": "items: [{label, estimate, low, high}]; optional reference: a number drawn as a line",
    "table": "columns: texts; rows: [[texts, one a column]]",
    "gantt": "rows: [{label, start, end, breaks: [[start, end]]}]; ticks: [[place, label]]; places are numbers",
}

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 14, 40
# Half of a letter and half of a Chinese character, about, at the size of 13.
HALF_NARROW, HALF_WIDE = 3.7, 6.5
# Where data begin: below the legend.
CROWN = 30
ROW = 26
# Colours that stay apart for the colour-blind (Okabe and Ito 2008).
BLUE, ORANGE, GREEN, GREY, INK = "#0072b2", "#d55e00", "#009e73", "#d9dee5", "#5b6673"
# What the legend shows of the bands of a fan, widest first: they lie on each other.
SHADES = ("#d1e3f0", "#a3c9e0", "#7db3d5")
SERIES = (BLUE, ORANGE, GREEN, "#cc79a7", "#56b4e9", "#e69f00")
TICKS = 5
LONGEST_LABEL = 34
MOST_ROWS = 40


def draw(chart: Chart) -> str:
    """The chart as one SVG element."""
    try:
        return DRAWN[chart.kind](chart.data)
    except (KeyError, TypeError, ValueError, IndexError) as wrong:
        return _svg([_text(WIDTH / 2, 40, f"cannot be drawn: {wrong!r}; needs {KINDS[chart.kind]}")], height=70)


@dataclass(frozen=True)
class _Frame:
    """Where data lie in the picture: x from x_low to x_high across, y from y_low (bottom) to y_high (top)."""

    x_low: float
    x_high: float
    y_low: float
    y_high: float

    def x(self, value: float) -> float:
        return LEFT + (value - self.x_low) / ((self.x_high - self.x_low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.y_low) / ((self.y_high - self.y_low) or 1.0) * (HEIGHT - CROWN - BOTTOM)

    def path(self, xs: Sequence[float], ys: Sequence[float | None]) -> str:
        """A line that breaks where a value is missing."""
        steps, joined = [], False
        for x, y in zip(xs, ys, strict=True):
            if y is not None:
                steps.append(f"{'L' if joined else 'M'}{self.x(x):.1f} {self.y(y):.1f}")
            joined = y is not None
        return " ".join(steps)

    def grid(self, *, x_ticks: Sequence[tuple[float, str]] | None = None) -> list[str]:
        drawn = []
        for value in _ticks(self.y_low, self.y_high):
            drawn.append(_line(LEFT, self.y(value), WIDTH - RIGHT, self.y(value), GREY))
            drawn.append(_text(LEFT - 6, self.y(value) + 4, _number(value), anchor="end"))
        named = x_ticks or [(value, _number(value)) for value in _ticks(self.x_low, self.x_high)]
        drawn += [_inside(self.x(value), HEIGHT - BOTTOM + 18, label) for value, label in named]
        return drawn


def _reliability(data: Mapping[str, Any]) -> str:
    frame = _Frame(0, 1, 0, 1)
    bins = [one for one in data["bins"] if one.get("accuracy") is not None]
    most = max((one.get("rows", 1) for one in bins), default=1) or 1
    drawn = frame.grid()
    drawn.append(_line(frame.x(0), frame.y(0), frame.x(1), frame.y(1), INK, dash="5 4"))
    points = [(float(one["confidence"]), float(one["accuracy"])) for one in bins]
    drawn.append(_path(frame.path([x for x, _ in points], [y for _, y in points]), BLUE))
    for (x, y), one in zip(points, bins, strict=True):
        radius = 3 + 6 * (one.get("rows", 1) / most) ** 0.5
        told = f"{x:.3f} said, {y:.3f} right, {one.get('rows', '?')} rows"
        drawn.append(f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="{radius:.1f}" fill="{BLUE}" '
                     f'fill-opacity="0.75"><title>{escape(told)}</title></circle>')  # fmt: skip
    return _svg([*drawn, *_axis_names("confidence 置信度", "right 正确率")])


def _fan(data: Mapping[str, Any]) -> str:
    labels = [str(label) for label in data["x"]]
    xs = [float(place) for place in range(len(labels))]
    edges = [band[side] for band in data["bands"] for side in ("low", "high")]
    columns = [data["median"], data.get("actual") or [], *edges]
    frame = _around(xs, [value for column in columns for value in column if value is not None])
    step = max(1, -(-len(labels) // 6))
    drawn = frame.grid(x_ticks=[(xs[place], _short(labels[place], 14)) for place in range(0, len(labels), step)])
    for band in data["bands"]:
        drawn.append(_band(frame, xs, band["low"], band["high"]))
    drawn.append(_path(frame.path(xs, data["median"]), BLUE))
    told = {"median": "median 中位数", "actual": "actual 实际", **data.get("names", {})}
    names = [(told["median"], BLUE)]
    names += [(f"{float(band['level']):.0%}", shade) for band, shade in zip(data["bands"], SHADES, strict=False)]
    if data.get("actual"):
        drawn.append(_path(frame.path(xs, data["actual"]), ORANGE))
        drawn += [f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="2.5" fill="{ORANGE}"/>'
                  for x, y in zip(xs, data["actual"], strict=True) if y is not None]  # fmt: skip
        names.append((told["actual"], ORANGE))
    return _svg([*drawn, *_legend(names)])


def _bars(data: Mapping[str, Any]) -> str:
    labels = [str(label) for label in data["labels"]][:MOST_ROWS]
    values = [float(value) for value in data["values"]][:MOST_ROWS]
    lows, highs = data.get("low"), data.get("high")
    most = max([0.0, *values, *(float(high) for high in highs or [])]) or 1.0
    left, drawn = 250, []
    for row, (label, value) in enumerate(zip(labels, values, strict=True)):
        y = TOP + row * ROW
        width = max(0.0, value) / most * (WIDTH - left - 70)
        drawn.append(_text(left - 8, y + 15, _short(label, LONGEST_LABEL), anchor="end"))
        drawn.append(f'<rect x="{left}" y="{y + 3}" width="{width:.1f}" height="{ROW - 8}" rx="2" fill="{BLUE}"/>')
        drawn.append(_text(left + width + 6, y + 15, _number(value), anchor="start"))
        if lows and highs:
            ends = [left + max(0.0, float(end[row])) / most * (WIDTH - left - 70) for end in (lows, highs)]
            drawn.append(_line(ends[0], y + 11, ends[1], y + 11, INK))
    return _svg(drawn or [_nothing()], height=2 * TOP + ROW * max(1, len(labels)))


def _curves(data: Mapping[str, Any]) -> str:
    series = data["series"]
    xs = [float(x) for one in series for x in one["x"]]
    ys = [float(y) for one in series for y in one["y"] if y is not None]
    frame = _around(xs, ys)
    ticks = [(float(x), str(label)) for x, label in data.get("x_ticks", [])]
    drawn = frame.grid(x_ticks=ticks)
    for one, colour in zip(series, _colours(len(series)), strict=True):
        drawn.append(_path(frame.path([float(x) for x in one["x"]], one["y"]), colour))
    names = [(str(one["name"]), colour) for one, colour in zip(series, _colours(len(series)), strict=True)]
    axes = _axis_names(str(data.get("x_label", "")), str(data.get("y_label", "")))
    return _svg([*drawn, *_legend(names), *axes])


def _intervals(data: Mapping[str, Any]) -> str:
    items = [one for one in data["items"] if one.get("low") is not None][:MOST_ROWS]
    reference = data.get("reference")
    marks = [] if reference is None else [float(reference)]
    ends = marks + [float(one[end]) for one in items for end in ("low", "high")]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    left = 250

    def place(value: float) -> float:
        return left + (value - low) / ((high - low) or 1.0) * (WIDTH - left - 90)

    height = 2 * TOP + ROW * max(1, len(items))
    drawn = [_line(place(mark), 4, place(mark), height - 4, INK, dash="4 4") for mark in marks]
    for row, one in enumerate(items):
        y, estimate = TOP + row * ROW + 11, float(one["estimate"])
        drawn.append(_text(left - 12, y + 4, _short(str(one["label"]), LONGEST_LABEL), anchor="end"))
        drawn.append(_line(place(float(one["low"])), y, place(float(one["high"])), y, BLUE, width=2.5))
        drawn.append(f'<circle cx="{place(estimate):.1f}" cy="{y:.1f}" r="4.5" fill="{BLUE}"/>')
        drawn.append(_text(WIDTH - 4, y + 4, f"{estimate:+.3g}", anchor="end"))
    return _svg(drawn or [_nothing()], height=height)


def _table(data: Mapping[str, Any]) -> str:
    """Columns as wide as their longest text is, a Chinese character counting for two."""
    rows = [[str(cell) for cell in row] for row in (data["columns"], *data["rows"])]
    widths = [max(_wide(row[place]) for row in rows) + 2 for place in range(len(rows[0]))]
    step = (WIDTH - 8) / sum(widths)
    size = min(13.0, 1.75 * step)
    drawn = []
    for number, row in enumerate(rows):
        y = TOP + number * ROW * 0.8
        for place, cell in enumerate(row):
            told = _text(4 + step * sum(widths[:place]), y + 11, cell, anchor="start")
            drawn.append(told.replace("<text ", f'<text font-size="{size:.1f}" '))
        drawn.append(_line(0, y + 17, WIDTH, y + 17, GREY, width=1 if number else 2))
    return _svg(drawn, height=2 * TOP + ROW * 0.8 * len(rows))


def _gantt(data: Mapping[str, Any]) -> str:
    """Bars from start to end, the breaks cut out of them."""
    rows, ticks = data["rows"], data["ticks"]
    ends = [float(one[end]) for one in rows for end in ("start", "end")] + [float(place) for place, _ in ticks]
    left, right, step, low, high = 130, 34, 18, min(ends, default=0.0), max(ends, default=1.0)

    def x(value: float) -> float:
        return left + (float(value) - low) / ((high - low) or 1.0) * (WIDTH - left - right)

    def bar(start: float, end: float, y: float, colour: str) -> str:
        return f'<rect x="{x(start):.1f}" y="{y:.1f}" width="{x(end) - x(start):.1f}" height="12" fill="{colour}"/>'

    height = TOP + step * max(1, len(rows)) + 26
    drawn = [_line(x(place), TOP, x(place), height - 24, GREY) for place, _ in ticks]
    drawn += [_text(x(place), height - 8, str(label)) for place, label in ticks]
    for number, one in enumerate(rows):
        y = TOP + number * step
        drawn.append(_text(left - 8, y + 11, _short(str(one["label"]), 18), anchor="end"))
        drawn.append(bar(one["start"], one["end"], y, BLUE))
        drawn += [bar(start, end, y, GREY) for start, end in one["breaks"]]
    return _svg(drawn if rows else [_nothing()], height=height)


def _wide(text: str) -> int:
    return sum(1 if character.isascii() else 2 for character in text)


DRAWN: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "reliability": _reliability, "fan": _fan, "bars": _bars, "curves": _curves, "intervals": _intervals,
    "table": _table, "gantt": _gantt,
}  # fmt: skip


def _around(xs: Sequence[float], ys: Sequence[float]) -> _Frame:
    if not xs or not ys:
        raise ValueError("no points")
    gap = (max(ys) - min(ys)) * 0.06 or abs(max(ys)) * 0.1 or 1.0
    bottom = 0.0 if min(ys) >= 0 and min(ys) < max(ys) / 2 else min(ys) - gap
    return _Frame(min(xs), max(xs), bottom, max(ys) + gap)


def _band(frame: _Frame, xs: Sequence[float], low: Sequence[float], high: Sequence[float]) -> str:
    told = [place for place, pair in enumerate(zip(low, high, strict=True)) if None not in pair]
    xs, low, high = ([column[place] for place in told] for column in (xs, low, high))
    there = frame.path(xs, high)
    back = " ".join(f"L{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in zip(reversed(xs), reversed(low), strict=True))
    return f'<path d="{there} {back} Z" fill="{BLUE}" fill-opacity="0.18" stroke="none"/>'


def _legend(names: Sequence[tuple[str, str]]) -> list[str]:
    drawn, x = [], float(LEFT + 8)
    for name, colour in names:
        drawn.append(f'<rect x="{x:.0f}" y="{TOP}" width="12" height="4" fill="{colour}"/>')
        drawn.append(_text(x + 17, TOP + 7, _short(name, 24), anchor="start"))
        x += 34 + 7.2 * min(len(name), 24) * (1.0 if name.isascii() else 1.25)
    return drawn


def _axis_names(x_name: str, y_name: str) -> list[str]:
    across = _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 5, x_name)
    turned = f'transform="translate(13 {HEIGHT / 2:.0f}) rotate(-90)" text-anchor="middle" fill="{INK}"'
    return [across, f"<text {turned}>{escape(y_name)}</text>"]


def _colours(count: int) -> list[str]:
    return [SERIES[place % len(SERIES)] for place in range(count)]


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten) between the ends, about `TICKS` of them."""
    rough = (high - low) / (TICKS - 1) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.9)
    first = math.ceil(low / step - 1e-9)
    return [place * step for place in range(first, math.floor(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _short(label: str, most: int) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"


def _nothing() -> str:
    return _text(WIDTH / 2, 24, "no rows 无数据")


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, dash: str = "", width: float = 1) -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dashed}/>')  # fmt: skip


def _path(steps: str, colour: str) -> str:
    return f'<path d="{steps}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _inside(x: float, y: float, told: str) -> str:
    """A text in the middle of x, or as near to it as the picture has room for."""
    half = sum(HALF_WIDE if ord(one) > 0x2E80 else HALF_NARROW for one in told)
    over = x + half > WIDTH
    return _text(WIDTH - 2 if over else x, y, told, anchor="end" if over else "middle")


def _text(x: float, y: float, told: str, *, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(told)}</text>'


def _svg(parts: Sequence[str], *, height: float = HEIGHT) -> str:
    return (f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" font-size="13" '
            f'font-family="inherit">{"".join(parts)}</svg>')  # fmt: skip
