"""What a staffing plan is made of: the issued forecast on a grid of intervals, who may work, how customers wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from data_contracts.errors import InputError, NotEnoughData, NotFound
from flows.compose import Workspace

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from centre.staffing.load import Load
    from centre.staffing.required import Goal
    from centre.staffing.rules import Rules
    from centre.staffing.shifts import Day, Worker
    from centre.staffing.waiting import Waiting
    from training.parts import Mix

    Floats = npt.NDArray[np.float64]

LEVELS = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
# So many who gave up tell how long customers wait; fewer say less than the rules' usual figure.
FEWEST_GIVEN_UP = 30
# A plan of more weeks than are forecast anywhere: a slip of the finger.
MOST_DAYS = 62

Row = Mapping[str, Any]


# Eight weeks are forecast; shifts are planned by the week.
USUAL_DAYS = 7


@dataclass(frozen=True)
class Grid:
    """The horizon: whole local days, cut into intervals from `start` (UTC) on."""

    start: datetime
    interval_s: int
    intervals: int
    days: tuple[Day, ...]
    names: tuple[str, ...]

    def place(self, moment: datetime) -> int:
        """The interval that a moment lies in; below 0 or beyond the last for one outside."""
        return int((moment - self.start).total_seconds() // self.interval_s)

    def day_of(self, interval: int, slots_each: int) -> int:
        """The place of the local day in which an interval begins."""
        return max(0, sum(day.first_slot <= interval * slots_each for day in self.days) - 1)


@dataclass(frozen=True)
class Case:
    """Everything that a plan is made from. `quantiles`: offered and handle, each (7, queues, intervals); of
    what cannot wait, `waiting` being the rest."""

    rules: Rules
    queues: tuple[str, ...]
    grid: Grid
    quantiles: tuple[Floats, Floats]
    handle_cv: tuple[float, ...]
    patience_s: tuple[float, ...]
    workers: tuple[Worker, ...]
    waiting: Waiting

    @property
    def goals(self) -> tuple[Goal, ...]:
        """What each queue is to reach."""
        return tuple(self.rules.goal(queue) for queue in self.queues)

    @property
    def slots_each(self) -> int:
        """Slots of the roster in an interval."""
        return self.grid.interval_s // (self.rules.rostering.slot_min * 60)

    def load(self, *, turn: int) -> Load:
        """Scenarios; those of another turn are others."""
        import numpy as np

        from centre.staffing import load

        luck = self.rules.luck
        return load.drawn(
            *self.quantiles, interval_s=self.grid.interval_s, day=self.waiting.day, handle_cv=np.array(self.handle_cv),
            patience_s=np.array(self.patience_s), hanging=load.Hanging(luck.day_correlation, luck.queue_correlation),
            scenarios=luck.scenarios, seed=2 * luck.seed + turn,
        )  # fmt: skip


def forecast_rows(
    place: Workspace, *, since: datetime | None, until: datetime | None
) -> tuple[dict[str, Any], list[dict[str, Any]], Mix | None]:
    """The current issue, its queues' rows of the period (see `within`), and what its queues are made of. Raises
    NotFound before the first."""
    from serving.issued import Issued

    issue = Issued(place.settings.issued_dir).current()
    if issue is None:
        raise NotFound("there is nothing to staff for", expected="an issued forecast", came="none",
                       where=str(place.settings.issued_dir), remedy="Run parley issue-forecast.")  # fmt: skip
    rows: list[dict[str, Any]] = within(issue.table("interval").whole, since=since, until=until).to_pylist()
    return issue.about, rows, issue.mix


def as_forecast(place: Workspace, about: Mapping[str, Any], rules: Rules) -> Rules:
    """The rules with luck that hangs together as the issued forecast says it does, where it says so."""
    import pyarrow.parquet as pq

    from training import aggregates

    if not about.get("days_table"):
        return rules
    intervals, days = (pq.read_table(place.settings.issued_dir / about[name]) for name in ("table", "days_table"))
    day, queues = aggregates.hanging(intervals, days, time_zone=about["time_zone"])
    luck = replace(rules.luck, day_correlation=round(min(day, 0.99), 3), queue_correlation=round(queues, 3))
    return replace(rules, luck=luck)


def within(issued: pa.Table, *, since: datetime | None, until: datetime | None) -> pa.Table:
    """The queues' intervals that begin in [since, until), a week without an end. Raises InputError for a period that
    holds none."""
    import pyarrow.compute as pc

    from serving.issued import SITE

    rows = issued.filter(pc.not_equal(issued["queue"], SITE))
    starts = pc.min_max(rows["interval_start"]).as_py()
    if until is None and rows.num_rows:
        until = max(starts["min"], since or starts["min"]) + timedelta(days=USUAL_DAYS)
    for bound, beyond in ((since, pc.greater_equal), (until, pc.less)):
        rows = rows if bound is None else rows.filter(beyond(rows["interval_start"], _moment(bound, rows)))
    if not rows.num_rows:
        there = f"{starts['min'].isoformat()} to {starts['max'].isoformat()}" if starts["min"] else "none"
        asked = f"{since.isoformat() if since else ''} to {until.isoformat() if until else ''}"
        raise InputError("no interval is forecast then", expected=f"a period within {there}", came=asked,
                         where="--from, --to")  # fmt: skip
    return rows


def _moment(bound: datetime, rows: pa.Table) -> pa.Scalar:
    import pyarrow as pa

    return pa.scalar(bound, type=rows.schema.field("interval_start").type)


def case(
    rows: Sequence[Row], *, rules: Rules, time_zone: str, workers: Sequence[Mapping[str, Any]],
    customers: Mapping[str, tuple[float | None, float | None]],
) -> Case:  # fmt: skip
    """Forecast rows, agents as `staffing_people` tells them, and (handle_cv, patience_s) by queue, on one grid.

    Raises InputError for intervals that the roster's slots do not fit, NotEnoughData for a queue of unknown demand or
    handle time, and where nobody serves any queue.
    """
    queues = tuple(sorted({row["queue"] for row in rows}))
    grid = _grid(rows, rules, ZoneInfo(time_zone), time_zone)
    told = [customers.get(queue, (None, None)) for queue in queues]
    return Case(
        rules=rules,
        queues=queues,
        grid=grid,
        quantiles=_quantiles(rows, queues, grid, rules),
        handle_cv=tuple(cv if cv is not None else rules.luck.handle_cv for cv, _ in told),
        patience_s=tuple(patience if patience is not None else rules.luck.patience_s for _, patience in told),
        workers=_workers(workers, queues, grid, rules),
        waiting=_waiting(rows, queues, grid, rules),
    )


def customers(place: Workspace, queues: Sequence[str]) -> dict[str, tuple[float | None, float | None]]:
    """How much handle times vary (cv) and how long customers wait (mean patience, s), by queue, as records tell."""
    import numpy as np

    from centre.queueing import call_log, handling, patience

    try:
        log = call_log.read(place.archive.read("segments"), time_zone=place.settings.time_zone)
    except NotEnoughData:
        return {}
    of_leg = np.array([stream.queue for stream in log.streams])[log.stream]
    found: dict[str, tuple[float | None, float | None]] = {}
    for queue in queues:
        here = of_leg == queue
        logs = np.log(log.handle_s[here & ~log.gone & (log.handle_s > handling.MIN_HANDLE_S)])
        gone = log.gone[here]
        found[queue] = (
            float(np.sqrt(np.expm1(logs.var()))) if len(logs) >= FEWEST_GIVEN_UP else None,
            patience.exponential_patience_s(log.wait_s[here], abandoned=gone)
            if gone.sum() >= FEWEST_GIVEN_UP
            else None,
        )
    return found


def _grid(rows: Sequence[Row], rules: Rules, zone: ZoneInfo, name: str) -> Grid:
    from centre.staffing.shifts import Day

    length, slot_s = int(rows[0]["interval_s"]), rules.rostering.slot_min * 60
    if length % slot_s:
        raise InputError("the roster's slots do not fit the forecast's intervals", expected=f"a part of {length} s",
                         came=f"{slot_s} s", where="rostering.slot_min")  # fmt: skip
    first, last = (pick(row["interval_start"] for row in rows) for pick in (min, max))
    local = [moment.astimezone(zone).date() for moment in (first, last)]
    if (count := (local[1] - local[0]).days + 1) > MOST_DAYS:
        raise InputError("too long a period", expected=f"{MOST_DAYS} days or fewer", came=str(count), where="--to")
    midnights = [
        datetime.combine(local[0] + timedelta(days=day), datetime.min.time(), tzinfo=zone).astimezone(UTC)
        for day in range(count + 1)
    ]
    before = -(-int((first - midnights[0]).total_seconds()) // length)
    start = first - timedelta(seconds=before * length)
    slots = [int((midnight - start).total_seconds()) // slot_s for midnight in midnights]
    dates = [local[0] + timedelta(days=day) for day in range(count)]
    days = tuple(
        Day(slot, day.weekday(), (day.toordinal() - 1) // 7, *_change_of_clocks(day, zone, slot_s))
        for slot, day in zip(slots, dates, strict=False)
    )
    intervals = -(-slots[-1] * slot_s // length)
    return Grid(start, length, intervals, days, tuple(day.isoformat() for day in dates))


def _change_of_clocks(day: date, zone: ZoneInfo, slot_s: int) -> tuple[int, int]:
    """From which minute of the day on wall times come so many slots later than on other days; the day's end without."""
    midnight = datetime.combine(day, datetime.min.time())
    begins = midnight.replace(tzinfo=zone).astimezone(UTC)
    for minute in range(0, 1440, 15):
        wall = (midnight + timedelta(minutes=minute)).replace(tzinfo=zone).astimezone(UTC)
        if late := (wall - begins).total_seconds() - 60 * minute:
            return minute, round(late / slot_s)
    return 1440, 0


