"""A file of counts for an evaluation of the forecast: read, mended, judged origin by origin; nothing is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_contracts.errors import InputError, NotEnoughData
from flows.checkout import checkout_of

if TYPE_CHECKING:
    import pyarrow as pa

    from centre.intake.counts import Counts

# Weeks ahead that an evaluation may ask for, as issuing does.
HORIZON_DAYS = 56


def evaluate_forecast(
    *, history: Path, test_days: int, origin_step_days: int, update_at: str | None, country: str | None,
    time_zone: str | None, rivals: bool, changes: Sequence[str], seed: int, threads: int, events: Path | None = None,
    page: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """`training.forecast_evaluation` on a file; see there for the figures. Adds `remarks`: what was mended and why.

    update_at: HH:MM of the local day. events: a file of `centre.intake.calendar_csv`. page: where to write the
    evaluation as a page to look at. Raises what reading a file raises, InputError for numbers of days that make no
    sense, NotEnoughData where the days before the judged ones are too few.
    """
    from centre.intake import calendar_csv, counts
    from training import forecast_evaluation, forecast_page, params
    from training.forecast_evaluation import Question

    _refuse_nowhere(page)
    question = Question(_days(test_days, "--test-days"), _days(origin_step_days, "--origin-step-days"),
                        _time(update_at), rivals)  # fmt: skip
    given = [f"forecast.country={country.upper()}"] if country else []
    changed = params.override(params.load(checkout_of().folder / "params.yaml"), [*given, *changes]).forecast
    read = counts.read(history, time_zone=time_zone)
    announced = calendar_csv.read(events, time_zone=time_zone) if events else None
    told = replace(changed, time_zone=time_zone or "UTC", interval_s=read.interval_s, horizon_days=HORIZON_DAYS)
    try:
        with tempfile.TemporaryDirectory(prefix="parley-evaluate-") as folder:
            found = forecast_evaluation.evaluate(
                table_of(read), question, params=told, seed=seed, threads=threads, to=Path(folder), events=announced
            )
            remarks = [*read.remarks, *_remarks(announced, read)]
            if page:
                text = forecast_page.render(
                    found, name=history.name, remarks=remarks, time_zone=told.time_zone, seed=seed
                )
                page.write_text(text, encoding="utf-8")
    except NotEnoughData as error:
        error.where = str(history)
        raise
    return {**found.figures, "remarks": remarks}


def _remarks(events: pa.Table | None, read: Counts) -> list[str]:
    """How many events were read, and which of their queues the history does not know."""
    if events is None:
        return []
    named = {queue for queues in events["queues"].to_pylist() for queue in queues or ()}
    unknown = sorted(named - set(read.rows["queue"]))
    missing = [f"events name queues that the history does not: {', '.join(unknown)}"[:200]] if unknown else []
    return [f"{events.num_rows} rows of calendar events are read, each from when it was known", *missing]


def _refuse_nowhere(page: Path | None) -> None:
    """Before minutes of work: whether the page can be written at all."""
    if page is not None and not page.absolute().parent.is_dir():
        raise InputError("nowhere to write the page", expected="a folder that is there", came=str(page.parent),
                         where="--page")  # fmt: skip


def table_of(read: Counts) -> pa.Table:
    """The intervals table of `features.demand`: each count is known when its interval ends."""
    import pyarrow as pa

    from features.demand import SCHEMA

    count = len(read.rows)
    starts = pa.array(read.rows["interval_start"]).cast(pa.timestamp("us", tz="UTC"))
    ends = pa.array(read.rows["interval_start"] + _seconds(read.interval_s + read.late_s)).cast(
        pa.timestamp("us", tz="UTC")
    )
    columns = {
        "queue": pa.array(read.rows["queue"].astype(str)), "interval_start": starts,
        "interval_s": pa.array([read.interval_s] * count), "offered_count": pa.array(read.rows["offered_count"]),
        "handled_count": pa.nulls(count, pa.float64()), "handle_s": pa.nulls(count, pa.float64()),
        "is_open": pa.array([True] * count), "known_at": ends, "part": pa.array(["train"] * count),
    }  # fmt: skip
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def _seconds(count: int) -> Any:
    import pandas as pd

    return pd.Timedelta(seconds=count)


def _days(count: int, option: str) -> int:
    if count < 1:
        raise InputError("not a number of days", expected="1 or more", came=str(count), where=option)
    return count


def _time(text: str | None) -> time | None:
    if text is None:
        return None
    try:
        told = time.fromisoformat(text)
    except ValueError as error:
        raise InputError("not a time of the day", expected="HH:MM, as 11:00", came=text, where="--update-at") from error
    if told.tzinfo is not None or told.second or told.microsecond:
        raise InputError("not a time of the day", expected="HH:MM on the local clock", came=text, where="--update-at")
    return told
