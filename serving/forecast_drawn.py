"""How rows of a forecast, and how good earlier ones were, are drawn: in the reader's language, by the local clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from serving import pages
from serving.phrases import PageLanguage, phrase, weekday

Rows = Sequence[Mapping[str, Any]]
# The central intervals that are drawn, widest first, by the columns of an issued table.
_BANDS: Final = ((0.95, "q025", "q975"), (0.8, "q100", "q900"), (0.5, "q250", "q750"))


@dataclass(frozen=True)
class Drawing:
    """Draws for a reader's language and a local clock."""

    language: PageLanguage
    zone: ZoneInfo

    def t(self, name: str) -> str:
        """A phrase."""
        return phrase(name, self.language)

    def day_name(self, day: date) -> str:
        """Fri 05-08."""
        return f"{weekday(day.weekday(), self.language)} {day:%m-%d}"

    def day_of(self, row: Mapping[str, Any]) -> date:
        """The local day that a row begins in."""
        start: datetime = row["interval_start"]
        return start.astimezone(self.zone).date()

    def outlook(self, rows: Rows, came: Callable[[date], float | None]) -> Markup | None:
        """The days as a fan; None without any."""
        days = [self.day_of(row) for row in rows]
        return self._fan(rows, [self.day_name(day) for day in days], "offered", [came(day) for day in days])

    def days(self, rows: Rows, came: Callable[[date], float | None]) -> list[dict[str, Any]]:
        """The same as rows of a table; closed days between them say so."""
        told = {self.day_of(row): row for row in rows}
        first, last = min(told, default=date.max), max(told, default=date.min)
        days = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
        return [{**told.get(day, {}), "day": day, "name": self.day_name(day), "came": came(day),
                 "is_closed": day not in told} for day in days]  # fmt: skip

    def day(self, rows: Rows, came: Mapping[datetime, float]) -> Markup | None:
        """The intervals of a day as a fan; those that came before the issue, or outside of hours, as counts alone."""
        told = {row["interval_start"]: row for row in rows}
        starts = sorted(told.keys() | {start for start, count in came.items() if count > 0})
        labels = [f"{start.astimezone(self.zone):%H:%M}" for start in starts]
        both = [told.get(start, {}) for start in starts]
        return self._fan(both, labels, "offered", [came.get(start) for start in starts]) if rows or came else None

    def handle(self, rows: Rows) -> Markup | None:
        """Handle seconds by interval as a fan; None where they are not told (the site's are not)."""
        known = [row for row in rows if row.get("handle_q500") is not None]
        return self._fan(known, [f"{row['interval_start'].astimezone(self.zone):%H:%M}" for row in known], "handle", [])

    def handle_mean(self, rows: Rows) -> float | None:
        """The day's handle seconds: of the intervals' medians, weighted by the contacts expected."""
        known = [row for row in rows if row.get("handle_q500") is not None and row.get("offered_mean")]
        expected = sum(row["offered_mean"] for row in known)
        return sum(row["handle_q500"] * row["offered_mean"] for row in known) / expected if expected else None

    def busiest(self, rows: Rows) -> str:
        """When the busiest interval begins, and how many are expected; empty without any."""
        known = [row for row in rows if row.get("offered_q500") is not None]
        if not known:
            return ""
        one = max(known, key=lambda row: (row["offered_q500"], row["interval_start"]))
        return f"{one['interval_start'].astimezone(self.zone):%H:%M} · {pages.count(one['offered_q500'])}"

    def track(self, told: Mapping[str, Any] | None, queue: str) -> dict[str, Any] | None:
        """How good earlier issues were: of each queue as rows, of this one as charts; None where nobody judged any."""
        if told is None or not told["days"]:
            return None
        mine = next((one for one in told["queues"] if one["queue"] == queue), None)
        rows = [{"queue": "", **told["overall"]}, *told["queues"]]
        days = [one for one in told["by_day"] if one["queue"] == queue]
        return {
            "rows": rows,
            "days": told["days"],
            "fan": self._fan(days, [self.day_name(date.fromisoformat(one["day"])) for one in days], "offered",
                             [one["came"] for one in days]),
            "by_hour": self._by_hour(mine) if mine else None,
            "calibration": self._calibration(mine) if mine else None,
        }  # fmt: skip

    def _by_hour(self, told: Mapping[str, Any]) -> Markup | None:
        hours = told["by_hour"]
        series = [{"name": self.t("issued"), "x": [one["hour"] for one in hours], "y": [one["wape"] for one in hours]}]
        if told["baseline"]:
            usual = [one["baseline_wape"] for one in hours]
            series.append({"name": self.t("baseline"), "x": series[0]["x"], "y": usual})
        ticks = [[hour, f"{hour:02d}:00"] for hour in range(0, 24, 3) if hours and hour >= hours[0]["hour"]]
        axes = {"x_label": self.t("hour"), "y_label": "WAPE", "x_ticks": ticks}
        return pages.picture("curves", {"series": series, **axes}) if hours else None

    def _calibration(self, told: Mapping[str, Any]) -> Markup | None:
        levels = [one["level"] for one in told["calibration"]]
        series = [
            {"name": self.t(f"by_{name}"), "x": levels, "y": [one[name] for one in told["calibration"]]}
            for name in ("interval", "day")
        ]
        series.append({"name": self.t("perfect"), "x": levels, "y": levels})
        ticks = [[level, f"{level:.3g}"] for level in levels]
        axes = {"x_label": self.t("quantile"), "y_label": self.t("share_below"), "x_ticks": ticks}
        return pages.picture("curves", {"series": series, **axes})

    def _fan(self, rows: Rows, labels: Sequence[str], of: str, came: Sequence[float | None]) -> Markup | None:
        """A fan of one column's quantiles; what a table does not have is not drawn."""
        if not any(row.get(f"{of}_q500") is not None for row in rows) and not any(one is not None for one in came):
            return None
        bands = [
            {"level": level, "low": [row.get(f"{of}_{low}") for row in rows],
             "high": [row.get(f"{of}_{high}") for row in rows]}
            for level, low, high in _BANDS
        ]  # fmt: skip
        return pages.picture("fan", {
            "x": labels, "median": [row.get(f"{of}_q500") for row in rows], "bands": bands,
            "actual": list(came) if any(one is not None for one in came) else [],
            "names": {"median": self.t("median"), "actual": self.t("actual")},
        })  # fmt: skip