def _quantiles(rows: Sequence[Row], queues: Sequence[str], grid: Grid, rules: Rules) -> tuple[Floats, Floats]:
    """Offered (0 where closed) and handle seconds (a queue's own median where an interval's is not known)."""
    import numpy as np

    offered = np.zeros((len(LEVELS), len(queues), grid.intervals))
    handle = np.full_like(offered, np.nan)
    places = {queue: place for place, queue in enumerate(queues)}
    for row in rows:
        at = (slice(None), places[row["queue"]], grid.place(row["interval_start"]))
        for told, prefix in ((offered, "offered"), (handle, "handle")):
            told[at] = [np.nan if row[f"{prefix}_{level}"] is None else row[f"{prefix}_{level}"] for level in LEVELS]
    for queue, place in places.items():
        known = ~np.isnan(handle[:, place]).any(axis=0)
        if not known.any() and rules.luck.handle_s:
            handle[:, place], known = rules.luck.handle_s, np.ones_like(known)
        if np.isnan(offered[:, place]).any() or not known.any():
            raise NotEnoughData("the forecast does not tell enough of a queue", expected="contacts and handle times",
                                came="none known", where=queue,
                                remedy="Ingest contacts with handle times, or counts with handled_count and "
                                       "handle_mean_s, and run parley issue-forecast; or name luck.handle_s in the "
                                       "rules.")  # fmt: skip
        handle[:, place, ~known] = np.median(handle[:, place, known], axis=1)[:, None]
    return np.sort(np.maximum(offered, 0.0), axis=0), np.sort(np.maximum(handle, 1.0), axis=0)


