"""The forecast as it is issued: the champion's quantiles, or the baseline's, for as many days as its parameters say.

issued/<issue_id>/intervals.parquet   one row a queue (the site is `*`) and interval; every issue is kept
issued/<issue_id>/days.parquet        the same by local day
issued/<issue_id>/baseline_*.parquet  the same by the baseline, beside a model's: what answers outside of its scope
issued/<issue_id>/mix.parquet         which share of a queue comes by which channel and in which language, by hour
issued/<issue_id>/recent.parquet      what came lately, and track.json: how good earlier issues were (`flows.tracking`)
issued/current.json                   which one serving reads, replaced in one step
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from data_contracts.errors import NotEnoughData, StateConflict
from flows import asking, tracking
from flows.compose import Workspace
from flows.outputs import produced_at, write_json, write_table
from flows.telling import tell

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from training.aggregates import Added
    from training.params import Params

    Floats = npt.NDArray[np.float64]

DEMAND = ("volumes", "contacts", "segments")
LEVELS = ("q025", "q100", "q250", "q500", "q750", "q900", "q975")
# Days that are looked through for open ones: eight weeks, and a week of closed days between them.
MOST_DAYS = 63
# Standard deviations: one in 16,000 looks by chance, so that a centre of ten queues looks twice a day for two years.
STRANGE = 4.0
# Futures from which the site's quantiles are read are drawn from this: the same forecast has the same figures.
SEED = 20260501


def default_as_of(place: Workspace) -> datetime:
    """The end of what the archive knows of demand."""
    return asking.end_of_data(place, ("forecast",))


def issue_and_tell(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """Issue (see `issue`), lay on it what planners adjusted, and say so in the log as `forecast.issued`, once each."""
    from flows import adjusting

    told = issue(place, as_of=as_of)
    adjusting.lay_on(place)
    tell(place, "forecast.issued", told["issue_id"], told, subject="forecast")
    return told


def issue(place: Workspace, *, as_of: datetime) -> dict[str, Any]:
    """Issue from what was known at `as_of`; returns what `current.json` says. Raises NotEnoughData without demand."""
    from features import demand, mix

    champion = None if place.standing().is_off("forecast") else place.standing().champion("forecast")
    source = "model" if champion else "baseline"
    params = params_of(place, champion.version) if champion else running_params(place)
    tables = demand_tables(place, as_of)
    past = demand.intervals(tables, params=params.forecast, as_of=as_of)
    design = _judged_days(_to_come(past, tables, as_of=as_of, params=params), as_of=as_of, params=params)
    if not design.num_rows:
        raise NotEnoughData(
            "no interval to come is open",
            expected="opening hours in the past weeks",
            came="none",
            where=f"the {MOST_DAYS} days after {as_of.isoformat()}",
        )
    zone = params.forecast.time_zone
    issued = _by_baseline(design, params)
    if champion:
        beside = {f"baseline_{name}": one for name, one in issued.items()}
        issued = {**_by_model(place, design, time_zone=zone), **beside}
    issued["mix"] = mix.of(tables, params=params.forecast, as_of=as_of)
    name = f"{as_of:%Y%m%dT%H%M%SZ}-{source}-{champion.version if champion else 0}"
    issued["recent"] = tracking.recent(past, as_of=as_of, time_zone=zone)
    told = {
        "issue_id": name,
        "table": f"{name}/intervals.parquet",
        "days_table": f"{name}/days.parquet",
        "baseline_table": f"{name}/baseline_intervals.parquet" if champion else None,
        "baseline_days_table": f"{name}/baseline_days.parquet" if champion else None,
        "mix_table": f"{name}/mix.parquet",
        "recent_table": f"{name}/recent.parquet",
        "track": f"{name}/track.json",
        "time_zone": zone,
        "issued_at": place.clock.now().isoformat(),
        "as_of": as_of.isoformat(),
        "origin": as_of.isoformat(),
        "source": source,
        "version": champion.version if champion else None,
        "approval": champion.approval if champion else None,
        "artefact": champion.artefact if champion else None,
        "interval_s": int(design["interval_s"][0].as_py()),
        "queues": sorted(set(design["queue"].to_pylist())),
        "simulated": _is_simulated(place),
        "anomalies": _anomalies(design),
    }
    track = tracking.track(place, issued["recent"], as_of=as_of, time_zone=zone)
    _write(place, name, issued, told, track=track)
    return told


def _anomalies(design: pa.Table) -> list[dict[str, Any]]:
    """Queues whose last two hours were stranger than chance makes in a year: an outage, a campaign nobody announced."""
    scores = zip(design["queue"].to_pylist(), design["today_strange"].to_pylist(), strict=True)
    strangest = {queue: score for queue, score in scores if abs(score) >= STRANGE}
    return [{"queue": queue, "deviations": round(score, 1), "says": "busier" if score > 0 else "calmer"}
            for queue, score in sorted(strangest.items())]  # fmt: skip


def running_params(place: Workspace) -> Params:
    """The parameters of the running code, with what the workspace's settings say of them."""
    from flows.checkout import source_folder
    from training import params as parameters

    return parameters.override(parameters.load(source_folder() / "params.yaml"), asking.workspace_parameters(place))


