"""Counts by queue and interval as one table, for trying a forecast on: mended with a reason, or refused with one.

What a workspace takes in goes row by row through its contracts (`volume_csv`); this is for an engineer's file that is
kept nowhere. Nothing is left out silently: every repair is a remark.
"""

from __future__ import annotations

import csv as lines
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from centre.intake import local_time
from centre.intake.reading import opened, records, refuse_not_text
from data_contracts.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("interval_start", "queue", "offered_count")
# A length of interval that fewer of the queues' weeks have is an accident of gaps, not a habit of the source.
LEAST_WEEKS = 0.02
# ... and steps in a week that make a habit.
FEWEST_STEPS = 4
# More rows than this off the grid of intervals, and the file is no series of intervals.
MOST_OFF_GRID = 0.05
# A file of small counts of which not one is 0 leaves zeros out, if at least this share of those that chance would make
# 0 (as a Poisson's of the same mean) is missing, and chance makes some.
ZEROS_EXPECTED, ZEROS_LEAST = 0.5, 0.01
# ... in slots that this share of a queue's days have.
USUAL_SHARE = 0.2
# Nobody stops for four weeks and goes on (as `features.openness` has it).
STOPPED_DAYS = 28
# A centre that has more of its contacts at night than this is likelier to have been read in the wrong time zone.
NIGHT, MOST_AT_NIGHT = (23, 6), 0.5
# No centre counts before 1970 (as the contract of volumes has it) nor far ahead; nor more in one interval than this, a
# hundred a second all day.
FIRST_YEAR, LAST_YEAR, MOST_OFFERED = 1970, 2200, 1e7
# So few rows, and further than this from all others, are slips of a date and no history.
MOST_LOST, LOST_DAYS = 0.05, 366
# A slot of the week that a queue has on this share of such days, of a few at least, is one that a gap is missed in.
GAP_SHARE, GAP_DAYS = 0.7, 4
_DAY_S = 86_400


@dataclass(frozen=True)
class Counts:
    """rows: queue, interval_start (UTC), offered_count, in order; the intervals' length; what was mended and why.

    late_s: by how much later than `interval_start` says intervals begin, and so end and are known.
    """

    rows: pd.DataFrame
    interval_s: int
    remarks: tuple[str, ...]
    late_s: int = 0


@dataclass
class _Mending:
    """The rows as they are mended, with what was said of it."""

    rows: pd.DataFrame
    remarks: list[str] = field(default_factory=list)
    late_s: int = 0

    def leave_out(self, bad: Any, *, why: str, column: str) -> None:
        """Drop rows and say how many, why, and what the first of them holds."""
        if bad.any():
            first = self.rows.loc[bad, column].iloc[0]
            self.remarks.append(f"left out {int(bad.sum())} rows: {why} (the first has {column} {str(first)[:40]!r})")
            self.rows = self.rows[~bad].reset_index(drop=True)


def read(path: Path, *, time_zone: str | None) -> Counts:
    """The counts of `interval_start,queue,offered_count`. Times without an offset are wall times in `time_zone` (UTC).

    Raises NotFound, NotText, MissingColumn, and InputError for what is no series of intervals: no row that can be used,
    nobody ever came, intervals that do not divide a day or are of lengths that do not fit into each other.
    """
    refuse_not_text(path)
    zone = local_time.zone(time_zone or "UTC")
    next(_checked(path), None)
    found = _read_all(path)
    _refuse_none(found, path)
    _read_times(found, zone)
    _read_counts(found)
    _refuse_none(found, path)
    _single(found)
    _leave_lost(found)
    interval_s = _on_one_grid(found, zone, path)
    _refuse_nobody(found, path)
    _fill_zeros(found, zone, interval_s)
    _remark_oddities(found, zone, interval_s)
    rows = found.rows.sort_values(["queue", "interval_start"], kind="stable").reset_index(drop=True)
    return Counts(rows[["queue", "interval_start", "offered_count"]], interval_s, tuple(found.remarks), found.late_s)