def _waiting(rows: Sequence[Row], queues: Sequence[str], grid: Grid, rules: Rules) -> Waiting:
    import numpy as np

    from centre.staffing.waiting import Waiting

    slots_each = grid.interval_s // (rules.rostering.slot_min * 60)
    day = np.asarray([grid.day_of(one, slots_each) for one in range(grid.intervals)], dtype=np.int64)
    erlangs = np.zeros((len(queues), grid.intervals))
    for row in rows:
        erlangs[queues.index(row["queue"]), grid.place(row["interval_start"])] = row.get("waiting_erlangs") or 0.0
    return Waiting(erlangs, day)


def _workers(told: Sequence[Mapping[str, Any]], queues: Sequence[str], grid: Grid, rules: Rules) -> tuple[Worker, ...]:
    """Those who serve a queue of the forecast, in order of name. Raises NotEnoughData for none, InputError for two of
    one name and for a template that nobody knows."""
    from centre.staffing.shifts import Worker

    usual, templates = rules.rostering, {template.name for template in rules.templates}
    found: dict[str, Worker] = {}
    for one in told:
        skills = frozenset(place for place, queue in enumerate(queues) if queue in one["skills"])
        own = frozenset(one.get("templates", ()))
        if one["agent_id"] in found or own - templates:
            expected = "a name each" if one["agent_id"] in found else "of " + ", ".join(sorted(templates))
            raise InputError("this agent cannot be rostered", expected=expected,
                             came=", ".join([one["agent_id"], *sorted(own - templates)]), where="agents")  # fmt: skip
        worker = Worker(
            one["agent_id"], skills, one.get("cost_hour", usual.cost_hour),
            one.get("min_hours_week", usual.min_hours_week), one.get("max_hours_week", usual.max_hours_week),
            own, _away(one.get("away", ()), grid, usual.slot_min * 60),
        )  # fmt: skip
        found[worker.agent_id] = worker
    able = [found[name] for name in sorted(found) if found[name].skills]
    if not able:
        raise NotEnoughData("nobody can be rostered", expected="agents whose skills name " + ", ".join(queues)[:200],
                            came=f"{len(told)} agents, none of them", where="agents",
                            remedy="Ingest agents (events), or name a file: --agents FILE.")  # fmt: skip
    return tuple(able)


def _away(periods: Iterable[Any], grid: Grid, slot_s: int) -> frozenset[int]:
    """The slots of the horizon in which an agent is away: (start, end) times, or days of the horizon."""
    slots: set[int] = set()
    total = grid.intervals * grid.interval_s // slot_s
    edges = [day.first_slot for day in grid.days] + [total]
    for period in periods:
        if isinstance(period, str):
            first, _, last = period.partition("/")
            for place, name in enumerate(grid.names):
                if _day(first) <= name <= _day(last or first):
                    slots |= set(range(edges[place], edges[place + 1]))
        else:
            begins, ends = ((moment - grid.start).total_seconds() / slot_s for moment in period)
            slots |= set(range(max(0, int(begins)), min(total, -int(-ends // 1))))
    return frozenset(slots)


def _day(text: str) -> str:
    try:
        return datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat()
    except ValueError as error:
        raise InputError("no such day", expected="2026-05-04 or 2026-05-04/2026-05-06", came=text[:40],
                         where="agents, away") from error  # fmt: skip