def params_of(place: Workspace, version: str) -> Params:
    """The parameters that a forecast version was trained with: it is asked for the intervals that it learned."""
    from training import params as parameters

    card = place.registry.get("forecast", version).card
    return parameters.from_mapping({"forecast": card["params"]}, where=f"the card of forecast/{version}")


def demand_tables(place: Workspace, as_of: datetime) -> dict[str, pa.Table]:
    """What demand is counted from, as known at `as_of`, and the events that planners announced."""
    tables = {name: place.archive.read(name, known_until=as_of) for name in DEMAND}
    return tables | {"calendar_events": announced(place, as_of)}


def announced(place: Workspace, as_of: datetime) -> pa.Table:
    """The events known at `as_of`. At the end of what is known of demand, also those that were announced since: whoever
    issues now knows them, though the last count came before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if as_of < default_as_of(place):
        return place.archive.read("calendar_events", known_until=as_of)
    events = place.archive.read("calendar_events")
    now = pa.scalar(as_of, events.schema.field("known_at").type)
    known_at = pc.if_else(pc.greater(events["known_at"], now), now, events["known_at"])
    return events.set_column(events.column_names.index("known_at"), "known_at", known_at)


def _to_come(past: pa.Table, tables: Mapping[str, pa.Table], *, as_of: datetime, params: Params) -> pa.Table:
    """The design of what is to come; queues that are to merge are told apart until they do, and as one from then on."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from features import demand, mergers

    events = tables["calendar_events"]
    design = _design(past, as_of=as_of, params=params, events=events)
    for moment in mergers.beginning(events, after=as_of, before=as_of + timedelta(days=MOST_DAYS + 1)):
        merged = demand.intervals(tables, params=params.forecast, as_of=as_of, merged_until=moment)
        later = _design(merged, as_of=as_of, params=params, events=events)
        at = pa.scalar(moment, design.schema.field("interval_start").type)
        kept = design.filter(pc.less(design["interval_start"], at))
        design = pa.concat_tables([kept, later.filter(pc.greater_equal(later["interval_start"], at))])
    return design.sort_by([("queue", "ascending"), ("interval_start", "ascending")])


def _design(past: pa.Table, *, as_of: datetime, params: Params, events: pa.Table) -> pa.Table:
    from features import forecast

    return forecast.design(
        past,
        horizon_start=as_of,
        horizon_end=as_of + timedelta(days=MOST_DAYS + 1),
        known_until=as_of,
        params=params.forecast,
        events=events,
    )