def _checked(path: Path) -> Iterator[Any]:
    """Refuses a header that lacks a column."""
    return records(path, required=REQUIRED, delimiter=",")


def _read_all(path: Path) -> _Mending:
    import pyarrow as pa
    from pyarrow import csv

    skipped: list[str] = []

    def skip(row: Any) -> str:
        skipped.append(str(row.text or "")[:40])
        return "skip"

    named = _names(path)
    asked = [named[name] for name in REQUIRED]
    try:
        table = csv.read_csv(
            path, parse_options=csv.ParseOptions(invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(asked, "string"), include_columns=asked, strings_can_be_null=False
            ),
        ).rename_columns(list(REQUIRED))  # fmt: skip
    except pa.ArrowInvalid as error:
        raise InputError("the file cannot be read as CSV", expected=",".join(REQUIRED), came=str(error)[:200],
                         where=str(path), remedy="Look for a quote that is never closed.") from error  # fmt: skip
    rows = table.to_pandas().apply(lambda column: column.str.strip())
    found = _Mending(rows)
    if skipped:
        found.remarks.append(f"left out {len(skipped)} rows: not as many fields as the header ({skipped[0]!r})")
    found.leave_out(found.rows["queue"] == "", why="no queue", column="interval_start")
    nul = found.rows["queue"].str.contains("\0", regex=False)
    found.leave_out(nul, why="a zero byte in the queue's name", column="queue")
    one_form = {name: unicodedata.normalize("NFC", name) for name in found.rows["queue"].unique()}
    found.rows["queue"] = found.rows["queue"].map(one_form)
    return found


def _names(path: Path) -> dict[str, str]:
    """The header's columns without spaces around them, and as they stand there."""
    with opened(path) as file:
        return {name.strip(): name for name in next(lines.reader(file))}


def _read_times(found: _Mending, zone: Any) -> None:
    import pandas as pd

    text = found.rows["interval_start"]
    aware = text.str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2})$", regex=True)
    told = pd.to_datetime(text.where(aware), format="ISO8601", errors="coerce", utc=True)
    wall = pd.to_datetime(text.where(~aware), format="ISO8601", errors="coerce")
    second = found.rows.assign(wall=wall).groupby(["queue", "wall"], dropna=False).cumcount() > 0
    instant = wall.dt.tz_localize(zone, ambiguous=~second.to_numpy(), nonexistent="NaT").dt.tz_convert("UTC")
    found.rows["read"] = told.fillna(instant).astype("datetime64[us, UTC]")
    found.leave_out(wall.notna() & instant.isna(), why="a change of clocks skipped that time", column="interval_start")
    found.leave_out(
        found.rows["read"].isna(), why="not a time (2026-05-04T09:30 is, ISO 8601)", column="interval_start"
    )
    year = found.rows["read"].dt.year
    odd = (year < FIRST_YEAR) | (year > LAST_YEAR)
    found.leave_out(odd, why=f"not of the years {FIRST_YEAR} to {LAST_YEAR}", column="interval_start")
    found.rows["interval_start"] = found.rows.pop("read")


def _read_counts(found: _Mending) -> None:
    import pandas as pd

    counts = pd.to_numeric(found.rows["offered_count"], errors="coerce")
    bad = ~np.isfinite(counts) | (counts < 0)
    found.leave_out(bad, why="no count of 0 or more", column="offered_count")
    counts = counts[~bad].reset_index(drop=True)
    huge = counts > MOST_OFFERED
    found.leave_out(huge, why=f"more than {MOST_OFFERED:,.0f} in one interval", column="offered_count")
    found.rows["offered_count"] = counts[~huge].to_numpy(dtype=np.float64)
    parts = found.rows["offered_count"] % 1 != 0
    if parts.any():
        found.remarks.append(f"kept {int(parts.sum())} counts that are no whole numbers as they are")


