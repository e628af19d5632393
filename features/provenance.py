"""Where the rows that a family learns from and is judged on came from: which sources, and whether from a simulation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow.parquet as pq

from features import parts
from features.records import Tables, first_revisions, frame, known

if TYPE_CHECKING:
    import pandas as pd

LEARN, JUDGE = parts.PARTS[0], parts.PARTS[-1]
Share = Literal["all", "some", "none"]


def of(family: str, tables: Tables, *, to: Path, as_of: datetime) -> dict[str, Any]:
    """{sources, simulated} of the rows of a family that `build` wrote below `to`.

    sources: the distinct sources of the records that made them, sorted. simulated: "all" where every judged row is (the
    evidence then rests on a simulation alone, whatever was learned from), "some" where any row used is, else "none".
    """
    used = _USED[family](tables, to / family, as_of)
    told = used["simulated"].eq(True)
    judged = told[used["part"] == JUDGE]
    return {"sources": sorted(used["source"].unique()), "simulated": _share(told, judged)}


def _share(told: pd.Series, judged: pd.Series) -> Share:
    if not told.any():
        return "none"
    return "all" if (judged if len(judged) else told).all() else "some"


def _of_intents(tables: Tables, folder: Path, as_of: datetime) -> pd.DataFrame:
    """By example: the contact whose words it is, or the prediction that was asked about them."""
    rows = pq.read_table(folder / "examples.parquet", columns=["example_id", "part"]).to_pandas()
    contacts = first_revisions(frame(known(tables, "contacts", as_of=as_of), ["contact_id", "revision", *_ORIGIN]))
    served = frame(known(tables, "predictions", as_of=as_of), ["prediction_id", *_ORIGIN])
    found = contacts.assign(example_id=contacts["contact_id"])[_BY_EXAMPLE]
    asked = served.assign(example_id="prediction:" + served["prediction_id"].astype("object"))[_BY_EXAMPLE]
    held = asked if not len(found) else found if not len(asked) else _joined(found, asked)
    used: pd.DataFrame = rows.merge(held.drop_duplicates("example_id"), on="example_id")
    return used


def _of_offers(tables: Tables, folder: Path, as_of: datetime) -> pd.DataFrame:
    """By offer: the leg of the agent who took it."""
    rows = pq.read_table(folder / "offers.parquet", columns=["segment_id", "part"]).to_pandas()
    legs = frame(known(tables, "segments", as_of=as_of), ["segment_id", *_ORIGIN])
    used: pd.DataFrame = rows.merge(legs.drop_duplicates("segment_id"), on="segment_id")
    return used


def _of_demand(tables: Tables, folder: Path, as_of: datetime) -> pd.DataFrame:
    """By count, or by contact where nobody counted: whatever begins on a judged day is judged."""
    rows = pq.read_table(folder / "intervals.parquet", columns=["interval_start", "part"]).to_pandas()
    judged_from = rows.loc[rows["part"] == JUDGE, "interval_start"].min()
    counted = known(tables, "volumes", as_of=as_of)
    if counted.num_rows:
        told = frame(counted, ["interval_start", *_ORIGIN]).rename(columns={"interval_start": "began_at"})
    else:
        columns = ["direction", "queue", "started_at", "timeless", *_ORIGIN]
        told = frame(known(tables, "contacts", as_of=as_of), columns).rename(columns={"started_at": "began_at"})
        timeless = told["timeless"].fillna(False).astype(bool)
        told = told[(told["direction"] == "inbound") & told["queue"].notna() & ~timeless]
    return told.assign(part=np.where(told["began_at"] >= judged_from, JUDGE, LEARN))


def _joined(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([one, other], ignore_index=True)


_ORIGIN = ["source", "simulated", "known_at"]
_BY_EXAMPLE = ["example_id", "source", "simulated"]
_USED: dict[str, Callable[[Tables, Path, datetime], pd.DataFrame]] = {
    "intent": _of_intents,
    "routing": _of_offers,
    "forecast": _of_demand,
}