def _judged_days(design: pa.Table, *, as_of: datetime, params: Params) -> pa.Table:
    """Open intervals of the rest of the day of `as_of` and of the next `horizon_days`, or of the first open day."""
    import pyarrow.compute as pc

    zone = ZoneInfo(params.forecast.time_zone)
    today = as_of.astimezone(zone).date()
    design = design.filter(design["is_open"])
    days = sorted({start.astimezone(zone).date() for start in design["interval_start"].to_pylist()} - {today})
    within = [day for day in days if day <= today + timedelta(days=params.forecast.horizon_days)]
    last = max([today, *(within or days[:1])])
    end = datetime.combine(last + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return design.filter(pc.less(design["interval_start"], end))


class Columns:
    """A design by column, as model and baseline read it: float64, NaN where unknown."""

    def __init__(self, design: pa.Table) -> None:
        self._design = design

    def column(self, name: str) -> Floats:
        """One column."""
        import numpy as np

        return np.asarray(self._design[name].to_numpy(zero_copy_only=False), dtype=np.float64)

    def matrix(self, names: Sequence[str]) -> Floats:
        """These columns, in this order: (rows, columns)."""
        import numpy as np

        return np.column_stack([self.column(name) for name in names])


def _by_model(place: Workspace, design: pa.Table, *, time_zone: str) -> dict[str, pa.Table]:
    """The champion's tables, from a payload that was verified against the chain."""
    from training import loaders, pulling

    shelf = place.settings.shelf_dir / "forecast"
    pulled = pulling.pull(
        "forecast", history=place.chain, registry=place.registry, verifier=place.chain.verifier, to=shelf
    )
    model = loaders.open_payload(pulled.folder, threads=place.settings.threads)
    if missing := sorted(set(model.columns) - set(design.column_names)):
        raise StateConflict("the champion reads columns that are no longer built", came=", ".join(missing)[:200],
                            expected="columns of features.forecast", where="forecast",
                            remedy="Roll the forecast back to the baseline, and retrain.")  # fmt: skip
    return told_by(model, design, time_zone=time_zone)


def told_by(model: Any, design: pa.Table, *, time_zone: str) -> dict[str, pa.Table]:
    """Serving's tables of a design's rows, by a loaded payload."""
    from training import aggregates

    told = model.predict(Columns(design).matrix(model.columns))
    added = aggregates.added(design, model, told["volume"], time_zone=time_zone, seed=SEED)
    return _tables(design, {**told, "mean": model.mean(told["volume"])}, added)


def _by_baseline(design: pa.Table, params: Params) -> dict[str, pa.Table]:
    """The median of earlier weeks: what answers without a model, and outside of its scope."""
    from training import baselines

    quantiles = params.forecast.quantiles
    told = baselines.forecast(Columns(design), quantiles=quantiles)
    added = baselines.added(design, quantiles=quantiles, time_zone=params.forecast.time_zone)
    return _tables(design, {**told, "mean": baselines.mean(Columns(design))}, added)


def _tables(design: pa.Table, told: Mapping[str, Floats], added: Added) -> dict[str, pa.Table]:
    """Serving's two tables, `intervals` (the queues', and the site's as queue `*`) and `days`."""
    import pyarrow as pa

    keys = {name: design[name] for name in ("queue", "interval_start", "interval_s")}
    queues = pa.table(
        {**keys, **_columns("offered", told["volume"], mean=told["mean"]), **_columns("handle", told["handle"])}
    )
    site, days = (
        pa.table({**{name: one[name] for name in keys}, **_columns("offered", one["quantiles"], mean=one["mean"])})
        for one in (added.site, added.days)
    )
    order = [("queue", "ascending"), ("interval_start", "ascending")]
    intervals = pa.concat_tables([queues, site], promote_options="default")
    return {"intervals": intervals.sort_by(order), "days": days.sort_by(order)}


def _columns(prefix: str, quantiles: Floats, *, mean: Floats | None = None) -> dict[str, pa.Array]:
    """`offered_mean`, offered_q025 … offered_q975: null where nothing is known."""
    import pyarrow as pa

    named = {} if mean is None else {f"{prefix}_mean": mean}
    named |= {f"{prefix}_{level}": quantiles[:, place] for place, level in enumerate(LEVELS)}
    return {name: pa.array(values, pa.float64(), from_pandas=True) for name, values in named.items()}


def _is_simulated(place: Workspace) -> bool:
    import pyarrow.compute as pc

    flags = [place.archive.columns(name, ["simulated"])["simulated"] for name in ("volumes", "contacts")]
    return any(bool(pc.any(flag).as_py()) for flag in flags)


def _write(
    place: Workspace, name: str, tables: Mapping[str, pa.Table], told: Mapping[str, Any], *, track: Mapping[str, Any]
) -> None:
    folder = place.settings.issued_dir
    with produced_at(folder / name) as fresh:
        for stem, table in tables.items():
            write_table(table, fresh / f"{stem}.parquet")
        write_json(fresh / "track.json", track)
        write_json(fresh / "issue.json", told)
    make_current(place, told)


def make_current(place: Workspace, told: Mapping[str, Any]) -> None:
    """Serving reads this issue from now on; in one step."""
    folder = place.settings.issued_dir
    staged = folder / "current.json.tmp"
    staged.write_text(json.dumps(dict(told), sort_keys=True), encoding="utf-8")
    staged.replace(folder / "current.json")


def last_issued(place: Workspace) -> dict[str, Any] | None:
    """What the last issue says of itself, as it was before planners adjusted it; None before the first."""
    folder = place.settings.issued_dir
    if not (folder / "current.json").is_file():
        return None
    current = json.loads((folder / "current.json").read_text("utf-8"))
    name = str(current["issue_id"]).partition("~")[0]
    return dict(json.loads((folder / name / "issue.json").read_text("utf-8")))


def next_days(place: Workspace, *, most: int) -> list[dict[str, Any]]:
    """The site's first whole local days of the current issue, planners' adjustments in them: its columns, and `day`."""
    from serving.issued import SITE, Issued

    issue = Issued(place.settings.issued_dir).current()
    if issue is None or "day" not in issue.tables:
        return []
    zone, knows = ZoneInfo(str(issue.about["time_zone"])), datetime.fromisoformat(str(issue.about["as_of"]))
    rows = issue.table("day").rows(SITE, since=knows, until=knows + timedelta(days=MOST_DAYS)).to_pylist()
    return [{**row, "day": row["interval_start"].astimezone(zone).date()} for row in rows[:most]]