def _refuse_none(found: _Mending, path: Path) -> None:
    if not len(found.rows):
        raise InputError("no row can be used", expected=",".join(REQUIRED), came="; ".join(found.remarks) or "no rows",
                         where=str(path))  # fmt: skip


def _single(found: _Mending) -> None:
    """One row a queue and interval: the same row twice is one; two that contradict each other are none."""
    same = found.rows.duplicated()
    if same.any():
        found.remarks.append(f"{int(same.sum())} rows stand twice, and count once")
        found.rows = found.rows[~same].reset_index(drop=True)
    torn = found.rows.duplicated(["queue", "interval_start"], keep=False)
    found.leave_out(torn, why="several counts for one queue and interval", column="interval_start")


def _leave_lost(found: _Mending) -> None:
    """Leave out the few rows that lie more than a year from all others: they would make decades of a history."""
    day = found.rows["interval_start"].dt.floor("D").dt.tz_localize(None)
    days = np.sort(day.unique())
    part = np.cumsum(np.diff(days, prepend=days[:1]) > np.timedelta64(LOST_DAYS, "D"))
    of_row = part[np.searchsorted(days, day.to_numpy())]
    rows = np.bincount(of_row)
    few = (rows <= MOST_LOST * rows.sum()) & (len(rows) > 1)
    found.leave_out(few[of_row], why="more than a year away from all others", column="interval_start")


def _on_one_grid(found: _Mending, zone: Any, path: Path) -> int:
    """The length of the intervals; rows are brought to it, and left out where they do not lie on its grid."""
    lengths = _lengths(found.rows)
    if not lengths:
        raise InputError("nothing tells how long an interval is", expected="two intervals of a queue on one day",
                         came="; ".join(["single ones", *found.remarks])[:300], where=str(path))  # fmt: skip
    longest = max(lengths)
    if _DAY_S % longest or any(longest % one for one in lengths):
        raise InputError(
            "not regular intervals", expected="lengths that divide a day and fit into each other, as 15 and 30 minutes",
            came=" and ".join(f"{one / 60:g} minutes" for one in lengths), where=str(path),
            remedy="Bring the file to one length.",
        )  # fmt: skip
    second = _second_of_day(found.rows["interval_start"], zone)
    phase = int(np.bincount((second % min(lengths)).astype(int)).argmax())
    off = (second - phase) % min(lengths) != 0
    if off.mean() > MOST_OFF_GRID:
        raise InputError("not regular intervals", expected=f"starts every {min(lengths) / 60:g} minutes",
                         came=f"{off.mean():.0%} of the rows between them", where=str(path),
                         remedy="Name the clock of the file's hours and days: --time-zone.")  # fmt: skip
    found.leave_out(off, why=f"not on the grid of {min(lengths) / 60:g} minutes", column="interval_start")
    if phase:
        late = phase if 2 * phase <= min(lengths) else phase - min(lengths)
        told = f"{abs(late) / 60:g} minutes {'late' if late > 0 else 'early'}"
        found.remarks.append(f"intervals begin {told} on the clock: read as if they began on it")
        found.rows["interval_start"] -= np.timedelta64(late, "s")
        found.late_s = max(late, 0)
    if len(lengths) > 1:
        _coarsen(found, longest, zone)
    return longest


def _lengths(rows: pd.DataFrame) -> list[int]:
    """The usual steps between starts, by queue and week, that are a habit; shortest first."""
    ordered = rows.sort_values(["queue", "interval_start"], kind="stable")
    step = ordered.groupby("queue")["interval_start"].diff().dt.total_seconds()
    week = ordered["interval_start"].dt.floor("7D")
    told = step.notna() & (step <= _DAY_S)
    weeks = step[told].astype(int).groupby([ordered["queue"][told], week[told]])
    usual, steps = weeks.agg(lambda one: one.mode().iloc[0]), weeks.size()
    share = usual[steps >= min(FEWEST_STEPS, int(steps.max()))].value_counts(normalize=True) if len(usual) else usual
    return sorted(int(length) for length, part in share.items() if part >= LEAST_WEEKS)


def _second_of_day(starts: pd.Series, zone: Any) -> Any:
    """The second of the local day of each; queues share most starts, so each of these is looked at once."""
    place, local = _walls(starts, zone)
    return (local.hour * 3600 + local.minute * 60 + local.second).to_numpy()[place]


def _days(starts: pd.Series, zone: Any) -> pd.Series:
    """The local day of each, as its midnight on the wall."""
    import pandas as pd

    place, local = _walls(starts, zone)
    return pd.Series(local.normalize()[place], index=starts.index)


def _walls(starts: pd.Series, zone: Any) -> tuple[Any, Any]:
    """Of each its place among the different ones, and these as a wall clock shows them."""
    import pandas as pd

    place, different = pd.factorize(starts)
    return place, pd.DatetimeIndex(different).tz_convert(zone).tz_localize(None)


def _on_wall(wall: pd.Series, zone: Any) -> pd.Series:
    """The first moment at which a wall clock shows that; the next one that it shows, where it is moved over it."""
    first = np.ones(len(wall), dtype=bool)
    local = wall.dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward")
    found: pd.Series = local.dt.tz_convert("UTC")
    return found


def _coarsen(found: _Mending, length: int, zone: Any) -> None:
    """Shorter intervals are added up to the longest; one of which a part is missing is unknown."""
    rows, second = found.rows, _second_of_day(found.rows["interval_start"], zone)
    if length <= 3600:
        rows["interval_start"] -= (second % length).astype("timedelta64[s]")
    else:  # on the wall: such an interval may hold a change of clocks
        day = _days(rows["interval_start"], zone)
        rows["interval_start"] = _on_wall(day + (second - second % length).astype("timedelta64[s]"), zone)
    cells = rows.groupby(["queue", "interval_start"], as_index=False)
    added = cells.agg(offered_count=("offered_count", "sum"), parts=("offered_count", "size"))
    week = added["interval_start"].dt.floor("7D")
    usual = added["parts"].groupby([added["queue"], week]).transform("max")
    found.rows = added
    found.remarks.append(f"intervals of several lengths: shorter ones are added up to {length / 60:g} minutes")
    found.leave_out(added["parts"] < usual, why="a part of the interval is missing", column="interval_start")


def _refuse_nobody(found: _Mending, path: Path) -> None:
    if not (found.rows["offered_count"] > 0).any():
        raise InputError("nobody ever came", expected="counts above 0", came="only zeros", where=str(path),
                         remedy="A queue without contacts needs no forecast: its forecast is 0.")  # fmt: skip


def _fill_zeros(found: _Mending, zone: Any, interval_s: int) -> None:
    """Where counts are so small that some must be 0 and none is, the source leaves zeros out: they are put back.

    Only in hours in which the queue usually has somebody, on days on which it had and on which no clock changed.
    """
    import pandas as pd

    rows = found.rows
    if (rows["offered_count"] == 0).any():
        return
    second = _second_of_day(rows["interval_start"], zone)
    midnight = _on_wall(_days(rows["interval_start"], zone), zone)
    even = (rows["interval_start"] - midnight == pd.to_timedelta(second, unit="s")).groupby(midnight).transform("all")
    midnight = midnight[even]
    days = pd.DataFrame({"queue": rows["queue"][even], "midnight": midnight}).drop_duplicates()
    seen = rows.assign(second=second).groupby(["queue", "second"], as_index=False).agg(days=("offered_count", "size"))
    usual = seen[seen["days"] >= USUAL_SHARE * seen["queue"].map(days.groupby("queue").size())]
    whole = days.merge(usual[["queue", "second"]], on="queue")
    whole["interval_start"] = whole["midnight"] + pd.to_timedelta(whole["second"], unit="s")
    whole = whole[whole["interval_start"].between(rows["interval_start"].min(), rows["interval_start"].max())]
    filled = rows.merge(whole[["queue", "interval_start"]], on=["queue", "interval_start"], how="outer")
    small = filled.groupby("queue")["offered_count"].transform(_leaves_zeros_out).astype(bool)
    filled = filled[small | filled["offered_count"].notna()].reset_index(drop=True)
    if missing := len(filled) - len(rows):
        found.remarks.append(f"no count is 0 though some must be: {missing} intervals without a row are taken for 0")
        filled["offered_count"] = filled["offered_count"].fillna(0.0)
        found.rows = filled


def _leaves_zeros_out(counts: pd.Series) -> bool:
    """Whether chance would make zeros of a queue's counts (NaN where a row is missing), and as many are missing."""
    by_chance = float(np.exp(-counts.sum() / len(counts)))
    return by_chance > ZEROS_LEAST and bool(counts.isna().mean() > ZEROS_EXPECTED * by_chance)


def _remark_gaps(rows: pd.DataFrame, zone: Any) -> list[str]:
    """Intervals that are missing where a queue usually has them, on days that hold others; not on a queue's first and
    last day, nor where a clock changed."""
    import pandas as pd

    place, different = pd.factorize(rows["interval_start"])
    starts = pd.Series(pd.DatetimeIndex(different))
    second, midnight = _second_of_day(starts, zone), _days(starts, zone)
    even = (starts - _on_wall(midnight, zone) == pd.to_timedelta(second, unit="s")).groupby(midnight).transform("all")
    number = (midnight - midnight.min()).dt.days.to_numpy()
    told = pd.DataFrame({"queue": pd.factorize(rows["queue"])[0], "day": number[place],
                         "weekday": midnight.dt.weekday.to_numpy()[place], "second": second[place]})  # fmt: skip
    days = told.groupby("queue")["day"]
    edge = (told["day"] == days.transform("min")) | (told["day"] == days.transform("max"))
    told = told[~edge & even.to_numpy()[place]]
    seen = told.groupby(["queue", "weekday", "second"], as_index=False).size()
    whole = told.groupby(["queue", "weekday"], as_index=False)["day"].nunique()
    seen = seen.merge(whole, on=["queue", "weekday"])
    usual = seen[(seen["day"] >= GAP_DAYS) & (seen["size"] >= GAP_SHARE * seen["day"])]
    missing = int((usual["day"] - usual["size"]).sum())
    if not missing:
        return []
    return [f"{missing} intervals without a row in hours that usually have one: taken to be unknown, not to be 0"]


def _remark_oddities(found: _Mending, zone: Any, interval_s: int) -> None:
    """What is no fault and may be one: gaps, missing days, queues that stopped, nights that are busier than days."""
    rows = found.rows
    hour = _second_of_day(rows["interval_start"], zone) // 3600
    days = _days(rows["interval_start"], zone)
    found.remarks += _remark_gaps(rows, zone)
    missing = (days.max() - days.min()).days + 1 - days.nunique()
    if missing:
        found.remarks.append(f"{missing} of the days between the first and the last hold no rows: taken to be closed")
    last = days[rows["offered_count"] > 0].groupby(rows["queue"]).max()
    for queue in sorted(last.index[(days.max() - last).dt.days > STOPPED_DAYS]):
        found.remarks.append(f"the queue {queue!r} has had nobody since {last[queue]:%Y-%m-%d}: taken to have stopped")
    at_night = rows["offered_count"][(hour >= NIGHT[0]) | (hour < NIGHT[1])].sum()
    if interval_s <= 3600 and at_night > MOST_AT_NIGHT * rows["offered_count"].sum():
        found.remarks.append(f"most contacts come between {NIGHT[0]} and {NIGHT[1]} o'clock in {zone}: is that right?")
